"""The rows of table `sources`: one for each source, with its pixels where it is a known star."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

import numpy as np
from numpy.typing import NDArray

from panoptes_network.bayer import STAMP_SIDE, cut_stamps, stamp_corner
from panoptes_network.catalog.lookup import CatalogStars
from panoptes_network.frame import Frame
from plate_solver.detection import Detections
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

    def take(self, which: NDArray[np.bool_]) -> Self:
        """Return the matches that a mask chooses."""
        return type(self)(self.sources[which], self.stars[which], self.separation_px[which])


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
    is_tic = stars.is_tic[matches.stars]
    known = [
        _known_rows(measured, matches.take(chosen), stars, frame, scale_arcsec, catalog)
        for catalog, chosen in ((b"tic", is_tic), (b"gaia", ~is_tic))
    ]
    return [np.delete(measured, matches.sources), *known]


def _known_rows(
    measured: Rows,
    matches: Matches,
    stars: CatalogStars,
    frame: Frame,
    scale_arcsec: float,
    catalog: bytes,
) -> Rows:
    columns = [*_MEASURED, *_KNOWN, ("catalog", f"S{len(catalog)}")]
    rows = np.zeros(len(matches.sources), dtype=columns)
    for name, _ in _MEASURED:
        rows[name] = measured[name][matches.sources]
    corner_x, corner_y = stamp_corner(rows["x_px"]), stamp_corner(rows["y_px"])
    stamps = cut_stamps(frame.mosaic, corner_x, corner_y).astype(">u2")
    rows["picid"] = stars.picid[matches.stars]
    rows["separation_arcsec"] = matches.separation_px * scale_arcsec
    rows["stamp_x"], rows["stamp_y"], rows["stamp_side"] = corner_x, corner_y, STAMP_SIDE
    rows["stamp"] = stamps.reshape(len(rows), STAMP_SIDE**2).view(f"V{2 * STAMP_SIDE**2}").ravel()
    rows["catalog"] = catalog
    return rows
