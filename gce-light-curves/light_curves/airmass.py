"""Airmass of a direction."""

from datetime import UTC, datetime

import numpy as np

from panoptes_network.database.light_curve_sets import Site

J2000_UTC = datetime(2000, 1, 1, 12, tzinfo=UTC)


def airmass(ra_deg: float, dec_deg: float, time: datetime, site: Site) -> float:
    """Return the airmass of a direction; NaN below the horizon.

    Kasten & Young 1989, Applied Optics 28, 4735; the sidereal time by Meeus, Astronomical
    Algorithms, 12.4, with UTC for UT1: 0.9 s at most. Precession since J2000.0 is left out: 0.3
    degrees, 1 % at airmass 2.

    Parameters
    ----------
    ra_deg, dec_deg : float
        ICRS.
    time : datetime
        Aware.
    site : Site
    """
    days = (time - J2000_UTC).total_seconds() / 86400
    sidereal_deg = 280.46061837 + 360.98564736629 * days + site.longitude_deg
    hour_angle, dec = np.radians(sidereal_deg - ra_deg), np.radians(dec_deg)
    latitude = np.radians(site.latitude_deg)
    sine = np.sin(latitude) * np.sin(dec) + np.cos(latitude) * np.cos(dec) * np.cos(hour_angle)
    altitude_deg = float(np.degrees(np.arcsin(sine)))
    if altitude_deg <= 0:
        return float("nan")
    return float(1 / (sine + 0.50572 * (altitude_deg + 6.07995) ** -1.6364))
