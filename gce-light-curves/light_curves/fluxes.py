"""The fluxes of all stars of a frame at once: weighted least squares, in three colours.

Each pixel is the sky and the sum of the stars that reach it. The normal equations hold, of each
colour, the weighted sum of the squares of each star's PSF, and of the products of those that
overlap; they are solved by conjugate gradients (Hestenes, Stiefel 1952). A star's flux by the
catalog takes part as a measurement of its own, as uncertain as it is large: nothing for a star
that is well seen, and what shares the light out between two stars in one place.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from light_curves import stamps
from light_curves.compiled import compiled
from light_curves.frame_light import FrameLight
from light_curves.measurements import N_COLOURS
from light_curves.sky import Mesh, clipped_mesh, median_mesh
from light_curves.stamps import Stamps

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Integers = NDArray[np.int64]

CATALOG_ERROR = 1.0
"""Relative error of a flux by the catalog: its colour is not looked at."""

ROUNDS = 2
"""Fluxes and sky are solved in turns."""

_TOLERANCE_SIGMA = 0.02
_MOST_STEPS = 200


class Solution(NamedTuple):
    """What was found in a frame for n stars.

    Parameters
    ----------
    flux_adu, flux_err_adu : ndarray, shape (n, 3), float64
        NaN for a star without a usable pixel of the colour.
    sky : Mesh
    residual, weight : ndarray, shape (height, width), float32
        What stars and sky leave of the frame's light, and its inverse variance.
    """

    flux_adu: Floats
    flux_err_adu: Floats
    sky: Mesh
    residual: Singles
    weight: Singles


class NormalEquations(NamedTuple):
    """The symmetric matrices of n stars, of each colour.

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
        """Return the solution for a right side, shape (n, 3), to 2 % of its standard deviation."""
        found, search = np.zeros_like(right), np.zeros_like(right)
        left, previous = right.copy(), np.ones(right.shape[1])
        for _ in range(_MOST_STEPS):
            if np.all(left**2 <= _TOLERANCE_SIGMA**2 * self.diagonal):
                break
            scaled = left / self.diagonal
            size = np.sum(left * scaled, axis=0)
            search = scaled + search * (size / previous)
            image = self._times(search)
            length = np.sum(search * image, axis=0)
            step = np.divide(size, length, out=np.zeros_like(size), where=length > 0)
            found += step * search
            left -= step * image
            previous = np.where(size > 0, size, 1)
        return found

    def _times(self, vector: Floats) -> Floats:
        image = self.diagonal * vector
        _add_products(self.pairs, self.products, vector, image)
        return image

    def errors(self) -> Floats:
        """Return the standard deviation of each flux, its neighbours' own ones included.

        To first order: neighbours of a star are taken as if they did not touch each other.
        """
        shared = np.zeros_like(self.diagonal)
        first, second = self.pairs.T
        square = self.products**2
        np.add.at(shared, first, square / self.diagonal[second])
        np.add.at(shared, second, square / self.diagonal[first])
        return 1 / np.sqrt(np.maximum(self.diagonal - shared, 0.05 * self.diagonal))


@compiled
def _add_products(pairs: Integers, products: Floats, vector: Floats, image: Floats) -> None:
    for k in range(pairs.shape[0]):
        i, j = pairs[k, 0], pairs[k, 1]
        for c in range(3):
            image[i, c] += products[k, c] * vector[j, c]
            image[j, c] += products[k, c] * vector[i, c]


def solve_fluxes(light: FrameLight, own: Stamps, predicted_adu: Floats | None = None) -> Solution:
    """Find the fluxes of n stars and the sky around them.

    Parameters
    ----------
    light : FrameLight
    own : Stamps
        Of the n stars, rows not decreasing.
    predicted_adu : ndarray, shape (n, 3), float64, optional
        Flux by the catalog; 0 where nothing is known. Without it the pixels' own light says
        how far they are to be trusted, which is right for bright stars alone.
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
    for _ in range(ROUNDS):
        more = clipped_mesh(residual, weight)
        more.subtract_from(residual)
        sky = sky.plus(more)
        right = stamps.project(own, weight * residual) - known * (flux - predicted_adu)
        change = equations.solve(right)
        stamps.paint(own, -change, residual)
        flux += change
    is_seen = seen > 0
    errors = np.where(is_seen, equations.errors(), np.nan)
    return Solution(np.where(is_seen, flux, np.nan), errors, sky, residual, weight)
