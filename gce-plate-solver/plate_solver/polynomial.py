"""Polynomials of two variables: least-squares fits, and their FITS WCS form."""

import numpy as np
from astropy.wcs import Sip

from panoptes_network.arrays import Floats


class Polynomial:
    """A map of the plane: two polynomials of two variables, fitted together.

    Parameters
    ----------
    inputs, outputs : ndarray, shape (n, 2)
        Points and their images; n is at least the number of terms.
    order : int
        Maximum sum of the two powers.
    """

    def __init__(self, inputs: Floats, outputs: Floats, order: int) -> None:
        # Inputs scaled to about one keep high powers precise.
        self.scale = max(float(np.abs(inputs).max()), 1e-12)
        self.order = order
        self._scaled = np.linalg.lstsq(_terms(inputs / self.scale, order), outputs, rcond=None)[0]

    def __call__(self, inputs: Floats) -> Floats:
        """Return the images of points, shape (n, 2)."""
        values: Floats = _terms(inputs / self.scale, self.order) @ self._scaled
        return values

    @property
    def coefficients(self) -> Floats:
        """Coefficients of the terms 1, u, v, u², uv, v² …, shape (terms, 2)."""
        totals = np.array([p + q for p, q in _powers(self.order)])
        plain: Floats = self._scaled / self.scale ** totals[:, None]
        return plain


def sip_distortion(linear: Floats, fit: Polynomial, half_size: Floats, crpix: Floats) -> Sip:
    """Return a fit's terms above the linear ones as SIP, with the inverse for readers.

    Parameters
    ----------
    linear : ndarray, shape (2, 2)
        The CD matrix, degrees a pixel.
    fit : Polynomial
        Pixels from the reference pixel to degrees on the tangent plane.
    half_size : ndarray, shape (2,)
        Half of the frame's width and height, where the inverse must be valid.
    crpix : ndarray, shape (2,)
        Reference pixel, 1-based.
    """
    forward = np.linalg.solve(linear, fit.coefficients[3:].T).T
    grid = np.stack(np.meshgrid(*np.linspace(-half_size, half_size, 31).T), axis=-1).reshape(-1, 2)
    distorted = grid + _terms(grid, fit.order)[:, 3:] @ forward
    inverse = Polynomial(distorted, grid - distorted, max(fit.order, 2) + 1)
    a, b = _sip_matrices(np.vstack([np.zeros((3, 2)), forward]), max(fit.order, 2))
    ap, bp = _sip_matrices(inverse.coefficients, inverse.order)
    return Sip(a, b, ap, bp, crpix)


def _powers(order: int) -> list[tuple[int, int]]:
    """Return the exponents of each term: 1, u, v, u², uv, v² …"""
    return [(total - q, q) for total in range(order + 1) for q in range(total + 1)]


def _terms(points: Floats, order: int) -> Floats:
    """Return the value of each term at each point, shape (n, terms)."""
    u, v = points.T
    return np.stack([u**p * v**q for p, q in _powers(order)], axis=1)


def _sip_matrices(coefficients: Floats, order: int) -> tuple[Floats, Floats]:
    """Return both polynomials as matrices indexed by exponents; missing terms are 0."""
    matrices = np.zeros((2, order + 1, order + 1))
    for (p, q), pair in zip(_powers(order), coefficients, strict=False):
        matrices[:, p, q] = pair
    return matrices[0], matrices[1]
