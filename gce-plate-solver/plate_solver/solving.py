"""Recognition of the sky: a first solution by astrometry.net from a list of sources."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from panoptes_network.errors import Reason, TransientError, UnsolvedError
from panoptes_network.frames.fits_header import Cards
from panoptes_network.frames.frame import Frame
from panoptes_network.frames.metadata import number
from plate_solver.detection import Detections
from plate_solver.external_programs import OverLimitError, failure, run

PIXEL_SCALE_ARCSEC = 10.29
"""Pixel scale of a PANOPTES camera: 4.3 micrometres behind 85 mm."""

SCALE_TOLERANCE = 0.1
BRIGHTEST = 2000
"""Sources given to the solver; with all thousands of a frame it fails."""

TWEAK_ORDER = 2
"""Order of the solver's own distortion. Order 3 takes twice the time, and the refit gives the same
result: in eight simulated fields, from sparse to crowded, within 0.002 arcsec.
"""

MIN_SOURCES = 12
HINT_RADIUS_DEG = 15.0
HINT_CPU_LIMIT_S = 10
"""A correct hint solves in a second or two; a wrong one must not use up the whole limit."""

CPU_AROUND_S = 10
"""In addition to the solver's own limit, for solve-field's work before and after it."""


@dataclass(frozen=True, slots=True)
class Hint:
    """The mount's position, ICRS degrees."""

    ra_deg: float
    dec_deg: float


def hint_from_header(headers: Cards) -> Hint | None:
    """Return the mount's position from RA-MNT and DEC-MNT; None if it is invalid."""
    ra_deg, dec_deg = number(headers, "RA-MNT"), number(headers, "DEC-MNT")
    if ra_deg is None or dec_deg is None or not (0 <= ra_deg <= 360 and abs(dec_deg) <= 90):
        return None
    return Hint(ra_deg, dec_deg)


def solve(
    detections: Detections,
    frame: Frame,
    hint: Hint | None,
    folder: Path,
    index_dir: Path,
    cpu_limit_s: int,
) -> WCS:
    """Return a first solution, accurate to about 2 pixels; first near the hint, then anywhere.

    Raises
    ------
    UnsolvedError
        TOO_FEW_SOURCES or NOT_SOLVED.
    """
    if len(detections) < MIN_SOURCES:
        raise UnsolvedError(
            Reason.TOO_FEW_SOURCES,
            f"{len(detections)} sources are too few to recognise the field; was it cloudy?",
        )
    _write_list(detections, folder / "sources.fits")
    for attempt in [hint, None] if hint else [None]:
        # Exceeding the limit counts as not solved.
        with suppress(OverLimitError):
            solution = _attempt(attempt, frame, folder, index_dir, cpu_limit_s)
            if solution is not None:
                return solution
    raise UnsolvedError(
        Reason.NOT_SOLVED,
        f"no star pattern on the sky matches the {len(detections)} sources, within"
        f" {cpu_limit_s} s of processor time",
    )


def _write_list(detections: Detections, path: Path) -> None:
    """Write the brightest sources, 1-based, in astrometry.net's format."""
    columns = {"X": detections.x_px + 1, "Y": detections.y_px + 1, "FLUX": detections.flux_adu}
    rows = [
        fits.Column(name, "D", array=values[:BRIGHTEST].astype(np.float64))
        for name, values in columns.items()
    ]
    fits.BinTableHDU.from_columns(rows).writeto(path)


def _attempt(
    hint: Hint | None, frame: Frame, folder: Path, index_dir: Path, cpu_limit_s: int
) -> WCS | None:
    output = folder / "sources.wcs"
    (folder / "solver.cfg").write_text(f"add_path {index_dir}\nautoindex\ninparallel\n")
    where: list[str | float] = []
    if hint:
        cpu_limit_s = min(cpu_limit_s, HINT_CPU_LIMIT_S)
        where = ["--ra", hint.ra_deg, "--dec", hint.dec_deg, "--radius", HINT_RADIUS_DEG]
    done = run(
        "solve-field", "sources.fits", "--overwrite", "--no-plots", "--no-remove-lines",
        "--uniformize", "0", "--width", str(frame.width), "--height", str(frame.height),
        "--x-column", "X", "--y-column", "Y", "--sort-column", "FLUX",
        "--scale-units", "arcsecperpix",
        "--scale-low", str(PIXEL_SCALE_ARCSEC * (1 - SCALE_TOLERANCE)),
        "--scale-high", str(PIXEL_SCALE_ARCSEC * (1 + SCALE_TOLERANCE)),
        "--tweak-order", str(TWEAK_ORDER), "--crpix-center", "--cpulimit", str(cpu_limit_s),
        "--config", "solver.cfg", "--solved", "none", "--match", "none", "--rdls", "none",
        "--corr", "none", "--index-xyls", "none", "--temp-axy", "--temp-dir", folder.resolve(),
        *map(str, where), folder=folder, cpu_limit_s=cpu_limit_s + CPU_AROUND_S,
    )  # fmt: skip
    if done.returncode:
        raise TransientError(f"solve-field failed: {failure(done)}")
    # It also exits with 0 when nothing was solved: only the file shows success.
    if not output.exists():
        return None
    header = fits.getheader(output)
    # The file is a header alone; given the frame's size, astropy does not warn.
    header["NAXIS"] = 2
    return WCS(header)
