"""Robust medians and scatters, insensitive to outliers."""

import numpy as np

from panoptes_network.arrays import Floats, Singles

NORMAL_MAD = 1.4826
"""Ratio of a normal distribution's standard deviation to its median absolute deviation."""


def median(values: Singles) -> Singles:
    """Return the median along the first axis, ignoring NaN; NaN if there are no values.

    It is many times faster than `numpy.nanmedian`, which works column by column.
    """
    ordered = np.sort(values, axis=0)  # NaN stands last
    count = np.sum(~np.isnan(ordered), axis=0)
    if len(ordered) == 0:
        return np.full(values.shape[1:], np.nan, np.float32)
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, len(ordered) - 1)
    middle = np.take_along_axis(ordered, np.stack([low, high]), axis=0)
    return np.asarray(middle.mean(axis=0), np.float32)


def scatter(values: Singles) -> Singles:
    """Return the standard deviation along the first axis from the median absolute deviation."""
    away = np.abs(values - median(values))
    return np.asarray(NORMAL_MAD * median(away), np.float32)


def winsorized(values: Singles, limit: Singles) -> Singles:
    """Return values clipped to `limit` around 0, with 0 for NaN (Huber 1981)."""
    return np.asarray(np.nan_to_num(np.clip(values, -limit, limit)))


def running_median(values: Singles, at: Singles, width: int) -> tuple[Floats, Floats]:
    """Return medians of bins of `width` values in the order of `at`, and the bins' positions.

    Parameters
    ----------
    values, at : ndarray, shape (n,)
        Pairs with a NaN are ignored.
    width : int
        The last bin includes the remainder: up to twice as many.

    Returns
    -------
    places, medians : ndarray, shape (m,)
        Medians of `at` and of `values` per bin; may be empty.
    """
    known = np.flatnonzero(np.isfinite(values) & np.isfinite(at))
    if not known.size:
        return np.empty(0), np.empty(0)
    bins = np.array_split(known[np.argsort(at[known])], max(known.size // width, 1))
    places = np.array([np.median(at[chosen]) for chosen in bins])
    return places, np.array([np.median(values[chosen]) for chosen in bins])
