"""Brightness of the sky with Sun and Moon, relative to the measured dark sky."""

from datetime import datetime

import numpy as np
from astropy.coordinates import SkyCoord, get_body, get_sun
from astropy.time import Time

from simulator.horizon import sine_of_altitude
from simulator.observation import Observation

COLOURS = ("R", "G", "B")
DARK_SKY_MAG = {"R": 20.9, "G": 21.6, "B": 22.6}
"""R, V and B of a square arcsecond of the dark sky; Patat (2003), A&A 400, 1183, table 4."""
TWILIGHT_MAG = {
    "R": (11.40, 1.567, -0.064),
    "G": (11.84, 1.518, -0.057),
    "B": (11.84, 1.411, -0.041),
}
"""R, V and B of a square arcsecond as a parabola in the Sun's zenith distance less 95 degrees;
Patat, Ugolnikov and Postylyakov (2006), A&A 455, 385, table 1."""
MOON_EXTINCTION_MAG = 0.17
MOON_COLOUR = {"R": 0.7, "G": 1.0, "B": 1.5}
"""Share of moonlight on each colour against the dark sky's, V taken as 1; guessed."""
_NIGHT_BEGINS_DEG = 107.0
"""Beyond it the parabolas rise again."""


def sky_glow(observation: Observation, time: datetime) -> dict[str, float]:
    """Return the sky's light by colour as a multiple of the dark sky; 1 without Sun and Moon."""
    glow = dict.fromkeys(COLOURS, 1.0)
    if observation.night.twilight:
        zenith_deg = _zenith_distance_deg(observation, time, get_sun(Time(time)))
        glow = {colour: glow[colour] + twilight(colour, zenith_deg) for colour in COLOURS}
    if observation.night.moonlight:
        bright = _moonlight_at_target(observation, time)
        glow = {colour: glow[colour] + MOON_COLOUR[colour] * bright for colour in COLOURS}
    return glow


def twilight(colour: str, sun_zenith_deg: float) -> float:
    """Return the twilight of a colour as a multiple of the dark sky; 0 in the night.

    Before nautical twilight, at a zenith distance below 95 degrees, it is that of 95 degrees.
    """
    if sun_zenith_deg >= _NIGHT_BEGINS_DEG:
        return 0.0
    constant, linear, square = TWILIGHT_MAG[colour]
    past = max(sun_zenith_deg - 95, 0)
    mag = constant + linear * past + square * past**2
    # The parabola's end is the night's own light: what is left above it is twilight.
    night_past = _NIGHT_BEGINS_DEG - 95
    night_mag = constant + linear * night_past + square * night_past**2
    above = 10 ** (-0.4 * (mag - DARK_SKY_MAG[colour]))
    return max(above - 10 ** (-0.4 * (night_mag - DARK_SKY_MAG[colour])), 0.0)


def moonlight(
    moon_zenith_deg: float,
    target_zenith_deg: float,
    away_deg: float,
    phase_deg: float,
) -> float:
    """Return scattered moonlight in V as a multiple of the dark sky; 0 with the Moon down.

    Krisciunas and Schaefer (1991), PASP 103, 1033, formulas 3, 15, 20 and 21.

    Parameters
    ----------
    moon_zenith_deg, target_zenith_deg : float
        Zenith distances, degrees.
    away_deg : float
        From the Moon to the target, degrees.
    phase_deg : float
        The Moon's phase angle: 0 when full.
    """
    if moon_zenith_deg >= 90:
        return 0.0
    illuminance = 10 ** (-0.4 * (3.84 + 0.026 * abs(phase_deg) + 4e-9 * phase_deg**4))
    rayleigh = 10**5.36 * (1.06 + np.cos(np.radians(away_deg)) ** 2)
    mie = 10 ** (6.15 - away_deg / 40)
    paths = [_scattering_airmass(angle) for angle in (moon_zenith_deg, min(target_zenith_deg, 90))]
    reaching = 10 ** (-0.4 * MOON_EXTINCTION_MAG * paths[0])
    scattered = 1 - 10 ** (-0.4 * MOON_EXTINCTION_MAG * paths[1])
    nanolamberts = (rayleigh + mie) * illuminance * reaching * scattered
    dark_nanolamberts = 34.08 * np.exp(20.7233 - 0.92104 * DARK_SKY_MAG["G"])
    return float(nanolamberts / dark_nanolamberts)


def _scattering_airmass(zenith_deg: float) -> float:
    return float((1 - 0.96 * np.sin(np.radians(zenith_deg)) ** 2) ** -0.5)


def _moonlight_at_target(observation: Observation, time: datetime) -> float:
    moment = Time(time)
    moon, sun = get_body("moon", moment), get_sun(moment)
    target = SkyCoord(observation.ra_deg, observation.dec_deg, unit="deg")
    away_deg = target.transform_to(moon.frame).separation(moon).deg
    phase_deg = 180 - moon.separation(sun, origin_mismatch="ignore").deg
    zenith_deg = [_zenith_distance_deg(observation, time, body) for body in (moon, target)]
    return moonlight(zenith_deg[0], zenith_deg[1], float(away_deg), float(phase_deg))


def _zenith_distance_deg(observation: Observation, time: datetime, place: SkyCoord) -> float:
    sine = sine_of_altitude(observation, time, np.array(place.ra.deg), np.array(place.dec.deg))
    return float(90 - np.degrees(np.arcsin(sine)))
