"""An image's row, its claims and its events, as services write them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any, TypeVar

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from panoptes_network.database.engine import run_transaction
from panoptes_network.database.image_claims import (
    Claim,
    advance,
    claim_image,
)
from panoptes_network.database.images import record_image
from panoptes_network.database.models import Image
from panoptes_network.errors import Reason, UnsolvedError
from panoptes_network.events import PipelineImage
from panoptes_network.frames.metadata import Identity, identify
from panoptes_network.ids import CameraTime
from panoptes_network.states import ImageState
from panoptes_network.storage import StoredObject

T = TypeVar("T")
START = datetime(2018, 10, 11, 13, 42, 2, tzinfo=UTC)
CLOUDY = UnsolvedError(Reason.TOO_FEW_SOURCES, "too few stars")


def identity(seconds: int = 0, unit: str = "PAN001", camera: str = "14d3bd") -> Identity:
    image = CameraTime(unit, camera, START + timedelta(seconds=seconds))
    return identify(None, {"IMAGEID": str(image), "SEQID": str(CameraTime(unit, camera, START))})


IMAGE = identity()
IMAGE_ID = str(IMAGE.image)


def stored(generation: int, path: str = "a.fits") -> StoredObject:
    return StoredObject("panoptes-raw", path, generation, 100)


def record(
    generation: int | None, which: Identity = IMAGE, path: str = "a.fits", **headers: Any
) -> Image:
    file = None if generation is None else stored(generation, path)
    return run_transaction(lambda s: record_image(s, which, headers, file, "test"))


def claim(generation: int = 1, message_id: str = "m") -> Claim | None:
    message = PipelineImage(
        image_id=IMAGE_ID, bucket="panoptes-raw", bucket_path="a.fits", generation=generation
    )
    return run_transaction(lambda s: claim_image(s, message, message_id, "worker"))


def claimed(generation: int = 1) -> Claim:
    taken = claim(generation)
    assert taken is not None
    return taken


def move(by: Claim, state: ImageState, **columns: Any) -> None:
    run_transaction(lambda s: advance(s, by, state, **columns))


def image_row(db: Engine) -> dict[str, Any]:
    with db.connect() as connection:
        return dict(connection.execute(text("SELECT * FROM images")).mappings().one())


def history(db: Engine) -> list[tuple[str, str | None]]:
    query = text("SELECT state, reason_code FROM image_events ORDER BY event_id")
    with db.connect() as connection:
        return [(state, reason) for state, reason in connection.execute(query)]


def count(db: Engine, table: str) -> int:
    with db.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608


def together(works: list[Callable[[], T]]) -> list[T]:
    """Run each work in a thread of its own, all of them from the same moment."""
    barrier = Barrier(len(works))

    def run(work: Callable[[], T]) -> T:
        barrier.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def add_source(session: Session, key: int, time: datetime) -> None:
    session.execute(text("SELECT ensure_sources_partition(:time)"), {"time": time})
    session.execute(
        text(
            "INSERT INTO sources (time, image_key, number, ra_deg, dec_deg, x_px, y_px, flux_adu,"
            " flux_err_adu, peak_adu, fwhm_px, ellipticity, flags)"
            " VALUES (:time, :key, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)"
        ),
        {"time": time, "key": key},
    )
