"""How often a constant star of the same brightness would look as significant by chance.

The level comes from the sequence itself: from all stars of like brightness. Those that do change
must not count. They are told by turning the curves upside down, as Thompson et al. (2018, ApJS
235, 38) do for Kepler: noise brightens as often as it dims, a transit only dims.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

STARS_PER_BIN = 500
"""Of like brightness: enough for the level that one constant star in a hundred reaches."""
TAIL = 0.1
"""Share of the constant stars whose excess says how the tail falls off."""


def brightness_bins(gaia_mag: NDArray[np.floating]) -> list[Indices]:
    """Return the stars' indices in bins of like brightness, brightest first.

    Bins have about `STARS_PER_BIN` stars. Those of unknown brightness count as faintest.
    """
    order = np.argsort(gaia_mag, kind="stable")
    return np.array_split(order, max(1, len(order) // STARS_PER_BIN)) if len(order) else []


def false_alarm_probability(
    power: NDArray[np.floating],
    bins: list[Indices],
    upside_down: NDArray[np.floating] | None = None,
) -> Floats:
    """Return the share of constant stars of like brightness that reach a star's power.

    Parameters
    ----------
    power : ndarray, shape (n,)
        Such as a significance squared, twice the gain in log likelihood.
    bins : list of ndarray
        The stars of like brightness.
    upside_down : ndarray, shape (n,), optional
        Power of the same curves upside down. Stars that have more of it than of power are
        constant, and by symmetry so would be as many with both exchanged. Without it all
        stars count as constant, and a few that are not are outvoted.

    Returns
    -------
    ndarray, shape (n,), float64
        0 to 1; 1 where no star of the bin is constant.
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
    """Return the powers that constant stars have: those of stars that have more upside down."""
    steady = upside_down > power
    return np.concatenate([power[steady], upside_down[steady]])


def share_beyond(power: NDArray[np.floating], constant: NDArray[np.floating]) -> Floats:
    """Return the share of constant stars at or above each power, shape (n,); 1 where none is.

    Above the tail's begin it falls exponentially, as that of a chi-square does; its scale is
    that of the median excess, which a few stars that do change hardly move.

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
