"""Pointing of the mount: slightly off target, then drifting."""

from datetime import UTC, datetime

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from simulator.observation import Observation
from simulator.optics import PIXEL_SCALE_ARCSEC, field_wcs

POINTING_ERROR_DEG = 0.05
DRIFT_PX_PER_S = (-0.4 / 128, -1.7 / 128)
PERIODIC_ERROR_S = 479.0
"""Turn of the worm of an iOptron iEQ30, the mount of most units."""


def frame_wcs(observation: Observation, index: int) -> WCS:
    """Return the projection of frame `index`.

    The optical axis stays at the centre of the sensor; the sky moves.
    """
    turn, size = observation.rotation_deg, (observation.width, observation.height)
    first = field_wcs(observation.ra_deg, observation.dec_deg, turn, *size)
    aim = observation.night_rng(
        "aim", observation.unit_id, observation.camera_id, observation.field
    )
    miss_px = aim.normal(0, POINTING_ERROR_DEG * 3600 / PIXEL_SCALE_ARCSEC, 2)
    jitter_px = observation.night_rng("jitter", index).normal(0, observation.night.jitter_px, 2)
    offset_px = miss_px + jitter_px + _moved_px(observation, observation.seconds(index))
    ra_deg, dec_deg = first.wcs_pix2world([first.wcs.crpix - offset_px], 1)[0]
    return field_wcs(float(ra_deg), float(dec_deg), turn, *size)


def trail_px(observation: Observation, index: int, exptime_s: float) -> tuple[float, float]:
    """Return how far the stars move in x and y within the exposure of frame `index`."""
    begin_s = observation.seconds(index)
    moved = _moved_px(observation, begin_s + exptime_s) - _moved_px(observation, begin_s)
    return float(moved[0]), float(moved[1])


def farthest_px(observation: Observation) -> float:
    """Return the maximum distance of the stars from their positions in the first frame."""
    drift_px = np.hypot(*DRIFT_PX_PER_S) * observation.count * observation.cadence_s
    return float(drift_px + 2 * observation.night.periodic_error_px)


def julian_year(time: datetime) -> float:
    """Return the Julian year, J2000.0 = 2000-01-01T12 (the minute between TT and UTC left out)."""
    return 2000 + (time - datetime(2000, 1, 1, 12, tzinfo=UTC)).total_seconds() / 86400 / 365.25


def _moved_px(observation: Observation, seconds: float) -> NDArray[np.float64]:
    """Return the stars' motion since the start of the first exposure; right ascension is +y."""
    moved = np.array(DRIFT_PX_PER_S) * seconds
    amplitude = observation.night.periodic_error_px
    phase = observation.rng("worm", observation.unit_id).uniform(0, 2 * np.pi)
    turn = 2 * np.pi * seconds / PERIODIC_ERROR_S + phase
    moved[1] += amplitude * (np.sin(turn) - np.sin(phase))
    return moved
