"""The search of a night's stars for a single transit, and the best box of each star."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from light_curves.search.boxes import MIDS_PER_DURATION, Scan, Trials, make_trials, scan, trials_at
from light_curves.search.false_alarm import brightness_bins, false_alarm_probability
from light_curves.search.night import Night
from light_curves.search.red_noise import AMPLITUDES, SlowNoise, fit_slow_noise, slow_columns
from panoptes_network.arrays import Floats, Indices

FINER_DURATIONS = 1.25 ** np.linspace(-0.75, 0.75, 7)
FINER_MIDS = np.linspace(-0.75, 0.75, 7) / MIDS_PER_DURATION
"""Number of durations and mid-times tried around the best trial."""


@dataclass(frozen=True)
class Box:
    """The best transit of a star in a night.

    Parameters
    ----------
    mid_d : float
        Mid-time on the night's clock.
    duration_h : float
        First to last contact.
    depth, depth_err : float
        Relative depth at mid-transit.
    """

    mid_d: float
    duration_h: float
    depth: float
    depth_err: float

    @property
    def significance(self) -> float:
        """Depth divided by its error."""
        return self.depth / self.depth_err


@dataclass(frozen=True)
class TransitSearch:
    """Result of a night's search for its n stars, by k trials.

    Parameters
    ----------
    night : Night
    bins : list of ndarray
        Stars of similar brightness.
    noise : SlowNoise
    trials : Trials
    scan : Scan
    """

    night: Night
    bins: list[Indices]
    noise: SlowNoise
    trials: Trials
    scan: Scan

    @cached_property
    def deviations(self) -> NDArray[np.float32]:
        """Depth of each star and trial in standard deviations, shape (n, k)."""
        return self.scan.deviations

    @cached_property
    def gain(self) -> NDArray[np.float32]:
        """Twice the increase of the log posterior probability per trial, shape (n, k)."""
        prior = 2 * self.trials.log_prior.astype(np.float32)
        return np.asarray(np.maximum(self.deviations**2 + prior, 0))

    @cached_property
    def best(self) -> Indices:
        """The most probable dip of each star, shape (n,)."""
        return np.asarray(np.where(self.deviations > 0, self.gain, -1).argmax(axis=1))

    @cached_property
    def significance(self) -> NDArray[np.float32]:
        """Depth of the best trial in standard deviations, shape (n,)."""
        return np.asarray(np.take_along_axis(self.deviations, self.best[:, None], axis=1)[:, 0])

    @cached_property
    def power(self) -> NDArray[np.float32]:
        """Gain of the best dip, shape (n,); 0 where there is none."""
        return np.asarray(np.where(self.deviations > 0, self.gain, 0).max(axis=1))

    @cached_property
    def false_alarm_probability(self) -> Floats:
        """Fraction of constant stars of similar brightness with at least this gain, shape (n,)."""
        upside_down = np.where(self.deviations < 0, self.gain, 0).max(axis=1)
        return false_alarm_probability(self.power, self.bins, upside_down)

    def box(self, star: int) -> Box:
        """Return the best box of a star, with mid-time and duration refined beyond the trials."""
        best = self.best[star]
        duration_h = float(self.trials.duration_h[best]) * FINER_DURATIONS
        mid_d = self.trials.mid_d[best] + FINER_MIDS * self.trials.duration_h[best] / 24
        mids, durations = (each.ravel() for each in np.meshgrid(mid_d, duration_h))
        finer = trials_at(self.night.time_d, mids, durations)
        own, noise = slice(star, star + 1), self.noise.take(slice(star, star + 1))
        found = scan(self.night.flux[own], self.night.weight[own], finer, noise)
        at = int(found.deviations[0].argmax())
        return Box(
            mid_d=float(finer.mid_d[at]),
            duration_h=float(finer.duration_h[at]),
            depth=float(found.depth[0, at]),
            depth_err=float(found.information[0, at] ** -0.5),
        )


def search_transits(night: Night) -> TransitSearch | None:
    """Return the search of a night; None if it has no stars or is too short for a transit.

    Each star is scanned twice. The first scan assumes white noise; the slow noise is then measured
    on the residuals of the largest box, so that a transit does not count as noise. That box may be
    a dip or a rise, so that both are equally likely in a constant star.
    """
    trials = make_trials(night.time_d)
    if len(night) == 0 or len(trials) == 0:
        return None
    bins, columns = brightness_bins(night.gaia_mag), slow_columns(night.time_d)
    white = SlowNoise(columns, np.full(len(night), AMPLITUDES[0]))
    first = scan(night.flux, night.weight, trials, white)
    best = (first.deviations**2 + 2 * trials.log_prior).argmax(axis=1)
    depth = np.take_along_axis(first.depth, best[:, None], axis=1)
    flat = night.flux + depth * trials.shape[best]
    noise = fit_slow_noise(night.flux, flat, night.weight, columns, bins)
    return TransitSearch(night, bins, noise, trials, scan(night.flux, night.weight, trials, noise))
