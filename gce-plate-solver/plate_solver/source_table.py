"""Rows of the table `sources`: one per source and per known star, with the star's pixels."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

import numpy as np
from numpy.typing import NDArray

from panoptes_network.arrays import Floats, Integers
from panoptes_network.catalog.lookup import CatalogStars
from panoptes_network.frames.bayer import STAMP_SIDE, cut_stamps, stamp_corner
from panoptes_network.frames.frame import Frame
from plate_solver.catalog_stars import UnseenStars
from plate_solver.detection import Detections
from plate_solver.refit import Solution

_Columns = list[tuple[str, str]]

_PLACED: _Columns = [
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
    ("flags", "i2"),
    ("is_detected", "?"),
]
"""Columns of every row."""

_DETECTED: _Columns = [("fwhm_px", "f4"), ("ellipticity", "f4")]
"""Additional columns of detected sources."""

_KNOWN: _Columns = [
    ("picid", "i8"),
    ("stamp_x", "i2"),
    ("stamp_y", "i2"),
    ("stamp_side", "i2"),
    ("stamp", f"V{2 * STAMP_SIDE**2}"),
]
"""Additional columns of catalog stars."""

Rows = NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Matches:
    """Sources matched to catalog stars: index arrays of equal length into both.

    `separation_px` is the distance between source and star, pixels.
    """

    sources: Integers
    stars: Integers
    separation_px: Floats

    def take(self, which: NDArray[np.bool_]) -> Self:
        """Return the matches selected by a mask."""
        return type(self)(self.sources[which], self.stars[which], self.separation_px[which])


def detected_rows(
    image_key: int, time: datetime, detections: Detections, solution: Solution
) -> Rows:
    """Return the measurements of all sources, numbered from 0, brightest first."""
    rows = _placed_rows(image_key, time, detections, _PLACED + _DETECTED)
    rows["number"] = np.arange(len(detections))
    rows["ra_deg"], rows["dec_deg"] = solution.to_sky(detections.x_px, detections.y_px)
    rows["fwhm_px"], rows["ellipticity"] = detections.fwhm_px, detections.ellipticity
    rows["is_detected"] = True
    return rows


def unseen_rows(
    image_key: int, time: datetime, unseen: UnseenStars, solution: Solution, first: int
) -> Rows:
    """Return the measurements of undetected stars, numbered from `first`."""
    rows = _placed_rows(image_key, time, unseen, _PLACED)
    rows["number"] = first + np.arange(len(unseen))
    rows["ra_deg"], rows["dec_deg"] = solution.to_sky(unseen.x_px, unseen.y_px)
    return rows


def matched_rows(detected: Rows, matches: Matches, scale_arcsec: float) -> Rows:
    """Return the rows of matched sources, with their distances from the stars."""
    rows = _with_columns(detected[matches.sources], [("separation_arcsec", "f4")])
    rows["separation_arcsec"] = matches.separation_px * scale_arcsec
    return rows


def known_rows(
    rows: Rows, which: Integers, stars: CatalogStars, neighbours: Floats, frame: Frame
) -> list[Rows]:
    """Return the rows of catalog stars with ids and stamps, in groups that fill the same columns.

    Binary COPY needs rows of one width without NULL, so each group is one COPY: TIC stars, Gaia
    stars, and separately those whose neighbours' light is unknown. Some are empty.

    Parameters
    ----------
    rows : ndarray, shape (n,)
        Rows whose complete stamp is in the frame.
    which : ndarray, shape (n,), int64
        Indices into `stars`.
    stars : CatalogStars
    neighbours : ndarray, shape (len(stars),)
        By `catalog_stars.neighbour_flux`.
    frame : Frame
    """
    is_tic, is_told = stars.is_tic[which], np.isfinite(neighbours[which])
    groups = []
    for catalog, of_catalog in ((b"tic", is_tic), (b"gaia", ~is_tic)):
        columns: _Columns = [*_KNOWN, ("catalog", f"S{len(catalog)}")]
        full = _with_columns(rows[of_catalog], columns)
        full["picid"], full["catalog"] = stars.picid[which[of_catalog]], catalog
        _add_stamps(full, frame)
        told = _with_columns(full[is_told[of_catalog]], [("neighbour_flux", "f4")])
        told["neighbour_flux"] = neighbours[which[of_catalog & is_told]]
        groups += [told, full[~is_told[of_catalog]]]
    return groups


def _placed_rows(
    image_key: int, time: datetime, measured: Detections | UnseenStars, columns: _Columns
) -> Rows:
    rows = np.zeros(len(measured), dtype=columns)
    rows["time"] = np.datetime64(time.astimezone(UTC).replace(tzinfo=None), "us")
    rows["image_key"] = image_key
    for name in ("x_px", "y_px", "flux_adu", "flux_err_adu", "peak_adu", "flags"):
        rows[name] = getattr(measured, name)
    return rows


def _with_columns(rows: Rows, columns: _Columns) -> Rows:
    """Return the rows with additional columns, which are still empty."""
    wider = np.zeros(len(rows), dtype=[*rows.dtype.descr, *columns])
    for name in rows.dtype.names or ():
        wider[name] = rows[name]
    return wider


def _add_stamps(rows: Rows, frame: Frame) -> None:
    corner_x, corner_y = stamp_corner(rows["x_px"]), stamp_corner(rows["y_px"])
    stamps = cut_stamps(frame.mosaic, corner_x, corner_y).astype(">u2")
    rows["stamp_x"], rows["stamp_y"], rows["stamp_side"] = corner_x, corner_y, STAMP_SIDE
    rows["stamp"] = stamps.reshape(len(rows), STAMP_SIDE**2).view(f"V{2 * STAMP_SIDE**2}").ravel()
