"""One frame through the plate solver, in a process of its own as the worker is."""

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import services  # noqa: F401
from memory import peak_mb
from sqlalchemy import text
from stopwatch import Seconds, own_cpu_s, timed

from panoptes_network import storage
from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.image_claims import claim_image
from panoptes_network.database.images import record_image
from panoptes_network.events import PipelineImage
from panoptes_network.frames.fits_header import read_image_header
from panoptes_network.frames.header_values import clean_headers
from panoptes_network.frames.metadata import identify
from panoptes_network.ids import parse_path
from panoptes_network.processing import isolation
from plate_solver.pipeline import Stopwatch, process

SERVICE = "bench"
CALL_LIMIT_S = 60


@dataclass(frozen=True, slots=True)
class SolvedFrame:
    """A frame that is done.

    Attributes
    ----------
    image_key : int
        Of its rows in the database.
    seconds : Seconds
        From the claim to the end of the last transaction.
    stages : dict
        Seconds by the clock of each stage of the pipeline, in its order.
    figures : dict
        `n_sources`, `n_matched`, `rms_arcsec` as the database has them.
    peak_mb : float
        Most memory that this process ever had, without the programs that it ran.
    """

    image_key: int
    seconds: Seconds
    stages: dict[str, float]
    figures: dict[str, float]
    peak_mb: float


def solve_frame(file: Path, object_path: str) -> SolvedFrame:
    """Upload and record a frame, then take it to its stamps as the worker does."""
    image, stage = _arrive(file, object_path), Stopwatch()
    elsewhere = isolation.run(own_cpu_s, CALL_LIMIT_S)
    seconds, image_key = timed(lambda: _work_on(image, stage))
    seconds += Seconds(0, isolation.run(own_cpu_s, CALL_LIMIT_S) - elsewhere)
    return SolvedFrame(image_key, seconds, stage.stages, _figures(image_key), peak_mb())


def _work_on(image: PipelineImage, stage: Stopwatch) -> int:
    claim = run_transaction(partial(claim_image, message=image, message_id="1", service=SERVICE))
    if claim is None:
        raise RuntimeError(f"{image.image_id} was solved before")
    with tempfile.TemporaryDirectory(prefix="plate-solver-") as folder:
        process(image, claim, Path(folder), stage)
    return claim.image_key


def _arrive(file: Path, object_path: str) -> PipelineImage:
    """Do what comes before the plate solver: the upload, and the metadata's rows."""
    bucket = settings().raw_bucket
    storage.upload(bucket, object_path, file, metadata={})
    stored = storage.find(bucket, object_path)
    headers = clean_headers(dict(read_image_header(partial(storage.read_range, stored)).cards))
    identity = identify(parse_path(object_path), headers)
    run_transaction(lambda session: record_image(session, identity, headers, stored, SERVICE).state)
    return PipelineImage(
        image_id=str(identity.image),
        bucket=bucket,
        bucket_path=object_path,
        generation=stored.generation,
    )


def _figures(image_key: int) -> dict[str, float]:
    query = text("SELECT n_sources, n_matched, rms_arcsec FROM images WHERE image_key = :key")
    row = run_transaction(lambda session: session.execute(query, {"key": image_key}).one())
    return dict(row._mapping)  # noqa: SLF001
