"""Effects of a night on one exposure: all effects of :class:`simulator.night.Night` combined."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from astropy import units as u
from astropy.time import Time
from numpy.typing import NDArray

from simulator import atmosphere, mount
from simulator.barycentre import bjd_tdb
from simulator.observation import Observation
from simulator.sky import Stars
from simulator.sky_light import COLOURS, sky_glow
from simulator.variables import mean_flux

Float64 = NDArray[np.float64]
Places = tuple[Float64, Float64, Float64, Float64]
"""Right ascension and declination, degrees, x and y, mosaic pixels; each of shape (n,)."""

CONDITION_CARDS = (
    *("FOCUS", "AIRMASS", "CLOUDMAG", "GLOW-R", "GLOW-G", "GLOW-B", "TRAIL-X", "TRAIL-Y"),
)
BREATHING_S = 7 * 3600
"""Period of the focus as the tube cools and warms."""
FOCUS_SCATTER = 0.25
"""Scatter of the focus from frame to frame, relative to its amplitude."""


@dataclass(frozen=True, slots=True)
class Effects:
    """Effects on the light of one exposure; arrays of stars have the shape (n,).

    Attributes
    ----------
    transmission : dict of str to ndarray
        Share of each star's light that is seen, by colour, its own change included.
    signal : ndarray
        The star's own change: mean flux over the exposure, 1 where it is constant.
    airmass, cloud_mag : ndarray
        Of each star; 1 and 0 where the night has no extinction and no cloud.
    glow : dict of str to float
        The sky as a multiple of the dark one, by colour.
    focus : float
        Width of the PSF's core as a multiple of the usual one.
    trail_px : tuple of float
        Way of the stars within the exposure, x and y.
    """

    transmission: dict[str, Float64]
    signal: Float64
    airmass: Float64
    cloud_mag: Float64
    glow: dict[str, float]
    focus: float
    trail_px: tuple[float, float]

    def conditions(self) -> dict[str, float]:
        """Return the values for the whole frame, by their cards in the truth."""
        glow = [self.glow[colour] for colour in COLOURS]
        means = _mean(self.airmass, 1.0), _mean(self.cloud_mag, 0.0)
        return dict(zip(CONDITION_CARDS, (self.focus, *means, *glow, *self.trail_px), strict=True))


def effects_on(
    observation: Observation, index: int, exptime_s: float, stars: Stars, places: Places
) -> Effects:
    """Return the effects of the night on these stars in frame `index`."""
    night, (ra_deg, dec_deg, x, y) = observation.night, places
    middle = observation.image_time(index) + timedelta(seconds=exptime_s / 2)
    signal = _signal(observation, index, exptime_s, stars)
    cloud_mag, airmass = np.zeros(stars.size), np.ones(stars.size)
    if night.extinction or night.scintillation_mag:
        airmass = atmosphere.star_airmass(observation, middle, ra_deg, dec_deg)
    if night.cloud_mag:
        cloud_mag = atmosphere.cloud_depth_mag(observation, index, x, y, exptime_s)
    lost_mag = cloud_mag
    if night.scintillation_mag:
        lost_mag = lost_mag + atmosphere.scintillation_mag(observation, index, airmass)
    transmission = {}
    for colour in COLOURS:
        clear_mag = atmosphere.extinction_mag(colour, airmass, stars["bp_rp_mag"])
        transmission[colour] = signal * 10 ** (-0.4 * (lost_mag + night.extinction * clear_mag))
    glow, focus = sky_glow(observation, middle), _focus(observation, index)
    trail_px = mount.trail_px(observation, index, exptime_s)
    return Effects(transmission, signal, airmass, cloud_mag, glow, focus, trail_px)


def _signal(observation: Observation, index: int, exptime_s: float, stars: Stars) -> Float64:
    """Return the stars' own variability: 1 except for variable stars."""
    signal = np.ones(stars.size)
    middle = Time(observation.image_time(index)) + exptime_s / 2 * u.s
    for variable in observation.night.variables:
        for number in np.flatnonzero(stars["id"] == variable.star_id):
            place = float(stars["ra_deg"][number]), float(stars["dec_deg"][number])
            middle_bjd = float(bjd_tdb(observation, middle, *place).jd)
            signal[number] = mean_flux(variable, middle_bjd, exptime_s)
    return signal


def _focus(observation: Observation, index: int) -> float:
    amplitude = observation.night.focus
    phase = observation.rng("focus", observation.camera_id).uniform(0, 2 * np.pi)
    breath = np.sin(2 * np.pi * observation.seconds(index) / BREATHING_S + phase)
    scatter = FOCUS_SCATTER * observation.night_rng("focus", index).standard_normal()
    return float(1 + amplitude * (breath + scatter))


def _mean(values: Float64, empty: float) -> float:
    return float(values.mean()) if values.size else empty
