"""Barycentric times of an observation."""

from astropy import units as u
from astropy.coordinates import EarthLocation, SkyCoord
from astropy.time import Time

from simulator.observation import Observation


def bjd_tdb(observation: Observation, times: Time, ra_deg: float, dec_deg: float) -> Time:
    """Return times at the site of an observation as barycentric TDB.

    Parameters
    ----------
    times : Time
        UTC, of any shape.
    ra_deg, dec_deg : float
        Position that the light comes from, ICRS.
    """
    site = EarthLocation.from_geodetic(
        observation.longitude_deg, observation.latitude_deg, observation.elevation_m
    )
    at_site = Time(times, location=site)
    place = SkyCoord(ra_deg, dec_deg, unit=u.deg)
    return at_site.tdb + at_site.light_travel_time(place)
