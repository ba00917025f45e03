"""Variable stars: Lomb-Scargle periods, and Stetson's index of the colours."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from light_curves.blocks import blocks
from light_curves.search.false_alarm import brightness_bins, false_alarm_probability
from light_curves.search.night import Night
from panoptes_network.arrays import Floats, Indices

MAX_PER_DAY = 48.0
"""Maximum frequency, a period of half an hour."""
MIN_CYCLES = 0.5
"""Minimum number of cycles in the night: a longer period shows only a slope."""
FREQUENCIES_PER_PEAK = 5
STARS_AT_ONCE = 2000
"""Limits the memory of periodograms."""
MIN_VOLUME = 1e-4
"""Minimum relative volume of a sine's normal matrix: below it, sine and level are degenerate."""


@dataclass(frozen=True)
class VariabilitySearch:
    """Result of a night's search for variability of its n stars.

    Parameters
    ----------
    period_d : ndarray, shape (n,), float64
        Best period.
    amplitude : ndarray, shape (n,), float64
        Amplitude of the sine at that period, relative flux.
    significance : ndarray, shape (n,), float64
        Square root of the chi-square improvement by the sine.
    false_alarm_probability : ndarray, shape (n,), float64
        Fraction of constant stars of similar brightness with a sine, or a Stetson index, as
        significant: twice the lower of the two, as there are two tests.
    """

    period_d: Floats
    amplitude: Floats
    significance: Floats
    false_alarm_probability: Floats


def search_variables(night: Night, stetson: NDArray[np.floating]) -> VariabilitySearch:
    """Search a night's stars for variables.

    Parameters
    ----------
    night : Night
    stetson : ndarray, shape (n,)
        Stetson's J of each star; NaN where it is unknown.
    """
    frequency = frequencies(night.time_d)
    if len(frequency) == 0 or len(night) == 0:
        return VariabilitySearch(
            *(np.full(len(night), value) for value in (np.nan, np.nan, 0.0, 1.0))
        )
    best, gain, amplitude = _best_sines(night, frequency)
    bins = brightness_bins(night.gaia_mag)
    index = np.where(np.isfinite(stetson), stetson, 0).astype(np.float64)
    by_sine = false_alarm_probability(gain, bins)
    by_index = false_alarm_probability(index, bins)
    both = np.minimum(1, 2 * np.minimum(by_sine, by_index))
    return VariabilitySearch(1 / frequency[best], amplitude, np.sqrt(gain), both)


def _best_sines(night: Night, frequency: Floats) -> tuple[Indices, Floats, Floats]:
    """Return the best frequency of each star, with its gain and amplitude."""
    best = np.empty(len(night), np.intp)
    gain, amplitude = np.empty((2, len(night)))
    for some in blocks(len(night), STARS_AT_ONCE):
        gains, sizes = periodogram(night.time_d, night.flux[some], night.weight[some], frequency)
        best[some] = gains.argmax(axis=1)
        rows = np.arange(len(gains))
        gain[some], amplitude[some] = gains[rows, best[some]], sizes[rows, best[some]]
    return best, gain, amplitude


def frequencies(time_d: Floats) -> Floats:
    """Return the trial frequencies, in cycles per day, for frames at `time_d`; may be empty."""
    span_d = np.ptp(time_d) if len(time_d) else 0.0
    if span_d == 0:
        return np.zeros(0)
    step = 1 / span_d / FREQUENCIES_PER_PEAK
    return np.arange(MIN_CYCLES / span_d, MAX_PER_DAY, step)


def periodogram(
    time_d: Floats, flux: NDArray[np.floating], weight: Floats, frequency: Floats
) -> tuple[Floats, Floats]:
    """Return the generalised Lomb-Scargle periodogram of many stars at once.

    The sine and the level are fitted together: Zechmeister and Kuerster 2009, A&A 496, 577. astropy
    handles one star; this uses the frames' clock shared by all stars.

    Parameters
    ----------
    time_d : ndarray, shape (f,), float64
    flux, weight : ndarray, shape (n, f)
        Weights are inverse variances, 0 for ignored frames.
    frequency : ndarray, shape (k,), float64
        Cycles per day.

    Returns
    -------
    gain, amplitude : ndarray, shape (n, k), float64
        Chi-square improvement by the best sine of each frequency, and its amplitude.
    """
    phase = 2 * np.pi * time_d[:, None] * frequency
    waves = np.cos(phase), np.sin(phase)
    total = weight.sum(axis=1, keepdims=True)
    change = np.where(weight > 0, flux - 1, 0.0)
    change -= (weight * change).sum(axis=1, keepdims=True) / total
    c, s = (weight @ wave / total for wave in waves)
    yc, ys = ((weight * change) @ wave for wave in waves)
    cc = weight @ waves[0] ** 2 - total * c**2
    ss = weight @ waves[1] ** 2 - total * s**2
    cs = weight @ (waves[0] * waves[1]) - total * c * s
    volume = cc * ss - cs**2
    usable = volume > MIN_VOLUME * total**2
    volume = np.where(usable, volume, np.inf)
    gain = (ss * yc**2 + cc * ys**2 - 2 * cs * yc * ys) / volume
    amplitude = np.hypot(ss * yc - cs * ys, cc * ys - cs * yc) / volume
    return gain, amplitude
