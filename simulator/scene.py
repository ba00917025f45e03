"""The content of one exposure: the pointing, the stars, and their light."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from astropy.table import Table
from astropy.wcs import WCS
from numpy.typing import NDArray

from simulator import detector, sky
from simulator.background import sky_planes
from simulator.effects import Effects, effects_on
from simulator.flat import response_planes
from simulator.mount import POINTING_ERROR_DEG, farthest_px, frame_wcs, julian_year
from simulator.observation import Conditions, Observation
from simulator.optics import PIXEL_SCALE_ARCSEC, Psf, outward, sky_to_pixel, vignetting
from simulator.render import DRAW_MARGIN_PX, Float32, Float64, Spots, draw_planes
from simulator.satellites import satellite_trails
from simulator.sky_light import COLOURS

RESOLVED_MAG = 14.5
"""Fainter stars add structure to the sky but are not resolved: they are not in the truth."""


class Weather(NamedTuple):
    """Fraction of the stars' and the sky's light that arrives."""

    starlight: float
    glow: float


WEATHER = {
    Conditions.CLEAR: Weather(1.0, 1.0),
    Conditions.CLOUDY: Weather(10 ** (-0.4 * 4), 2.5),
    Conditions.STARLESS: Weather(0.0, 1.0),
    Conditions.BLANK: Weather(0.0, 0.0),
}
APERTURE_RADIUS_PX = 2.0
APERTURE_FRACTION = 0.63
"""Part of the PSF's light within that radius, mean over the Bayer cell."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The expected light of one exposure.

    Attributes
    ----------
    observation : Observation
        The sequence it belongs to.
    exptime_s : float
        Length of the exposure.
    wcs : WCS
        The projection.
    stars : Stars
        Shape (n,), those that shine into the frame.
    ra_deg, dec_deg : ndarray, shape (n,)
        Their places at the date, ICRS.
    effects : Effects
        What the night does to them.
    spots, trails : dict of str to Spots
        Their images, and those of satellites, by colour.
    sky : list of ndarray of float32
        The sky's light on each plane of the Bayer cell, ADU.
    """

    observation: Observation
    exptime_s: float
    wcs: WCS
    stars: sky.Stars
    ra_deg: Float64
    dec_deg: Float64
    effects: Effects
    spots: dict[str, Spots]
    trails: dict[str, Spots]
    sky: list[Float32]

    def light_planes(self) -> list[Float32]:
        """Return the expected light above black on each plane of the Bayer cell, ADU."""
        trail_px, focus = self.effects.trail_px, self.effects.focus
        psfs = {colour: Psf.of_colour(colour, trail_px, focus) for colour in COLOURS}
        shape = (self.observation.height, self.observation.width)
        drawn = {c: _joined(self.spots[c], self.trails[c]) for c in COLOURS}
        light = [a + b for a, b in zip(draw_planes(shape, drawn, psfs), self.sky, strict=True)]
        if not self.observation.night.pixel_response:
            return light
        return [a * b for a, b in zip(light, response_planes(self.observation), strict=True)]

    def star_table(self, light: Float32) -> Table:
        """Return the truth's rows; see :class:`simulator.truth.Truth`.

        Parameters
        ----------
        light : ndarray of float32, shape (height, width)
            Expected light above black, ADU.
        """
        x, y = self.spots["G"].x, self.spots["G"].y
        seen = self.stars["gaia_mag"] < RESOLVED_MAG
        chosen = np.flatnonzero(seen & _inside(x, y, (light.shape[0], light.shape[1])))
        chosen = chosen[np.argsort(self.stars["gaia_mag"][chosen], kind="stable")]
        flux = {colour: self.spots[colour].flux_adu[chosen] for colour in COLOURS}
        peak = detector.BLACK_ADU + _highest_within_one_pixel(light, x[chosen], y[chosen])
        return Table(
            {
                "id": self.stars["id"][chosen],
                "ra_deg": self.ra_deg[chosen],
                "dec_deg": self.dec_deg[chosen],
                "gaia_mag": self.stars["gaia_mag"][chosen],
                "bp_rp_mag": self.stars["bp_rp_mag"][chosen],
                "x": x[chosen],
                "y": y[chosen],
                **{f"flux_{c.lower()}_adu": flux[c].astype(np.float32) for c in COLOURS},
                "peak_adu": peak.astype(np.float32),
                "saturated": peak >= detector.SATURATION_ADU,
                "snr": self._signal_to_noise(flux).astype(np.float32),
                "signal": self.effects.signal[chosen],
                "airmass": self.effects.airmass[chosen].astype(np.float32),
                "cloud_mag": self.effects.cloud_mag[chosen].astype(np.float32),
            }
        )

    def _signal_to_noise(self, flux_adu: dict[str, Float64]) -> Float64:
        """CCD equation for the middle's PSF against the mean sky, in an aperture of 2 px."""
        mean_flux = (flux_adu["R"] + 2 * flux_adu["G"] + flux_adu["B"]) / 4
        signal = APERTURE_FRACTION * mean_flux
        glow = np.mean([plane.mean() for plane in self.sky])
        area = np.pi * APERTURE_RADIUS_PX**2
        pixel_variance = glow / detector.GAIN_E_PER_ADU + detector.READ_NOISE_ADU**2
        variance = signal / detector.GAIN_E_PER_ADU + area * pixel_variance
        return np.asarray(signal / np.sqrt(variance))


def build_scene(observation: Observation, index: int, exptime_s: float) -> Scene:
    """Return the scene of frame `index` of an observation, exposed for `exptime_s` seconds."""
    wcs, weather = frame_wcs(observation, index), WEATHER[observation.conditions]
    shape = (observation.height, observation.width)
    stars = stars_near(observation) if weather.starlight else np.empty(0, sky.STAR_DTYPE)
    ra_deg, dec_deg = sky.at_epoch(stars, julian_year(observation.image_time(index)))
    x, y = sky_to_pixel(wcs, ra_deg, dec_deg)
    near = _inside(x, y, shape, margin_px=DRAW_MARGIN_PX)
    stars, places = stars[near], (ra_deg[near], dec_deg[near], x[near], y[near])
    effects = effects_on(observation, index, exptime_s, stars, places)
    gradient_angle = observation.rng("gradient", observation.field).uniform(0, 2 * np.pi)
    scale = exptime_s / detector.REFERENCE_EXPTIME_S
    glow = {colour: weather.glow * scale * effects.glow[colour] for colour in COLOURS}
    return Scene(
        observation=observation,
        exptime_s=exptime_s,
        wcs=wcs,
        stars=stars,
        ra_deg=places[0],
        dec_deg=places[1],
        effects=effects,
        spots=_spots(stars, effects, places[2], places[3], shape, weather.starlight * scale),
        trails=satellite_trails(observation, index),
        sky=sky_planes(wcs, shape, glow, gradient_angle),
    )


def stars_near(observation: Observation) -> sky.Stars:
    """Return the stars in and around an observation's field, whatever its conditions."""
    half_diagonal_px = np.hypot(observation.width, observation.height) / 2
    radius_px = 1.01 * half_diagonal_px + farthest_px(observation)
    radius_deg = radius_px * PIXEL_SCALE_ARCSEC / 3600
    around = float(radius_deg + 5 * POINTING_ERROR_DEG)
    return sky.stars_in_cone(observation.ra_deg, observation.dec_deg, around, observation.seed)


def _spots(
    stars: sky.Stars,
    effects: Effects,
    x: Float64,
    y: Float64,
    shape: tuple[int, int],
    scale: float,
) -> dict[str, Spots]:
    """Return each star's image, `scale` times as bright as in 120 s of a clear night."""
    outward_x, outward_y = outward(x, y, shape)
    transmission = scale * vignetting(np.hypot(outward_x, outward_y))
    spots = {}
    for colour in COLOURS:
        flux = detector.star_flux_adu(colour, stars["gaia_mag"], stars["bp_rp_mag"])
        reaching = transmission * effects.transmission[colour]
        spots[colour] = Spots(x, y, outward_x, outward_y, reaching * flux)
    return spots


def _joined(spots: Spots, more: Spots) -> Spots:
    return Spots(*(np.concatenate(columns) for columns in zip(spots, more, strict=True)))


def _inside(
    x: Float64, y: Float64, shape: tuple[int, int], margin_px: float = 0
) -> NDArray[np.bool_]:
    """Return which positions are on the frame, or at most `margin_px` outside."""
    height, width = shape
    low, right, top = -0.5 - margin_px, width - 0.5 + margin_px, height - 0.5 + margin_px
    return np.asarray((x > low) & (x < right) & (y > low) & (y < top))


def _highest_within_one_pixel(light: Float32, x: Float64, y: Float64) -> NDArray[np.float32]:
    """Return the brightest of the 3x3 pixels around each place, shape (n,)."""
    column, row = np.rint(x).astype(np.intp), np.rint(y).astype(np.intp)
    columns = [(column + i).clip(0, light.shape[1] - 1) for i in (-1, 0, 1)]
    rows = [(row + j).clip(0, light.shape[0] - 1) for j in (-1, 0, 1)]
    return np.asarray(np.max([light[j, i] for j in rows for i in columns], axis=0))
