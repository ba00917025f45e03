"""The rows of table `sources`: one for each source, with its pixels where it is a known star."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.lib import recfunctions
from numpy.typing import NDArray

from panoptes_network.bayer import STAMP_SIDE, cut_stamps, stamp_corner
from panoptes_network.catalog.lookup import CatalogStars
from plate_solver.detection import Detections
from plate_solver.frame import Frame
from plate_solver.refit import Solution

_MEASURED = [
    ("time", "M8[us]"),
    ("image_key", "i8"),
    ("number", "i4"),
    ("ra_deg", "f8"),
    ("dec_deg", "f8"),
    ("x_px", "f4"),
    ("y_px", "f4"),
    ("flux_adu", "f4"),
    ("flux_err_adu", "f4"),
    ("peak_adu", "f4"),
    ("fwhm_px", "f4"),
    ("ellipticity", "f4"),
    ("flags", "i2"),
]

_KNOWN = [
    ("picid", "i8"),
    ("separation_arcsec", "f4"),
    ("stamp_x", "i2"),
    ("stamp_y", "i2"),
    ("stamp_side", "i2"),
    ("stamp", f"V{2 * STAMP_SIDE**2}"),
]

Rows = NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Matches:
    """Sources that are catalog stars: index arrays of one length into both.

    `separation_px` is the distance between source and star, pixels.
    """

    sources: NDArray[np.int64]
    stars: NDArray[np.int64]
    separation_px: NDArray[np.float64]


def measured_rows(
    image_key: int, time: datetime, detections: Detections, solution: Solution
) -> Rows:
    """Return what was measured of every source, numbered from 0, brightest first."""
    rows = np.zeros(len(detections), dtype=_MEASURED)
    rows["time"] = np.datetime64(time.astimezone(UTC).replace(tzinfo=None), "us")
    rows["image_key"] = image_key
    rows["number"] = np.arange(len(detections))
    rows["ra_deg"], rows["dec_deg"] = solution.to_sky(detections.x_px, detections.y_px)
    for name in ("x_px", "y_px", "flux_adu", "flux_err_adu", "peak_adu", "fwhm_px", "flags"):
        rows[name] = getattr(detections, name)
    rows["ellipticity"] = detections.ellipticity
    return rows


def rows_by_kind(
    measured: Rows, matches: Matches, stars: CatalogStars, frame: Frame, scale_arcsec: float
) -> list[Rows]:
    """Return the rows in groups that each fill the same columns: unknown, TIC, Gaia.

    Binary COPY has rows of one width and without NULL, so that each group is one COPY.
    """
    unknown = np.delete(measured, matches.sources)
    known = _with_stamps(measured[matches.sources], matches, stars, frame, scale_arcsec)
    is_tic = stars.is_tic[matches.stars]
    return [unknown, _with_catalog(known[is_tic], b"tic"), _with_catalog(known[~is_tic], b"gaia")]


def _with_stamps(
    measured: Rows, matches: Matches, stars: CatalogStars, frame: Frame, scale_arcsec: float
) -> Rows:
    rows = np.zeros(len(measured), dtype=_MEASURED + _KNOWN)
    for name in measured.dtype.names or ():
        rows[name] = measured[name]
    corner_x = stamp_corner(measured["x_px"])
    corner_y = stamp_corner(measured["y_px"])
    stamps = cut_stamps(frame.mosaic, corner_x, corner_y).astype(">u2")
    rows["picid"] = stars.picid[matches.stars]
    rows["separation_arcsec"] = matches.separation_px * scale_arcsec
    rows["stamp_x"], rows["stamp_y"], rows["stamp_side"] = corner_x, corner_y, STAMP_SIDE
    rows["stamp"] = stamps.reshape(len(rows), -1).view(f"V{2 * STAMP_SIDE**2}").ravel()
    return rows


def _with_catalog(rows: Rows, catalog: bytes) -> Rows:
    names = np.full(len(rows), catalog)
    appended: Rows = recfunctions.append_fields(rows, "catalog", names, usemask=False)
    return appended
