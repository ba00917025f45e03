"""Effects of the atmosphere on starlight: extinction, thin clouds and scintillation."""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from simulator.horizon import airmass, sine_of_altitude
from simulator.observation import Observation
from simulator.optics import PIXEL_SCALE_ARCSEC

Float64 = NDArray[np.float64]

EXTINCTION_MAG = {"R": 0.10, "G": 0.16, "B": 0.28}
"""Per airmass at 3400 m, by pixel colour; usual values of a clear site, guessed."""
EXTINCTION_COLOUR_TERM = -0.02
"""Change of the extinction with BP - RP: a wide band weakens blue stars more; guessed."""
PIVOT_BP_RP_MAG = 1.15
SCINTILLATION_POWER = 1.5
"""Power of the airmass; Young (1967) has 1.5 to 2, depending on the wind's direction."""

N_WAVES = 24
WAVELENGTH_DEG = (4.0, 60.0)
WIND_DEG_PER_S = 4 / 60
"""Cirrus at 10 km, overhead, in a wind of 12 m/s; guessed."""


def star_airmass(
    observation: Observation, time: datetime, ra_deg: Float64, dec_deg: Float64
) -> Float64:
    """Return the airmass of each star, shape (n,)."""
    return airmass(sine_of_altitude(observation, time, ra_deg, dec_deg))


def extinction_mag(colour: str, star_airmass: Float64, bp_rp_mag: Float64) -> Float64:
    """Return the clear air's extinction of each star on pixels of a colour, magnitudes."""
    colour_term = EXTINCTION_COLOUR_TERM * (bp_rp_mag - PIVOT_BP_RP_MAG)
    return np.asarray((EXTINCTION_MAG[colour] + colour_term) * star_airmass)


def cloud_depth_mag(
    observation: Observation, index: int, x: Float64, y: Float64, exptime_s: float
) -> Float64:
    """Return the depth of thin clouds at each star, magnitudes, shape (n,).

    It is a sum of waves in all directions, longer ones higher, which drift with one wind; it is
    averaged over the exposure and is 0 where negative. Its mean over a night is about
    ``night.cloud_mag``.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        Mosaic pixels.
    """
    rng = observation.night_rng("cloud", observation.field)
    low, high = np.log(WAVELENGTH_DEG)
    wavelength_deg = np.exp(rng.uniform(low, high, N_WAVES))
    direction, phase = rng.uniform(0, 2 * np.pi, (2, N_WAVES))
    wind_angle = rng.uniform(0, 2 * np.pi)
    height = wavelength_deg / np.sqrt(np.sum(wavelength_deg**2) / 2)
    cycles_per_s = WIND_DEG_PER_S * np.cos(direction - wind_angle) / wavelength_deg
    middle_s = index * observation.cadence_s + exptime_s / 2
    depth = np.full(np.shape(x), 1.0)
    scale_deg = PIXEL_SCALE_ARCSEC / 3600
    for wave in range(N_WAVES):
        along_deg = scale_deg * (x * np.cos(direction[wave]) + y * np.sin(direction[wave]))
        cycles = along_deg / wavelength_deg[wave] - cycles_per_s[wave] * middle_s
        smear = np.sinc(cycles_per_s[wave] * exptime_s)
        depth += height[wave] * smear * np.cos(2 * np.pi * cycles + phase[wave])
    return np.asarray(observation.night.cloud_mag * np.maximum(depth, 0))


def scintillation_mag(observation: Observation, index: int, star_airmass: Float64) -> Float64:
    """Return each star's scintillation in one exposure, magnitudes, shape (n,)."""
    rms_mag = observation.night.scintillation_mag * star_airmass**SCINTILLATION_POWER
    noise = observation.night_rng("scintillation", index).standard_normal(star_airmass.shape)
    return np.asarray(rms_mag * noise)
