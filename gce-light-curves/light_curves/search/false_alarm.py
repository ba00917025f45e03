"""False-alarm probabilities from constant stars of the same brightness.

They are measured in the sequence itself, from all stars of similar brightness. Variable stars must
be excluded. They are found by inverting the curves, as Thompson et al. (2018, ApJS 235, 38) do for
Kepler: noise brightens as often as it dims, a transit only dims.
"""

import numpy as np
from numpy.typing import NDArray

from panoptes_network.arrays import Floats, Indices

STARS_PER_BIN = 500
"""Stars of similar brightness: enough for the level reached by one constant star in a hundred."""
TAIL = 0.1
"""Fraction of the constant stars used for the slope of the tail."""


def brightness_bins(gaia_mag: NDArray[np.floating]) -> list[Indices]:
    """Return the stars' indices in bins of similar brightness, brightest first.

    Bins have about `STARS_PER_BIN` stars. Those of unknown brightness count as faintest.
    """
    order = np.argsort(gaia_mag, kind="stable")
    return np.array_split(order, max(1, len(order) // STARS_PER_BIN)) if len(order) else []


def false_alarm_probability(
    power: NDArray[np.floating],
    bins: list[Indices],
    upside_down: NDArray[np.floating] | None = None,
) -> Floats:
    """Return the fraction of constant stars of similar brightness that reach a star's power.

    Parameters
    ----------
    power : ndarray, shape (n,)
        For example a significance squared, twice the gain in log likelihood.
    bins : list of ndarray
        Stars of similar brightness.
    upside_down : ndarray, shape (n,), optional
        Power of the inverted curves. Stars with more power inverted than not are constant, and by
        symmetry as many others are. Without it, all stars count as constant, and a few variable
        ones are outvoted.

    Returns
    -------
    ndarray, shape (n,), float64
        0 to 1; 1 if no star of the bin is constant.
    """
    probability = np.ones(len(power))
    for stars in bins:
        own = power[stars]
        steady = own if upside_down is None else steady_powers(own, upside_down[stars])
        probability[stars] = share_beyond(own, steady)
    return probability


def steady_powers(
    power: NDArray[np.floating], upside_down: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Return the powers of constant stars: those of stars with more power inverted."""
    steady = upside_down > power
    return np.concatenate([power[steady], upside_down[steady]])


def share_beyond(power: NDArray[np.floating], constant: NDArray[np.floating]) -> Floats:
    """Return the fraction of constant stars at or above each power, shape (n,); 1 without any.

    In the tail it falls exponentially, like a chi-square's; its scale comes from the median excess,
    which a few variable stars hardly affect.

    Parameters
    ----------
    power : ndarray, shape (n,)
    constant : ndarray, shape (m,)
        Powers of constant stars, in any order.
    """
    if len(constant) == 0:
        return np.ones(len(power))
    constant = np.sort(constant.astype(np.float64))
    rank = np.searchsorted(constant, power, side="left")
    share = (len(constant) - rank) / len(constant)
    begin = np.quantile(constant, 1 - TAIL)
    excess = constant[constant > begin] - begin
    if len(excess) == 0:
        return np.asarray(share)
    scale = float(np.median(excess)) / np.log(2)
    tail = TAIL * np.exp(-np.maximum(power - begin, 0) / scale)
    return np.asarray(np.where(power > begin, tail, share))
