"""Lookup of the stars in a region, with their positions on a date."""

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from sqlalchemy import Connection

from panoptes_network.catalog.epochs import EPOCH_YR
from panoptes_network.database.copy import read_copy
from panoptes_network.sky import directions, healpix

J2000 = datetime(2000, 1, 1, 11, 58, 55, 816000, tzinfo=UTC)
"""2000-01-01 12:00 TT (IERS Conventions 2010, chapter 5)."""

JULIAN_YEAR = timedelta(days=365.25)
J2016 = J2000 + 16 * JULIAN_YEAR
"""The epoch of Gaia DR3."""
SAME_STAR_ARCSEC = 5.0
SAME_STAR_MAG = 2.5
_RADIANS_PER_MAS = np.radians(1 / 3.6e6)
_ROW = np.dtype(
    [
        ("is_tic", "?"),
        ("picid", "i8"),
        ("ra_deg", "f8"),
        ("dec_deg", "f8"),
        ("pmra_masyr", "f4"),
        ("pmdec_masyr", "f4"),
        ("mag", "f4"),
        ("gaia_mag", "f4"),
        ("teff_k", "f4"),
    ]
)
"""A row of `catalog_stars` in binary; `is_tic` is derived from its catalog."""


@dataclass(frozen=True)
class CatalogStars:
    """Stars of the catalog: arrays of equal length n, which may be 0.

    Parameters
    ----------
    is_tic : ndarray, shape (n,), bool
        Whether `picid` is a TIC id; otherwise it is a Gaia DR3 source id, or minus a HIP
        number.
    picid : ndarray, shape (n,), int64
    ra_deg, dec_deg : ndarray, shape (n,), float64
        ICRS, degrees, at the epoch of the star's catalog (`EPOCH_YR`).
    pmra_masyr, pmdec_masyr : ndarray, shape (n,), float32
        Proper motion, milliarcseconds a year, the first with the factor cos(dec); NaN where
        it is unknown.
    mag : ndarray, shape (n,), float32
        TESS magnitude of a TIC star, Gaia G of another; NaN where it is unknown.
    """

    is_tic: NDArray[np.bool_]
    picid: NDArray[np.int64]
    ra_deg: NDArray[np.float64]
    dec_deg: NDArray[np.float64]
    pmra_masyr: NDArray[np.float32]
    pmdec_masyr: NDArray[np.float32]
    mag: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.picid)

    def take(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        """Return the stars selected by a mask or an index array."""
        return type(self)(*(getattr(self, field.name)[which] for field in fields(self)))


@dataclass(frozen=True)
class ColouredStars(CatalogStars):
    """Stars with the additional columns for photometry.

    Parameters
    ----------
    gaia_mag : ndarray, shape (n,), float32
        Gaia G; NaN where it is unknown.
    teff_k : ndarray, shape (n,), float32
        Effective temperature; NaN where it is unknown.
    """

    gaia_mag: NDArray[np.float32]
    teff_k: NDArray[np.float32]


S = TypeVar("S", bound=CatalogStars)


def stars_in_cone(
    connection: Connection,
    ra_deg: float,
    dec_deg: float,
    radius_deg: float,
    mag_limit: float | None = None,
) -> CatalogStars:
    """Read the stars whose catalog position is in a cone.

    Parameters
    ----------
    connection : Connection
        Connection to the database filled by `load-catalog`.
    ra_deg, dec_deg, radius_deg : float
        The cone, degrees, its edge included. Add a margin to the frame for proper motion: 0.1
        degree covers 35 years of Barnard's star.
    mag_limit : float, optional
        Only stars up to this magnitude; if set, stars of unknown magnitude are excluded.

    Returns
    -------
    CatalogStars
        In no particular order. A star loaded from both catalogs occurs twice: see `prefer_tic`.

    Raises
    ------
    ValueError
        If the cone or the limit is not a sensible number.
    """
    return _read_cone(CatalogStars, connection, ra_deg, dec_deg, radius_deg, mag_limit)


def coloured_stars_in_cone(
    connection: Connection, ra_deg: float, dec_deg: float, radius_deg: float, mag_limit: float
) -> ColouredStars:
    """Read stars like `stars_in_cone`, with the additional columns for photometry."""
    return _read_cone(ColouredStars, connection, ra_deg, dec_deg, radius_deg, mag_limit)


def _read_cone(
    kind: type[S],
    connection: Connection,
    ra_deg: float,
    dec_deg: float,
    radius_deg: float,
    mag_limit: float | None,
) -> S:
    names = [field.name for field in fields(kind)]
    columns = ", ".join(names).replace("is_tic", "catalog = 'tic' AS is_tic")
    ranges = healpix.cone_ranges(ra_deg, dec_deg, radius_deg).tolist()
    cells = ", ".join(f"({first:d}, {last:d})" for first, last in ranges)
    bright = ""
    if mag_limit is not None:
        if not np.isfinite(mag_limit):
            raise ValueError(f"no magnitude limit: {mag_limit}")
        bright = f"AND mag <= {float(mag_limit)!r}"
    # COPY takes no parameters: all values in the text are formatted from numbers here. OFFSET 0
    # keeps the planner, which cannot estimate such a join, from reading the whole table.
    query = f"""
        SELECT {columns}
        FROM (VALUES {cells}) AS cells (first, last), LATERAL (
            SELECT * FROM catalog_stars WHERE healpix BETWEEN first AND last {bright} OFFSET 0
        ) AS stars"""  # noqa: S608
    row = np.dtype([(name, _ROW[name]) for name in names])
    rows = read_copy(connection, query, row)
    rows = rows[directions.is_within(rows["ra_deg"], rows["dec_deg"], ra_deg, dec_deg, radius_deg)]
    return kind(*(np.ascontiguousarray(rows[name]) for name in names))


def prefer_tic(stars: S) -> S:
    """Return the stars without Gaia entries that the TIC has under its own id.

    A Gaia entry is the same star as the nearest TIC star within `SAME_STAR_ARCSEC` and
    `SAME_STAR_MAG`, both at Gaia's epoch. Of the TIC target stars brighter than Tmag 8.5 (sectors 1
    to 27), 99.7 % have such a Gaia entry even without their motions, 16 years apart.
    """
    tic, gaia = np.flatnonzero(stars.is_tic), np.flatnonzero(~stars.is_tic)
    if not len(tic) or not len(gaia):
        return stars
    vectors = directions.unit_vectors(*at_epoch(stars, J2016))
    chord = np.radians(SAME_STAR_ARCSEC / 3600)
    tree = KDTree(vectors[tic])
    distance, nearest = map(np.asarray, tree.query(vectors[gaia], distance_upper_bound=chord))
    found = np.isfinite(distance)
    differences = stars.mag[gaia[found]] - stars.mag[tic[nearest[found]]]
    keep = np.ones(len(stars), dtype=np.bool_)
    keep[gaia[found]] = ~(np.abs(differences) <= SAME_STAR_MAG)
    return stars.take(keep)


def at_epoch(
    stars: CatalogStars, time: datetime
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the stars' positions at a time, with proper motion applied.

    A star of unknown motion keeps its catalog position. The motion is straight in space along the
    tangent plane at the catalog's epoch; distance and radial velocity, which are unknown, are
    neglected (Hipparcos Catalogue, volume 1, section 1.5.5).

    Parameters
    ----------
    stars : CatalogStars
    time : datetime
        Aware.

    Returns
    -------
    ra_deg, dec_deg : ndarray, shape (n,), float64
        ICRS, degrees, right ascension in [0, 360).
    """
    epoch_yr = np.where(stars.is_tic, EPOCH_YR["tic"], EPOCH_YR["gaia"])
    years = 2000.0 + (time - J2000) / JULIAN_YEAR - epoch_yr
    pmra, pmdec = (
        (np.nan_to_num(motion, nan=0.0) * years * _RADIANS_PER_MAS)[:, np.newaxis]
        for motion in (stars.pmra_masyr, stars.pmdec_masyr)
    )
    ra, dec = np.radians(stars.ra_deg), np.radians(stars.dec_deg)
    east = np.stack([-np.sin(ra), np.cos(ra), np.zeros_like(ra)], axis=-1)
    north = np.stack([-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)], axis=-1)
    x, y, z = (directions.unit_vectors(stars.ra_deg, stars.dec_deg) + pmra * east + pmdec * north).T
    return np.degrees(np.arctan2(y, x)) % 360, np.degrees(np.arctan2(z, np.hypot(x, y)))
