"""Altitude of the sky above a site's horizon."""

from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from simulator.observation import Observation

Float64 = NDArray[np.float64]


def sidereal_deg(observation: Observation, time: datetime) -> float:
    """Return the site's mean sidereal time, degrees, not reduced to a turn.

    Meeus, Astronomical Algorithms, formula 12.4 without the terms below 0.1 s.
    """
    days = (time - datetime(2000, 1, 1, 12, tzinfo=time.tzinfo)) / timedelta(days=1)
    return 280.46061837 + 360.98564736629 * days + observation.longitude_deg


def sine_of_altitude(
    observation: Observation, time: datetime, ra_deg: Float64, dec_deg: Float64
) -> Float64:
    """Return the sine of the true altitude of places (degrees, of any one shape)."""
    hour_angle = np.radians((sidereal_deg(observation, time) - ra_deg) % 360)
    lat, dec = np.radians(observation.latitude_deg), np.radians(dec_deg)
    sine = np.sin(lat) * np.sin(dec) + np.cos(lat) * np.cos(dec) * np.cos(hour_angle)
    return np.asarray(sine)


def airmass(sine: Float64) -> Float64:
    """Return the airmass for sines of altitudes; below the horizon it is that of the horizon.

    Pickering (2002), DIO 12, 20; within 0.5 % of sec(z) above 20 degrees, 39 at the horizon.
    """
    altitude_deg = np.degrees(np.arcsin(np.clip(sine, 0, 1)))
    bend_deg = 244 / (165 + 47 * altitude_deg**1.1)
    return np.asarray(1 / np.sin(np.radians(altitude_deg + bend_deg)))
