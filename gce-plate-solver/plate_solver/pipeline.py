"""The pipeline of one image, stage by stage."""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from panoptes_network import storage
from panoptes_network.arrays import Floats
from panoptes_network.catalog.lookup import CatalogStars, at_epoch, prefer_tic, stars_in_cone
from panoptes_network.config import settings
from panoptes_network.database.copy import copy_into
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.image_claims import Claim, advance, delete_sources
from panoptes_network.errors import PermanentError, Reason, SkippedError, UnsolvedError
from panoptes_network.events import PipelineImage
from panoptes_network.frames.bayer import stamp_fits, superpixel_plane
from panoptes_network.frames.calibration import header_kind, path_kind, skipped
from panoptes_network.frames.frame import Frame, check_exposed
from panoptes_network.ids import check_safe, check_time, names_pointing
from panoptes_network.states import ImageState
from plate_solver import matching
from plate_solver.catalog_stars import UnseenStars, measure_unseen, neighbour_flux, unseen_places
from plate_solver.detection import Detections, detect, flag_saturated
from plate_solver.external_programs import versions
from plate_solver.frame_reader import read_isolated
from plate_solver.product import find_product, upload_product
from plate_solver.quality import astrometric_figures, photometric_figures
from plate_solver.refit import Solution, refit
from plate_solver.scale import explained
from plate_solver.solved_file import write_solved
from plate_solver.solving import PIXEL_SCALE_ARCSEC, hint_from_header, solve
from plate_solver.source_table import (
    Matches,
    Rows,
    detected_rows,
    known_rows,
    matched_rows,
    unseen_rows,
)

CATALOG_MARGIN_DEG = 0.2
"""Margin beyond a frame's corners for reading stars: they move, and the first solution is inexact.
"""


_log = logging.getLogger("gce-plate-solver")


@dataclass
class Stopwatch:
    """Seconds per stage, in the order in which they ran.

    `about` is added to the log line at each stage's start.
    """

    stages: dict[str, float] = field(default_factory=dict)
    about: Mapping[str, object] = field(default_factory=dict)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Log the start of `stage`, and time the block."""
        _log.info("stage", extra={"stage": stage, **self.about})
        start = time.perf_counter()
        try:
            yield
        finally:
            self.stages[stage] = self.stages.get(stage, 0.0) + time.perf_counter() - start

    @property
    def total_s(self) -> float:
        """Total seconds of all stages so far."""
        return sum(self.stages.values())


@dataclass(frozen=True, slots=True)
class _SolvedFrame:
    """A frame with its detections, its plate solution, and its catalog stars' positions."""

    frame: Frame
    plane: NDArray[np.float32]
    detections: Detections
    solution: Solution
    stars: CatalogStars
    ra_deg: Floats
    dec_deg: Floats


@dataclass(frozen=True, slots=True)
class _Measured:
    """Matched sources, stars that were not detected, and the flux of their neighbours."""

    matches: Matches
    unseen: UnseenStars
    neighbours: Floats


def process(image: PipelineImage, claim: Claim, folder: Path, stage: Stopwatch) -> None:
    """Process a claimed image, from the bucket to its stamps in the database.

    Temporary files are in `folder`; `stage` times each stage.

    Raises
    ------
    PermanentError, UnsolvedError
        With the reason why this image has no stamps.
    TransientError
        If a dependency is unavailable.
    StaleClaimError
        If the image was taken over.
    """
    check_time(claim.time, "image")
    _skip_unwanted(image, claim)
    with stage("download"):
        path = _download(image, folder)
        product = find_product(image, claim.sequence_id)
    solved = _read_and_solve(path, claim, folder, stage)
    with stage("upload"):
        history = _history(solved.solution)
        file = write_solved(path, solved.frame, solved.solution.wcs, history, folder)
        upload_product(product, file, image, claim)
    figures: dict[str, object] = {
        "solved_path": product.path,
        **astrometric_figures(solved.solution, solved.frame),
    }
    _advance(claim, ImageState.SOLVED, figures)
    measured = _measure(solved, stage)
    figures |= _photometric_figures(solved, measured)
    _advance(claim, ImageState.SOURCES_DETECTED, figures)
    with stage("stamps"):
        rows = _rows(claim, solved, measured)
    with stage("database"):
        save_sources(claim, rows, figures, stage)


def _read_and_solve(path: Path, claim: Claim, folder: Path, stage: Stopwatch) -> _SolvedFrame:
    """Read the frame in `path`, find its position on the sky, and refit that to the catalog."""
    with stage("read"):
        frame = read_isolated(path, folder)
        plane = superpixel_plane(frame.mosaic)
        check_exposed(plane)
    with stage("detect"):
        detections = flag_saturated(detect(plane, folder), frame.mosaic)
    with stage("solve"):
        first = _solve(detections, frame, claim, folder)
    with stage("catalog"):
        stars, ra_deg, dec_deg = _stars_around(first, frame, claim)
    with stage("refit"):
        solution = refit(first, detections, ra_deg, dec_deg, frame)
    return _SolvedFrame(frame, plane, detections, solution, stars, ra_deg, dec_deg)


def _measure(solved: _SolvedFrame, stage: Stopwatch) -> _Measured:
    """Match the detections to stars, and measure the other stars at their places."""
    frame, detections = solved.frame, solved.detections
    with stage("match"):
        places = solved.solution.to_pixels(solved.ra_deg, solved.dec_deg)
        matches = match_stars(detections, solved.stars, places, frame)
    with stage("forced"):
        mag = solved.stars.mag.astype(np.float64)
        chosen = unseen_places(*places, mag, matches.stars, frame, settings().source_mag)
        unseen = measure_unseen(*chosen, detections, frame, solved.plane)
        wanted = np.concatenate([matches.stars, unseen.stars])
        neighbours = neighbour_flux(*places, mag, wanted)
    return _Measured(matches, unseen, neighbours)


def _photometric_figures(solved: _SolvedFrame, measured: _Measured) -> dict[str, object]:
    matches = measured.matches
    mag = solved.stars.mag.astype(np.float64)[matches.stars]
    return {
        **photometric_figures(solved.detections, matches.sources, mag),
        "n_stamps": len(matches.stars) + len(measured.unseen.stars),
    }


def match_stars(
    detections: Detections,
    stars: CatalogStars,
    star_pixels: tuple[Floats, Floats],
    frame: Frame,
) -> Matches:
    """Match sources to stars, except sources too close to the edge for a complete stamp."""
    whole = np.flatnonzero(
        stamp_fits(detections.x_px, detections.y_px, (frame.height, frame.width))
    )
    on_frame = frame.contains(*star_pixels)
    star_x, star_y = (np.where(on_frame, pixels, np.nan) for pixels in star_pixels)
    faintness = np.nan_to_num(stars.mag.astype(np.float64), nan=np.inf)
    sources, matched = matching.match(
        detections.x_px[whole], detections.y_px[whole], star_x, star_y, faintness
    )
    sources = whole[sources]
    separation_px = np.hypot(
        detections.x_px[sources] - star_x[matched], detections.y_px[sources] - star_y[matched]
    )
    return Matches(sources, matched, separation_px)


def save_sources(
    claim: Claim, groups: list[Rows], figures: Mapping[str, object], stage: Stopwatch
) -> None:
    """Write all sources, figures and the final state in one transaction, replacing earlier ones.

    Until then, a reprocessed image shows nothing of the new result.
    """
    run_transaction(
        lambda session: session.execute(
            text("SELECT ensure_sources_partition(:time)"), {"time": claim.time}
        )
    )

    def save(session: Session) -> None:
        # State first: it locks the image's row, and a void claim ends here.
        advance(session, claim, ImageState.SOURCES_EXTRACTED, processing_s=stage.total_s, **figures)
        delete_sources(session, claim)
        # An empty COPY is so short that it waits 40 ms for a delayed TCP acknowledgement.
        for rows in filter(len, groups):
            copy_into(session.connection(), "sources", rows)

    run_transaction(save)


def _rows(claim: Claim, solved: _SolvedFrame, measured: _Measured) -> list[Rows]:
    """Return all rows, in groups that fill the same columns."""
    solution, detections = solved.solution, solved.detections
    matches, unseen = measured.matches, measured.unseen
    known = partial(
        known_rows, stars=solved.stars, neighbours=measured.neighbours, frame=solved.frame
    )
    detected = detected_rows(claim.image_key, claim.time, detections, solution)
    matched = matched_rows(detected, matches, solution.pixel_scale_arcsec)
    others = unseen_rows(claim.image_key, claim.time, unseen, solution, len(detections))
    return [
        np.delete(detected, matches.sources),
        *known(matched, matches.stars),
        *known(others, unseen.stars),
    ]


def _skip_unwanted(image: PipelineImage, claim: Claim) -> None:
    """Refuse images that by path or header do not show stars to measure."""
    if names_pointing(image.bucket_path):
        raise SkippedError(
            Reason.POINTING_IMAGE, "a pointing image, which the mount uses to find its field"
        )
    if (kind := path_kind(image.bucket_path) or header_kind(claim.headers)) is not None:
        raise skipped(kind)


def _download(image: PipelineImage, folder: Path) -> Path:
    check_safe(image.bucket_path)
    stored = storage.find(image.bucket, image.bucket_path, image.generation)
    path = folder / "image.fits"
    storage.download(stored, path)
    return path


def _solve(detections: Detections, frame: Frame, claim: Claim, folder: Path) -> WCS:
    index_dir, cpu_limit_s = Path(settings().astrometry_index_dir), settings().solve_cpu_limit_s
    hint = hint_from_header(claim.headers)
    try:
        return solve(detections, frame, hint, folder, index_dir, cpu_limit_s)
    except UnsolvedError as error:
        raise explained(error, detections, frame, claim.headers) from error


def _stars_around(first: WCS, frame: Frame, claim: Claim) -> tuple[CatalogStars, Floats, Floats]:
    """Return the catalog stars of a frame, brightest first, and their positions at its time."""
    centre = first.all_pix2world([[(frame.width - 1) / 2, (frame.height - 1) / 2]], 0)[0]
    half_diagonal_deg = np.hypot(frame.width, frame.height) / 2 * PIXEL_SCALE_ARCSEC / 3600
    radius_deg = float(half_diagonal_deg) + CATALOG_MARGIN_DEG

    def read(session: Session) -> CatalogStars:
        ra_deg, dec_deg = map(float, centre)
        return stars_in_cone(session.connection(), ra_deg, dec_deg, radius_deg)

    stars = prefer_tic(run_transaction(read))
    if not len(stars):
        raise PermanentError(
            Reason.NO_CATALOG,
            "the star catalog has no stars in this field; the operator can load more with"
            " load-catalog, then the image can be processed again",
        )
    stars = stars.take(np.argsort(stars.mag, kind="stable"))
    return stars, *at_epoch(stars, claim.time)


def _history(solution: Solution) -> dict[str, str]:
    """Return the solved file's history of the programs that made it."""
    return {
        "PANOPTES sources found by": f"source-extractor {versions()['source-extractor']}",
        "PANOPTES first solution by": f"astrometry.net {versions()['astrometry.net']}",
        "PANOPTES refitted to catalog": f"rms {solution.rms_arcsec:.2f} arcsec",
    }


def _advance(claim: Claim, state: ImageState, figures: Mapping[str, object]) -> None:
    run_transaction(lambda session: advance(session, claim, state, **figures))
