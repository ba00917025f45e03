"""The search for one transit in one night: all mid-times and durations, for many stars at once.

Box least squares (Kovacs et al. 2002, A&A 391, 369), with two differences. The box has the rounded
floor of a limb-darkened star, as in Hippke and Heller (2019, A&A 623, A39). And the star's level
and slow noise are fitted together with the depth, so that a transit that fills much of the night
keeps its depth, and a drifting star has no transit.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from light_curves.search.red_noise import SlowNoise
from panoptes_network.arrays import Floats, Singles

DURATIONS_H = 1.25 ** np.arange(8)
"""1 to 4.8 h; a transit between two durations loses at most 5 % of its significance."""
LIKELY_DURATION_H = 2.6
"""For a planet with a period of 3 days crossing a Sun's centre: Winn 2010, arXiv:1001.2010."""
DURATION_SPREAD = 0.6
"""Standard deviation of the natural logarithm: periods from half a day to three weeks, and other
stellar densities.
"""
MIDS_PER_DURATION = 12
MIN_FRAMES = 5
"""Minimum number of frames in the box, and outside it."""
MIN_INFORMATION = 0.02
"""Fraction of a box's information that must remain after the star's level and slow noise."""
LIMB_DARKENING = (0.40, 0.25)
"""Quadratic, of a Sun-like star in green: Claret and Bloemen (2011), A&A 529, A75, about."""
PLANET_RADIUS = 0.1
"""Radius of the planet that shapes the boxes, in stellar radii: a transit of 1 %."""
_STRIPS = np.linspace(-24, 24, 25) / 25
"""Positions of strips across the planet's disk, in its radii."""


@dataclass(frozen=True)
class Trials:
    """The trial transits of a night: k trials over f frames.

    Parameters
    ----------
    mid_d, duration_h : ndarray, shape (k,), float64
        Mid-time, in days on the frames' clock, and time from first to last contact.
    shape : ndarray, shape (k, f), float64
        Fraction of the depth in each frame: 0 outside, 1 in the middle.
    """

    mid_d: Floats
    duration_h: Floats
    shape: Floats

    def __len__(self) -> int:
        return len(self.mid_d)

    @property
    def log_prior(self) -> Floats:
        """Prior probabilities, shape (k,): natural logarithms, at most 0.

        All mid-times are equally probable, so each of the many short trials is less probable;
        durations are those of planets near their stars.
        """
        from_likely = np.log(self.duration_h / LIKELY_DURATION_H) / DURATION_SPREAD
        share = np.log(self.duration_h / DURATIONS_H[-1])
        return np.asarray(np.minimum(share - from_likely**2 / 2, 0))


@dataclass(frozen=True)
class Scan:
    """Results of the k trials for n stars.

    Parameters
    ----------
    depth : ndarray, shape (n, k), float32
        Least-squares depth; positive if the star is fainter, 0 without information.
    information : ndarray, shape (n, k), float32
        Inverse variance of the depth; 0 without information.
    """

    depth: Singles
    information: Singles

    @property
    def deviations(self) -> Singles:
        """Depth in standard deviations, shape (n, k)."""
        return np.asarray(self.depth * np.sqrt(self.information))


def transit_shape(distance: Floats) -> Floats:
    """Return the fraction of a central transit's depth.

    Parameters
    ----------
    distance : ndarray
        Distance from mid-transit in half durations: 1 is first or last contact.

    Returns
    -------
    ndarray of the same shape
        0 to 1; within 0.05 of the exact curve of a planet of `PLANET_RADIUS`, 0.003 on average.
    """
    from_centre = np.abs(distance) * (1 + PLANET_RADIUS)
    return np.asarray(_light_behind(from_centre) / _light_behind(np.zeros(())))


def _light_behind(from_centre: Floats) -> Floats:
    """Return the light behind the planet: each strip of its disk blocks its own ring's."""
    ring = np.abs(from_centre[..., None] + PLANET_RADIUS * _STRIPS)
    dark = 1 - np.sqrt(np.maximum(1 - ring**2, 0))
    light = 1 - LIMB_DARKENING[0] * dark - LIMB_DARKENING[1] * dark**2
    return np.asarray(np.where(ring < 1, light, 0) @ np.sqrt(1 - _STRIPS**2))


def make_trials(time_d: Floats) -> Trials:
    """Return the trial transits for frames at `time_d`, shape (f,).

    Mid-times are within the night, a twelfth of the duration apart. Trials with too few frames
    inside or outside are skipped; there may be none.
    """
    if len(time_d) == 0:
        return trials_at(time_d, np.zeros(0), np.zeros(0))
    steps_d = DURATIONS_H / 24 / MIDS_PER_DURATION
    mids = [np.arange(time_d.min() + step / 2, time_d.max(), step) for step in steps_d]
    durations = np.repeat(DURATIONS_H, [len(mid) for mid in mids])
    return trials_at(time_d, np.concatenate(mids), durations)


def trials_at(time_d: Floats, mid_d: Floats, duration_h: Floats) -> Trials:
    """Return the trials, by mid-time and duration, with enough frames inside and outside."""
    distance = (time_d[None, :] - mid_d[:, None]) / (duration_h[:, None] / 48)
    within = (np.abs(distance) < 1).sum(axis=1)
    enough = (within >= MIN_FRAMES) & (len(time_d) - within >= MIN_FRAMES)
    return Trials(mid_d[enough], duration_h[enough], transit_shape(distance[enough]))


def scan(flux: NDArray[np.floating], weight: Floats, trials: Trials, noise: SlowNoise) -> Scan:
    """Fit the depth of each trial to each star, together with its level and its slow noise.

    Generalised least squares, the level's columns projected out: with weights W, columns P, their
    normal matrix N = P'WP + prior and a box b, the information is b'Wb - b'WP N^-1 P'Wb, and the
    depth b'W(y - P N^-1 P'Wy) by it.

    Parameters
    ----------
    flux : ndarray, shape (n, f)
        Relative flux; ignored where `weight` is 0.
    weight : ndarray, shape (n, f), float64
        Inverse variance per frame; 0 for ignored frames.
    trials : Trials
    noise : SlowNoise
        Slow noise of the n stars.

    Returns
    -------
    Scan
        Memory grows with n times the trials times the noise's columns: give few stars at once.
    """
    columns, root, shape = noise.columns, noise.inverse_root(weight), trials.shape
    missing = np.where(weight > 0, 1 - flux, 0.0)
    solved = np.einsum(
        "nrp,nr->np", root, np.einsum("nrp,np->nr", root, (weight * missing) @ columns)
    )
    score = (weight * (missing - solved @ columns.T)) @ shape.T
    overlap = np.stack([weight @ (shape * column).T for column in columns.T], axis=1)
    alone = weight @ (shape**2).T
    information = alone - (np.matmul(root, overlap) ** 2).sum(axis=1)
    usable = information > MIN_INFORMATION * alone
    depth = np.divide(score, information, out=np.zeros_like(score), where=usable)
    return Scan(depth.astype(np.float32), np.where(usable, information, 0).astype(np.float32))
