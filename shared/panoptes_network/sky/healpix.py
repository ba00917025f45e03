"""HEALPix cells of the sky, and those of a cone."""

from functools import cache

import numpy as np
from astropy import units as u
from astropy_healpix import HEALPix
from numpy.typing import ArrayLike, NDArray

from panoptes_network.sky.directions import unit_vectors

HEALPIX_ORDER = 7
"""Cells of 0.46 degree: a whole frame's cone is some 60 ranges of the nested numbering."""

_GRID = HEALPix(nside=2**HEALPIX_ORDER, order="nested")


def healpix_cells(ra_deg: ArrayLike, dec_deg: ArrayLike) -> NDArray[np.int32]:
    """Return the nested HEALPix cell of order `HEALPIX_ORDER` of each direction.

    Parameters
    ----------
    ra_deg, dec_deg : array_like, shape (n,)
        Degrees, ICRS; declinations within ±90.

    Returns
    -------
    ndarray, shape (n,), int32
    """
    cells: NDArray[np.integer] = _GRID.lonlat_to_healpix(
        np.asarray(ra_deg, dtype=float) * u.deg, np.asarray(dec_deg, dtype=float) * u.deg
    )
    return cells.astype(np.int32)


def cone_ranges(ra_deg: float, dec_deg: float, radius_deg: float) -> NDArray[np.int64]:
    """Return all cells that a cone touches (and some just outside), as ranges of their numbers.

    Parameters
    ----------
    ra_deg, dec_deg : float
        The cone's centre, degrees.
    radius_deg : float
        Above 0; 180 or more is the whole sky.

    Returns
    -------
    ndarray, shape (m, 2), int64
        First and last cell of each range, ascending, at least one cell apart.

    Raises
    ------
    ValueError
        If the cone is invalid: not finite, declination beyond ±90, radius not above 0.
    """
    if not (np.isfinite([ra_deg, dec_deg, radius_deg]).all() and abs(dec_deg) <= 90):
        raise ValueError(f"invalid position: {ra_deg} {dec_deg}, radius {radius_deg} degrees")
    if radius_deg <= 0:
        raise ValueError(f"a radius must be above 0, not {radius_deg}")
    if radius_deg >= 180:
        return np.array([[0, _GRID.npix - 1]])
    reach = np.radians(radius_deg + _cell_radius_deg())
    centre = unit_vectors(ra_deg, dec_deg)
    cells = np.flatnonzero(_cell_centres() @ centre >= np.cos(min(reach, np.pi)))
    gaps = np.flatnonzero(np.diff(cells) > 1)
    firsts, lasts = np.r_[0, gaps + 1], np.r_[gaps, len(cells) - 1]
    return np.stack([cells[firsts], cells[lasts]], axis=1)


@cache
def _cell_centres() -> NDArray[np.float64]:
    """Return the unit vectors of all cells' centres, shape (cells, 3).

    Comparing with these misses no cell; the library's own cone search omitted corners of some cones
    smaller than a cell (astropy-healpix 2.0.1).
    """
    lon, lat = _GRID.healpix_to_lonlat(np.arange(_GRID.npix))
    return unit_vectors(lon.to_value(u.deg), lat.to_value(u.deg))


@cache
def _cell_radius_deg() -> float:
    """Return the greatest distance from a cell's centre to one of its corners, degrees.

    Formula: `max_pixrad` of the HEALPix C++ library. The widest cells are at the edge of the polar
    caps, at z = 2/3.
    """
    nside = int(_GRID.nside)
    corner_z = 1 - (1 - 1 / nside) ** 2 / 3
    centre = unit_vectors(45 / nside, np.degrees(np.arcsin(2 / 3)))
    corner = unit_vectors(0.0, np.degrees(np.arcsin(corner_z)))
    return float(np.degrees(np.arccos(centre @ corner)))
