"""One image through the plate solver, against real servers: what its tests have in common."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from google.cloud.storage import Client
from numpy.typing import NDArray
from sqlalchemy import Engine, text

from panoptes_network import storage
from panoptes_network.catalog.formats import embedded_stars, open_stars
from panoptes_network.catalog.load import Cone, Limits, load
from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.images import record_image
from panoptes_network.errors import PermanentError
from panoptes_network.events import PipelineImage
from panoptes_network.frames.bayer import STAMP_SIDE
from panoptes_network.frames.fits_header import read_image_header
from panoptes_network.frames.header_values import clean_headers
from panoptes_network.frames.metadata import identify
from panoptes_network.ids import parse_path
from plate_solver import worker


@dataclass(frozen=True)
class Solver:
    """The worker's surroundings: a database and two buckets."""

    db: Engine
    client: Client

    def upload(self, path: str, source: Path | bytes) -> PipelineImage:
        """Put an object in the raw bucket and record its image, as the services before do."""
        blob = self.client.bucket(settings().raw_bucket).blob(path)
        if isinstance(source, Path):
            blob.upload_from_filename(str(source))
        else:
            blob.upload_from_string(source)
        stored = storage.find(settings().raw_bucket, path)
        try:
            read = partial(storage.read_range, stored)
            headers = clean_headers(dict(read_image_header(read).cards))
        except PermanentError:
            headers = {}
        identity = identify(parse_path(path), headers)
        image = run_transaction(lambda s: record_image(s, identity, headers, stored, "test"))
        return PipelineImage(
            image_id=image.image_id,
            bucket=stored.bucket,
            bucket_path=path,
            generation=stored.generation,
        )

    def solve(self, image: PipelineImage, message_id: str = "1") -> dict[str, Any]:
        """Work on an image as on a message of the subscription; return its row."""
        worker.work_on(image, message_id)
        return self.image(image.image_id)

    def image(self, image_id: str) -> dict[str, Any]:
        """Return an image's row."""
        with self.db.connect() as connection:
            row = connection.execute(
                text("SELECT * FROM images WHERE image_id = :id"), {"id": image_id}
            ).one()
        return dict(row._mapping)

    def sources(self, image_id: str) -> list[dict[str, Any]]:
        """Return an image's sources, brightest first."""
        with self.db.connect() as connection:
            rows = connection.execute(
                text(
                    "SELECT sources.* FROM sources JOIN images USING (image_key, time)"
                    " WHERE image_id = :id ORDER BY number"
                ),
                {"id": image_id},
            ).all()
        return [dict(row._mapping) for row in rows]

    def states(self, image_id: str) -> list[str]:
        """Return the states that an image went through, in order."""
        with self.db.connect() as connection:
            events = text("SELECT state FROM image_events WHERE image_id = :id ORDER BY event_id")
            return list(connection.scalars(events, {"id": image_id}))


def load_gaia(ra_deg: float, dec_deg: float, radius_deg: float) -> None:
    """Load the embedded bright stars of a region."""
    region = Cone(ra_deg, dec_deg, radius_deg)
    load(embedded_stars(), Limits(region=region), lambda _: None)


def load_file(path: Path) -> None:
    """Load a TIC file."""
    load(open_stars(path), Limits(), lambda _: None)


def stamp_pixels(source: dict[str, Any]) -> NDArray[np.uint16]:
    """Return a source's stamp as pixels [y, x]."""
    stamp = np.frombuffer(source["stamp"], dtype=">u2")
    return stamp.reshape(STAMP_SIDE, STAMP_SIDE).astype(np.uint16)
