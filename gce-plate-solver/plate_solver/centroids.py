"""Centres of stars, better than their isophotes tell."""

import numpy as np
from numpy.typing import NDArray

WINDOW_SIGMA = 1.0
"""Superpixels; about the sigma of a star's core and trail together."""

_HALF_WINDOW = 4
_ITERATIONS = 6
_MAX_SHIFT = 1.5

Floats = NDArray[np.float64]


def windowed_centroids(
    plane: NDArray[np.float32], x: Floats, y: Floats, background: Floats
) -> tuple[Floats, Floats]:
    """Return the centres of stars under a Gaussian window that follows them.

    An isophote of a bright star reaches far into its one-sided wings: at the corners of a
    frame its centre lies 0.3 pixel outside the star's. The window sees the core. The method
    is source-extractor's XWIN_IMAGE (its manual, "Windowed positional parameters"), for only
    the stars that need it: in a crowded frame the program itself takes 3 s longer for all.

    Parameters
    ----------
    plane : ndarray, shape (height, width)
        Superpixel sums.
    x, y : ndarray, shape (n,)
        First places, 0-based superpixels; n may be 0.
    background : ndarray, shape (n,)
        Level of the sky at each, in the units of `plane`.

    Returns
    -------
    x, y : ndarray, shape (n,)
        As given where the window finds no light or wanders off: a neighbour, or the edge.
    """
    steps = np.arange(-_HALF_WINDOW, _HALF_WINDOW + 1)
    column = np.clip(np.rint(x).astype(np.int64)[:, None] + steps, 0, plane.shape[1] - 1)
    row = np.clip(np.rint(y).astype(np.int64)[:, None] + steps, 0, plane.shape[0] - 1)
    light = plane[row[:, :, None], column[:, None, :]] - background[:, None, None]
    centre_x, centre_y = x.copy(), y.copy()
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(_ITERATIONS):
            dx, dy = column - centre_x[:, None], row - centre_y[:, None]
            seen = light * (_window(dy)[:, :, None] * _window(dx)[:, None, :])
            total = seen.sum(axis=(1, 2))
            # The window halves the distance to a Gaussian star's centre: hence the factor 2.
            centre_x += 2 * (seen.sum(axis=1) * dx).sum(axis=1) / total
            centre_y += 2 * (seen.sum(axis=2) * dy).sum(axis=1) / total
    good = np.hypot(centre_x - x, centre_y - y) < _MAX_SHIFT
    return np.where(good, centre_x, x), np.where(good, centre_y, y)


def _window(distance: Floats) -> Floats:
    weights: Floats = np.exp(-0.5 * (distance / WINDOW_SIGMA) ** 2)
    return weights
