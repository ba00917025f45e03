"""The search of a night's stars for a single transit, and the best box of each star."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from light_curves.blocks import blocks
from light_curves.search.boxes import MIDS_PER_DURATION, Scan, Trials, make_trials, scan, trials_at
from light_curves.search.false_alarm import brightness_bins, false_alarm_probability
from light_curves.search.night import Night
from light_curves.search.red_noise import AMPLITUDES, SlowNoise, fit_slow_noise, slow_columns
from panoptes_network.arrays import Floats, Indices, Singles

STARS_AT_ONCE = 100
"""Limits the memory of a scan."""
NEAR_DURATIONS = 1.25 ** np.linspace(-1.5, 1.5, 9)
NEAR_MIDS = np.linspace(-3, 3, 25) / MIDS_PER_DURATION
"""Durations and mid-times around the best trial, relative to its own, that a box is averaged over.
"""


@dataclass(frozen=True)
class Box:
    """The best transit of a star in a night.

    Means and standard deviation of the posterior probability around the best trial. The best trial
    itself is too deep: it is chosen for the noise that happens to be in it.

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

    A trial's gain is twice the increase of the log posterior probability, at least 0.

    Parameters
    ----------
    night : Night
    bins : list of ndarray
        Stars of similar brightness.
    noise : SlowNoise
    trials : Trials
    deviations : ndarray, shape (n, k), float32
        Depth of each star and trial in standard deviations.
    best : ndarray, shape (n,), intp
        The trial of each star's most probable dip.
    power, upside_down : ndarray, shape (n,), float32
        Gain of the best dip and of the best rise; 0 where there is none.
    """

    night: Night
    bins: list[Indices]
    noise: SlowNoise
    trials: Trials
    deviations: Singles
    best: Indices
    power: Singles
    upside_down: Singles

    @cached_property
    def significance(self) -> Singles:
        """Depth of the best trial in standard deviations, shape (n,)."""
        return np.asarray(np.take_along_axis(self.deviations, self.best[:, None], axis=1)[:, 0])

    @cached_property
    def false_alarm_probability(self) -> Floats:
        """Fraction of constant stars of similar brightness with at least this gain, shape (n,)."""
        return false_alarm_probability(self.power, self.bins, self.upside_down)

    def scan(self, star: int, trials: Trials | None = None) -> Scan:
        """Return depths and information of one star: those of the search, or of other trials."""
        own = slice(star, star + 1)
        return _scan(self.night, own, trials or self.trials, self.noise)

    def box(self, star: int) -> Box:
        """Return the best box of a star."""
        best = self.best[star]
        near_h = float(self.trials.duration_h[best]) * NEAR_DURATIONS
        near_d = self.trials.mid_d[best] + NEAR_MIDS * self.trials.duration_h[best] / 24
        mids, durations = (each.ravel() for each in np.meshgrid(near_d, near_h))
        near = trials_at(self.night.time_d, mids, durations)
        found = self.scan(star, near)
        share = _posterior(found.deviations[0], near)
        mid_d, duration_h = float(share @ near.mid_d), float(share @ near.duration_h)
        if not len(trials_at(self.night.time_d, np.array([mid_d]), np.array([duration_h]))):
            # Between trials on both sides of a gap, their mean is in the gap.
            likeliest = share.argmax()
            mid_d, duration_h = float(near.mid_d[likeliest]), float(near.duration_h[likeliest])
        depth = float(share @ found.depth[0])
        variance = np.divide(1, found.information[0], where=share > 0, out=np.zeros_like(share))
        return Box(
            mid_d=mid_d,
            duration_h=duration_h,
            depth=depth,
            depth_err=float(np.sqrt(share @ (variance + (found.depth[0] - depth) ** 2))),
        )


def _posterior(deviations: Singles, trials: Trials) -> Floats:
    """Return the probability of each trial that is a dip, shape (k,); their sum is 1."""
    log_probability = deviations.astype(np.float64) ** 2 / 2 + trials.log_prior
    is_dip = deviations > 0
    if not is_dip.any():
        return np.full(len(trials), 1 / len(trials))
    share = np.where(is_dip, np.exp(log_probability - log_probability[is_dip].max()), 0)
    return np.asarray(share / share.sum())


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
    noise = fit_slow_noise(
        night.flux, _without_largest_box(night, trials), night.weight, columns, bins
    )
    deviations = np.empty((len(night), len(trials)), np.float32)
    best = np.empty(len(night), np.intp)
    power, upside_down = np.empty((2, len(night)), np.float32)
    for some in blocks(len(night), STARS_AT_ONCE):
        deviations[some] = _scan(night, some, trials, noise).deviations
        best[some], power[some], upside_down[some] = _best_dips(deviations[some], trials)
    return TransitSearch(night, bins, noise, trials, deviations, best, power, upside_down)


def _without_largest_box(night: Night, trials: Trials) -> Singles:
    """Return the fluxes without each star's largest dip or rise as in white noise, shape (n, f)."""
    level = slow_columns(night.time_d)[:, :1]
    white = SlowNoise(level, np.full(len(night), AMPLITUDES[0]))
    flat = np.empty_like(night.flux)
    for some in blocks(len(night), STARS_AT_ONCE):
        first = _scan(night, some, trials, white)
        best = (first.deviations**2 + 2 * trials.log_prior).argmax(axis=1)
        depth = np.take_along_axis(first.depth, best[:, None], axis=1)
        flat[some] = night.flux[some] + depth * trials.shape[best]
    return flat


def _scan(night: Night, stars: slice, trials: Trials, noise: SlowNoise) -> Scan:
    return scan(night.flux[stars], night.weight[stars], trials, noise.take(stars))


def _best_dips(deviations: Singles, trials: Trials) -> tuple[Indices, Singles, Singles]:
    """Return the best dip's trial and gain, and the best rise's gain, of each star."""
    gain = np.maximum(deviations**2 + 2 * trials.log_prior.astype(np.float32), 0)
    best = np.where(deviations > 0, gain, -1).argmax(axis=1)
    dip, rise = (
        np.where(wanted, gain, 0).max(axis=1) for wanted in (deviations > 0, deviations < 0)
    )
    return np.asarray(best), dip, rise
