"""What one exposure sees: the pointing, the stars in it, and the light they send."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from astropy.table import Table
from astropy.wcs import WCS
from numpy.typing import NDArray

from simulator import detector, sky
from simulator.background import sky_planes
from simulator.observation import Conditions, Observation
from simulator.optics import (
    CORNER_RADIUS_PX,
    PIXEL_SCALE_ARCSEC,
    Psf,
    field_wcs,
    sky_to_pixel,
    vignetting,
)
from simulator.render import DRAW_MARGIN_PX, Float32, Float64, Spots, draw_planes

COLOURS = ("R", "G", "B")
RESOLVED_MAG = 14.5
"""Fainter stars make the sky lumpy but none of them is seen: they are not in the truth."""


class Weather(NamedTuple):
    """How much of the stars' and of the sky's light comes in."""

    starlight: float
    glow: float


WEATHER = {
    Conditions.CLEAR: Weather(1.0, 1.0),
    Conditions.CLOUDY: Weather(10 ** (-0.4 * 4), 2.5),
    Conditions.STARLESS: Weather(0.0, 1.0),
    Conditions.BLANK: Weather(0.0, 0.0),
}
POINTING_ERROR_DEG = 0.05
DRIFT_PX_PER_S = (-0.4 / 128, -1.7 / 128)
GUIDING_JITTER_PX = 0.15
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
    spots : dict of str to Spots
        Their images by colour.
    sky : list of ndarray of float32
        The sky's light on each plane of the Bayer cell, ADU.
    """

    observation: Observation
    exptime_s: float
    wcs: WCS
    stars: sky.Stars
    ra_deg: Float64
    dec_deg: Float64
    spots: dict[str, Spots]
    sky: list[Float32]

    def light_planes(self) -> list[Float32]:
        """Return the expected light above black on each plane of the Bayer cell, ADU."""
        trail_px = (DRIFT_PX_PER_S[0] * self.exptime_s, DRIFT_PX_PER_S[1] * self.exptime_s)
        psfs = {colour: Psf.of_colour(colour, trail_px) for colour in COLOURS}
        shape = (self.observation.height, self.observation.width)
        stars = draw_planes(shape, self.spots, psfs)
        return [a + b for a, b in zip(stars, self.sky, strict=True)]

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
    """Find what frame `index` of an observation sees in an exposure of `exptime_s` seconds."""
    wcs, weather = frame_wcs(observation, index), WEATHER[observation.conditions]
    shape = (observation.height, observation.width)
    stars = stars_near(observation) if weather.starlight else np.empty(0, sky.STAR_DTYPE)
    ra_deg, dec_deg = sky.at_epoch(stars, julian_year(observation.image_time(index)))
    x, y = sky_to_pixel(wcs, ra_deg, dec_deg)
    near = _inside(x, y, shape, margin_px=DRAW_MARGIN_PX)
    gradient_angle = observation.rng("gradient", observation.field).uniform(0, 2 * np.pi)
    scale = exptime_s / detector.REFERENCE_EXPTIME_S
    return Scene(
        observation=observation,
        exptime_s=exptime_s,
        wcs=wcs,
        stars=stars[near],
        ra_deg=ra_deg[near],
        dec_deg=dec_deg[near],
        spots=_spots(stars[near], x[near], y[near], shape, weather.starlight * scale),
        sky=sky_planes(wcs, shape, weather.glow * scale, gradient_angle),
    )


def frame_wcs(observation: Observation, index: int) -> WCS:
    """Return the projection of frame `index`: the target, missed a little, then drifting.

    The optical axis stays in the middle of the sensor; the sky moves behind it.
    """
    turn, size = observation.rotation_deg, (observation.width, observation.height)
    first = field_wcs(observation.ra_deg, observation.dec_deg, turn, *size)
    aim = observation.rng("aim", observation.unit_id, observation.camera_id, observation.field)
    miss_px = aim.normal(0, POINTING_ERROR_DEG * 3600 / PIXEL_SCALE_ARCSEC, 2)
    jitter_px = observation.rng("jitter", index).normal(0, GUIDING_JITTER_PX, 2)
    drift_px = np.array(DRIFT_PX_PER_S) * index * observation.cadence_s
    centre_px = first.wcs.crpix - (miss_px + jitter_px + drift_px)
    ra_deg, dec_deg = first.wcs_pix2world([centre_px], 1)[0]
    return field_wcs(float(ra_deg), float(dec_deg), turn, *size)


def julian_year(time: datetime) -> float:
    """Return the Julian year, J2000.0 = 2000-01-01T12 (the minute between TT and UTC left out)."""
    return 2000 + (time - datetime(2000, 1, 1, 12, tzinfo=UTC)).total_seconds() / 86400 / 365.25


def stars_near(observation: Observation) -> sky.Stars:
    """Return the stars in and around the field of an observation, whatever its conditions."""
    half_diagonal_px = np.hypot(observation.width, observation.height) / 2
    drift_px = np.hypot(*DRIFT_PX_PER_S) * observation.count * observation.cadence_s
    radius_deg = (1.01 * half_diagonal_px + drift_px) * PIXEL_SCALE_ARCSEC / 3600
    around = float(radius_deg + 5 * POINTING_ERROR_DEG)
    return sky.stars_in_cone(observation.ra_deg, observation.dec_deg, around, observation.seed)


def _spots(
    stars: sky.Stars, x: Float64, y: Float64, shape: tuple[int, int], scale: float
) -> dict[str, Spots]:
    """Give each star its image, `scale` times as bright as in 120 s of a clear night."""
    outward_x = (x - (shape[1] - 1) / 2) / CORNER_RADIUS_PX
    outward_y = (y - (shape[0] - 1) / 2) / CORNER_RADIUS_PX
    transmission = scale * vignetting(np.hypot(outward_x, outward_y))
    spots = {}
    for colour in COLOURS:
        flux = detector.star_flux_adu(colour, stars["gaia_mag"], stars["bp_rp_mag"])
        spots[colour] = Spots(x, y, outward_x, outward_y, transmission * flux)
    return spots


def _inside(
    x: Float64, y: Float64, shape: tuple[int, int], margin_px: float = 0
) -> NDArray[np.bool_]:
    """Tell which places are on the frame, or at most `margin_px` outside."""
    height, width = shape
    low, right, top = -0.5 - margin_px, width - 0.5 + margin_px, height - 0.5 + margin_px
    return np.asarray((x > low) & (x < right) & (y > low) & (y < top))


def _highest_within_one_pixel(light: Float32, x: Float64, y: Float64) -> NDArray[np.float32]:
    """Return the brightest of the 3x3 pixels around each place, shape (n,)."""
    column, row = np.rint(x).astype(np.intp), np.rint(y).astype(np.intp)
    columns = [(column + i).clip(0, light.shape[1] - 1) for i in (-1, 0, 1)]
    rows = [(row + j).clip(0, light.shape[0] - 1) for j in (-1, 0, 1)]
    return np.asarray(np.max([light[j, i] for j in rows for i in columns], axis=0))
