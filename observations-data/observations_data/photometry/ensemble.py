"""A star's flux relative to its comparison stars in the same frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_COMPARISONS = 5
"""With fewer stars, a single strange one would dominate the comparison."""
MIN_SCATTER = 1e-3
"""Minimum scatter, so that no star, steady by chance, outweighs all others."""
NORMAL_MAD = 1.4826
"""Standard deviation of normal values in units of their median absolute deviation."""

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RelativeFlux:
    """Flux of a star relative to its comparison stars; NaN if unknown.

    Attributes
    ----------
    relative, relative_err : ndarray, shape (frames, 3), float64
        Median 1 in each colour, and its standard deviation.
    n_comparison : ndarray, shape (frames,), int64
        Comparison stars in the frame.
    """

    relative: Float64
    relative_err: Float64
    n_comparison: NDArray[np.int64]


def relative_flux(flux: Float64, flux_err: Float64, comparison: Float64) -> RelativeFlux:
    """Divide a star's flux by the weighted mean of its comparison stars', frame by frame.

    Each comparison star is first divided by its own median, so that one missing in a frame does not
    shift the mean. Its weight is the inverse variance of the remainder against the median of all
    stars (Broeg et al. 2005, Astronomische Nachrichten 326, 134, without their iteration): a
    variable one counts little.

    Parameters
    ----------
    flux, flux_err : ndarray, shape (frames, 3), float64
        The star's aperture sums, and their errors.
    comparison : ndarray, shape (stars, frames, 3), float64
        Those of its comparison stars; NaN where a frame is missing.

    Returns
    -------
    RelativeFlux
        All NaN, with 0 comparison stars, if there are fewer than `MIN_COMPARISONS`.
    """
    levels = nan_median(comparison, 1) if comparison.size else comparison[:, :0]
    usable = (levels > 0).all(axis=(1, 2))
    if usable.sum() < MIN_COMPARISONS or not flux.size:
        nothing = np.full(flux.shape, np.nan)
        return RelativeFlux(nothing, nothing, np.zeros(len(flux), dtype=np.int64))
    curves = comparison[usable] / levels[usable]
    mean, mean_err = _weighted_mean(curves)
    compared = flux / mean
    level = nan_median(compared, 0)
    level = np.where(level > 0, level, np.nan)
    error = np.hypot(flux_err / mean, compared * mean_err / mean)
    n_comparison = np.isfinite(curves).all(axis=2).sum(axis=0)
    return RelativeFlux(compared / level, error / level, n_comparison)


def nan_median(values: Float64, axis: int) -> Float64:
    """Return the median along `axis`, kept with length 1, ignoring NaN."""
    ordered = np.sort(values, axis=axis)  # NaN comes last
    count = np.isfinite(values).sum(axis=axis, keepdims=True)
    low, high = (
        np.take_along_axis(ordered, np.maximum(middle, 0), axis)
        for middle in ((count - 1) // 2, count // 2)
    )
    return np.asarray((low + high) / 2)


def _weighted_mean(curves: Float64) -> tuple[Float64, Float64]:
    """Return the mean of curves of median 1, and its error, shape (frames, 3)."""
    deviations = np.abs(curves / nan_median(curves, 0) - 1)
    scatter = np.maximum(NORMAL_MAD * nan_median(deviations, 1), MIN_SCATTER)
    weights = np.where(np.isfinite(curves), scatter**-2, 0)
    total = weights.sum(axis=0)
    total = np.where(total > 0, total, np.nan)
    mean = np.nansum(weights * curves, axis=0) / total
    error = np.sqrt((weights**2 * scatter**2).sum(axis=0)) / total
    return mean, error * mean
