"""The fluxes of all stars of a frame at once: weighted least squares, in three colours.

Each pixel is the sky plus the stars that reach it. The normal equations contain, per colour, the
weighted sum of squares of each star's PSF, and of the products of overlapping PSFs; they are solved
by conjugate gradients (Hestenes, Stiefel 1952). A star's catalog flux is used as an additional
measurement, with an error as large as itself: it is negligible for a well-measured star, and
divides the light between two stars at the same position.
"""

from typing import NamedTuple

import numpy as np

from light_curves.compiled import compiled
from light_curves.measurements import N_COLOURS
from light_curves.photometry import stamps
from light_curves.photometry.frame_light import FrameLight
from light_curves.photometry.sky import Mesh, clipped_mesh, median_mesh
from light_curves.photometry.stamps import Stamps
from panoptes_network.arrays import Floats, Integers, Singles

CATALOG_ERROR = 1.0
"""Relative error of a catalog flux: the star's colour is ignored."""

ROUNDS = 2
"""Sky and fluxes are solved alternately."""

_TOLERANCE_SIGMA = 0.05
_MAX_STEPS = 200


class Solution(NamedTuple):
    """Solution of a frame for n stars.

    Parameters
    ----------
    flux_adu, flux_err_adu : ndarray, shape (n, 3), float64
        NaN for a star without a usable pixel of the colour.
    sky : Mesh
    residual, weight : ndarray, shape (height, width), float32
        Residual of the frame after stars and sky, and its inverse variance.
    """

    flux_adu: Floats
    flux_err_adu: Floats
    sky: Mesh
    residual: Singles
    weight: Singles


class NormalEquations(NamedTuple):
    """The symmetric matrices of n stars, one per colour.

    Parameters
    ----------
    diagonal : ndarray, shape (n, 3), float64
        Above 0.
    pairs : ndarray, shape (m, 2), int64
    products : ndarray, shape (m, 3), float64
        Off the diagonal, of each pair.
    """

    diagonal: Floats
    pairs: Integers
    products: Floats

    def solve(self, right: Floats) -> Floats:
        """Return the solution for a right side, shape (n, 3), to 5 % of its standard deviation.

        Uses conjugate gradients, scaled by the diagonal.
        """
        found = np.zeros_like(right)
        for c in range(right.shape[1]):
            diagonal = np.ascontiguousarray(self.diagonal[:, c])
            products = np.ascontiguousarray(self.products[:, c])
            _conjugate_gradients(diagonal, self.pairs, products, right[:, c].copy(), found[:, c])
        return found

    def errors(self) -> Floats:
        """Return the standard deviation of each flux, including its neighbours' errors.

        To first order: a star's neighbours are treated as if they did not overlap each other.
        """
        shared = np.zeros_like(self.diagonal)
        first, second = self.pairs.T
        square = self.products**2
        np.add.at(shared, first, square / self.diagonal[second])
        np.add.at(shared, second, square / self.diagonal[first])
        return 1 / np.sqrt(np.maximum(self.diagonal - shared, 0.05 * self.diagonal))


@compiled
def _conjugate_gradients(
    diagonal: Floats, pairs: Integers, products: Floats, left: Floats, found: Floats
) -> int:
    """Write the solution to `found`; `left` is the right side and is overwritten."""
    n = diagonal.shape[0]
    search, image = np.zeros(n), np.empty(n)
    previous = 1.0
    for step in range(_MAX_STEPS):
        size, worst = 0.0, 0.0
        for i in range(n):
            square = left[i] * left[i] / diagonal[i]
            size += square
            worst = max(worst, square)
        if worst <= _TOLERANCE_SIGMA**2:
            return step
        ratio = size / previous if step else 0.0
        previous = size
        for i in range(n):
            search[i] = left[i] / diagonal[i] + ratio * search[i]
            image[i] = diagonal[i] * search[i]
        for k in range(pairs.shape[0]):
            i, j = pairs[k, 0], pairs[k, 1]
            image[i] += products[k] * search[j]
            image[j] += products[k] * search[i]
        length = 0.0
        for i in range(n):
            length += search[i] * image[i]
        for i in range(n):
            found[i] += size / length * search[i]
            left[i] -= size / length * image[i]
    return _MAX_STEPS


def solve_fluxes(
    light: FrameLight,
    own: Stamps,
    predicted_adu: Floats | None = None,
    rounds: int = ROUNDS,
) -> Solution:
    """Solve for the fluxes of n stars and the sky around them.

    Parameters
    ----------
    light : FrameLight
    own : Stamps
        Stamps of the n stars, in :func:`light_curves.photometry.stamps.reading_order`.
    predicted_adu : ndarray, shape (n, 3), float64, optional
        Catalog flux; 0 if unknown. Without it, weights come from the pixels' own light, which is
        right only for bright stars.
    rounds : int
        Number of alternations of sky and fluxes.
    """
    is_predicted = predicted_adu is not None
    if predicted_adu is None:
        predicted_adu = np.zeros((len(own.row), N_COLOURS))
    residual = light.adu.copy()
    stamps.paint(own, -predicted_adu, residual)
    sky = median_mesh(residual, light.is_good)
    sky.subtract_from(residual)
    weight = light.weights(residual if is_predicted else np.zeros_like(residual))
    itself = np.repeat(np.arange(len(own.row)), 2).reshape(-1, 2)
    seen, pairs = stamps.overlaps(own, itself, weight), stamps.find_pairs(own)
    known = np.divide(
        1,
        (CATALOG_ERROR * predicted_adu) ** 2,
        where=predicted_adu > 0,
        out=np.zeros_like(predicted_adu),
    )
    diagonal = seen + known
    diagonal[diagonal == 0] = 1
    equations = NormalEquations(diagonal, pairs, stamps.overlaps(own, pairs, weight))
    flux = predicted_adu.copy()
    for _ in range(rounds):
        more = clipped_mesh(residual, weight)
        more.subtract_from(residual)
        sky = sky.plus(more)
        right = stamps.project(own, weight * residual) - known * (flux - predicted_adu)
        change = equations.solve(right)
        stamps.paint(own, -change, residual)
        flux += change
    is_seen = seen > 0
    noise = stamps.overlaps(own, itself, light.weighted_noise(weight, residual))
    with np.errstate(invalid="ignore"):
        errors = np.where(is_seen, equations.errors() * np.sqrt(noise / seen), np.nan)
    return Solution(np.where(is_seen, flux, np.nan), errors, sky, residual, weight)
