"""Barycentric times of mid-exposure."""

import numpy as np
from astropy import units as u
from astropy.constants import c
from astropy.coordinates import EarthLocation, get_body_barycentric_posvel
from astropy.time import Time
from astropy.utils import iers

from light_curves.measurements import Times
from panoptes_network.arrays import Floats

iers.conf.auto_download = False  # what the library brings along is enough, see bjd_tdb


def bjd_tdb(
    time: Times, ra_deg: Floats, dec_deg: Floats, site: EarthLocation | None = None
) -> Floats:
    """Return the barycentric arrival time of light that meets a site at a time, BJD in TDB.

    Nothing is downloaded: the Earth's position is from ERFA's series, within 13 km or 40
    microseconds of JPL's (Moisson and Bretagnon 2001 as fitted there), and UT1 is taken as UTC,
    which rotates the site by less than 0.9 s: 0.4 km or 1.4 microseconds. Parallaxes of the stars
    are neglected, as usual.

    Parameters
    ----------
    time : ndarray, shape (f,), datetime64
        UTC.
    ra_deg, dec_deg : ndarray, shape (n,)
        ICRS.
    site : EarthLocation, optional
        Without it, times are for light at the Earth's centre: up to 21 ms off.

    Returns
    -------
    ndarray, shape (f, n), float64
        Days; a float64 of this size has steps of 40 microseconds.
    """
    at = Time(time, scale="utc", location=site)
    at.delta_ut1_utc = 0.0
    place, _ = get_body_barycentric_posvel("earth", at, ephemeris="builtin")
    if site is not None:
        place = place + site.get_gcrs_posvel(at)[0]
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    towards = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    early_d = (place.xyz / c).to_value(u.day).T @ towards
    return np.asarray(at.tdb.jd[:, np.newaxis] + early_d)
