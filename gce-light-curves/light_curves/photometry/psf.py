"""The point spread function: one PSF per colour of a sequence."""

from dataclasses import dataclass, replace
from functools import cache
from math import factorial
from typing import NamedTuple, Self

import numpy as np

from light_curves.measurements import N_COLOURS
from light_curves.photometry import splines
from light_curves.photometry.splines import N_SPLINES
from light_curves.photometry.stamps import Stamps, make_stamps
from panoptes_network.arrays import Floats, Integers, Singles

FIELD_TERMS = 3
"""A constant, and terms growing with x and with y from the frame's centre."""

START_WEIGHTS = (0.52, 0.29, 0.19)
START_SIGMAS_PX = (0.8, 2.05, 4.5)
"""Three Gaussians fitted to a real frame (docs/decisions/0005), as the starting point of the fit.
"""

CHANGES = (
    *((1, 0), (0, 1), (2, 0), (0, 2), (1, 1)),
    *((3, 0), (2, 1), (1, 2), (0, 3)),
    *((4, 0), (3, 1), (2, 2), (1, 3), (0, 4)),
)
"""Possible changes of a frame's PSF from its sequence's: orders of the derivative in x and y.

The first five are `light_curves.measurements.PSF_TERMS`. A trail is not Gaussian, and a trail of
2.5 px is too long for the second order alone.
"""

HALF_PX, WIDE_HALF_PX = 6, 13
"""Half sizes of the stamps of usual and of bright stars, from their central pixel."""

_STEP_PX = 0.05


@dataclass(frozen=True)
class Psf:
    """The PSF of each colour: tensor products of cubic B-splines, linear over the frame.

    Parameters
    ----------
    coefficients : ndarray, shape (3, 3, N_SPLINES, N_SPLINES), float64
        Of `FIELD_TERMS`, of each colour, of the splines in y and in x. The light of the first
        field sums to 1 in each colour, that of the others to 0.
    shape : tuple of int
        Height and width of the frames.
    """

    coefficients: Floats
    shape: tuple[int, int]

    @classmethod
    def at_start(cls, shape: tuple[int, int]) -> Self:
        """Return the initial PSF of a fit: the same in all colours and across the frame."""
        grid = _grid()
        profiles = [
            weight**0.5 * np.exp(-0.5 * (grid / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
            for weight, sigma in zip(START_WEIGHTS, START_SIGMAS_PX, strict=True)
        ]
        sides = np.stack([_to_splines() @ profile for profile in profiles])
        coefficients = np.zeros((FIELD_TERMS, N_COLOURS, N_SPLINES, N_SPLINES))
        coefficients[0] = np.einsum("ka,kb->ab", sides, sides)
        return cls(coefficients, shape).normalised()

    def field_terms(self, x_px: Floats, y_px: Floats) -> Floats:
        """Return the factors of the fields of coefficients at positions, shape (n, 3).

        They are 1 and the offset from the frame's centre in units of half its diagonal.
        """
        height, width = self.shape
        radius = np.hypot(height, width) / 2
        u, v = (x_px - (width - 1) / 2) / radius, (y_px - (height - 1) / 2) / radius
        return np.stack([np.ones_like(u), u, v], axis=1)

    def stamps(self, x_px: Floats, y_px: Floats, half: Integers) -> Stamps:
        """Evaluate the PSF for stars; see :func:`light_curves.photometry.stamps.make_stamps`."""
        terms = self.field_terms(x_px, y_px)
        return make_stamps(x_px, y_px, half, terms, self.coefficients.astype(np.float32))

    def normalised(self) -> Self:
        """Return the PSF normalised to 1 across the frame."""
        area = _areas()
        light = np.einsum("a,fcab,b->fc", area, self.coefficients, area)
        own = self.coefficients[0] / light[0][:, None, None]
        fields = self.coefficients / light[0][:, None, None]
        fields[1:] -= (light[1:] / light[0])[:, :, None, None] * own
        return replace(self, coefficients=fields)

    def changes(self) -> tuple[Self, ...]:
        """Return the effect of each of `CHANGES` on the PSF, to first order.

        A convolution with a kernel of small moments: a shift of 1 px, 1 px² more of variance, and
        so on; those of odd order point to greater x and y.
        """
        return tuple(
            replace(
                self,
                coefficients=(-1) ** (a + b)
                / (factorial(a) * factorial(b))
                * (_derivative(b) @ self.coefficients @ _derivative(a).T),
            )
            for a, b in CHANGES
        )

    def changed(self, terms: Floats) -> Self:
        """Return the PSF of a frame that differs by `terms`, shape (3, n), of `CHANGES`."""
        coefficients = self.coefficients.copy()
        for k, change in enumerate(self.changes()):
            coefficients += terms[:, k, None, None] * change.coefficients
        return replace(self, coefficients=coefficients)

    def fwhm_px(self, colour: int) -> tuple[float, float]:
        """Return the full width at half maximum in the frame's middle, along x and y."""
        grid = _grid()
        values = splines.design(grid)
        plane = self.coefficients[0, colour]
        image = values @ plane @ values[np.abs(grid) < 3].T
        row, column = np.unravel_index(np.argmax(image), image.shape)
        along_x = values @ (values[row] @ plane)
        along_y = image[:, column]
        return _width(along_x), _width(along_y)


class SequencePsf(NamedTuple):
    """The PSF of a sequence and the m stars it was made from.

    Parameters
    ----------
    psf : Psf
    stars : ndarray, shape (m,), int64
        Indices into the field.
    wide_mag : float
        Gaia G of the faintest stars with wings beyond `HALF_PX`.
    """

    psf: Psf
    stars: Integers
    wide_mag: float

    def reaches(self, gaia_mag: Singles) -> Integers:
        """Return the half sizes of stamps: larger for bright stars with wings."""
        return np.where(gaia_mag <= self.wide_mag, WIDE_HALF_PX, HALF_PX)


def _grid() -> Floats:
    n = round(2 * splines.REACH_PX / _STEP_PX)
    return np.linspace(-splines.REACH_PX, splines.REACH_PX, n + 1)


def _width(profile: Floats) -> float:
    """Return the distance between the half maxima of a profile around its peak, pixels."""
    peak = int(np.argmax(profile))
    half = profile[peak] / 2

    def side(values: Floats) -> float:
        below = int(np.argmax(values < half))
        inner, outer = values[below - 1], values[below]
        return below - 1 + float((inner - half) / (inner - outer))

    return _STEP_PX * (side(profile[peak:]) + side(profile[peak::-1]))


@cache
def _to_splines() -> Floats:
    """Return the matrix from values on the grid to the best spline coefficients."""
    return np.asarray(np.linalg.pinv(splines.design(_grid())), np.float64)


@cache
def _derivative(order: int) -> Floats:
    """Return the matrix from coefficients to those of the derivative."""
    if order == 0:
        return np.eye(N_SPLINES)
    if order > 2:
        higher: Floats = _derivative(2) @ _derivative(order - 2)
        return higher
    matrix: Floats = _to_splines() @ splines.design(_grid(), order)
    return matrix


@cache
def _areas() -> Floats:
    """Return the integral of each spline."""
    return np.asarray(np.trapezoid(splines.design(_grid()), dx=_STEP_PX, axis=0), np.float64)
