"""Aperture photometry on stamps: one sum per colour of the Bayer mosaic.

A stamp starts on a green 2 pixel (`panoptes_network.frames.bayer`), so that each colour has the
same pixels in all stamps. Constants were measured on PAN001's camera, a Canon EOS 100D at ISO 100;
errors for other cameras are only as accurate as these constants are for them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from panoptes_network.arrays import Mask
from panoptes_network.frames.bayer import (
    BLACK_LEVEL_ADU,
    GAIN_E_PER_ADU,
    READ_NOISE_ADU,
    SATURATION_ADU,
)

APERTURE_RADIUS_PX = 3.0
"""At most the distance from a stamp's central superpixel, where its star is, to the border's
pixels.
"""
MEDIAN_VARIANCE = np.pi / 2
"""Variance of the median of many normal values, relative to their mean's (Kenney & Keeping 1962).
"""

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ApertureSums:
    """Aperture sums of n stamps; the last axis is red, green, blue.

    Attributes
    ----------
    flux_adu : ndarray, shape (n, 3), float64
        Light of the colour's own pixels in the aperture, above the background.
    flux_err_adu : ndarray, shape (n, 3), float64
        Standard deviation by photon noise, read noise and the background's own error.
    is_saturated : ndarray, shape (n,), bool
        Whether a pixel that the aperture touches is at the plateau.
    """

    flux_adu: Float64
    flux_err_adu: Float64
    is_saturated: Mask


def aperture_sums(
    stamps: NDArray[np.uint16], x_px: Float64, y_px: Float64, radius_px: float = APERTURE_RADIUS_PX
) -> ApertureSums:
    """Sum the light of each colour in a circle around each star.

    Pixels on the circle's edge count by the exact fraction inside. The background is the median of
    the pixels of the same colour on the stamp's border, one pixel wide. It includes some of the
    star's own wings, so that the sums are too small by a constant fraction.

    Parameters
    ----------
    stamps : ndarray, shape (n, side, side), uint16
        ADU including the black level, ``[i, y, x]``; n may be 0.
    x_px, y_px : ndarray, shape (n,), float64
        Position of the star, 0-based pixels of the stamp; NaN gives NaN.
    radius_px : float
        Radius of the aperture, above 0.

    Returns
    -------
    ApertureSums
    """
    weights = circle_overlap(x_px, y_px, radius_px, stamps.shape[-1])
    light = stamps.astype(np.float64) - BLACK_LEVEL_ADU
    variance = np.maximum(light, 0) / GAIN_E_PER_ADU + READ_NOISE_ADU**2
    sums = [
        _sum_of_colour(light, variance, weights, pixels)
        for pixels in colour_pixels(stamps.shape[-1])
    ]
    flux, error = (np.stack(column, axis=-1) for column in zip(*sums, strict=True))
    is_saturated: Mask = np.any((stamps >= SATURATION_ADU) & (weights > 0), axis=(1, 2))
    return ApertureSums(flux, error, is_saturated)


def colour_pixels(side: int) -> tuple[Mask, Mask, Mask]:
    """Return which pixels of a stamp are red, green and blue: three of shape (side, side)."""
    y, x = np.indices((side, side)) % 2
    return (x < y, x == y, x > y)


def circle_overlap(x_px: Float64, y_px: Float64, radius_px: float, side: int) -> Float64:
    """Return the exact fraction of each pixel inside a circle.

    Parameters
    ----------
    x_px, y_px : ndarray, shape (n,), float64
        Centres of the circles, 0-based pixels.
    radius_px : float
        Above 0.
    side : int
        Side of the square of pixels.

    Returns
    -------
    ndarray, shape (n, side, side), float64
        From 0 to 1, ``[i, y, x]``.
    """
    edges = np.arange(side + 1) - 0.5
    x, y = (edges - np.asarray(centre)[:, np.newaxis] for centre in (x_px, y_px))
    corners = _quadrant_area(x[:, np.newaxis, :], y[:, :, np.newaxis], radius_px)
    # A pixel is a combination of its four corners' rectangles; rounding may leave -1e-16.
    return np.clip(np.diff(np.diff(corners, axis=1), axis=2), 0, 1)


def _quadrant_area(x: Float64, y: Float64, radius: float) -> Float64:
    """Return the area that a circle around 0 shares with the rectangle from 0 to (x, y).

    It has the sign of x · y. The rectangle's part up to `straight` is below the circle; the rest is
    bounded by the circle.
    """
    width, height = np.minimum(np.abs(x), radius), np.minimum(np.abs(y), radius)
    straight = np.minimum(width, np.sqrt(radius**2 - height**2))
    area = straight * height + _area_below(width, radius) - _area_below(straight, radius)
    return np.asarray(np.sign(x) * np.sign(y) * area)


def _area_below(x: Float64, radius: float) -> Float64:
    """Return the integral of the circle's height, sqrt(radius² - t²), for t from 0 to x."""
    return np.asarray((x * np.sqrt(radius**2 - x**2) + radius**2 * np.arcsin(x / radius)) / 2)


def _sum_of_colour(
    light: Float64, variance: Float64, weights: Float64, pixels: Mask
) -> tuple[Float64, Float64]:
    """Return sum and error, shape (n,), of one colour's `pixels`."""
    border = pixels.copy()
    border[1:-1, 1:-1] = False
    sky = np.median(light[:, border], axis=1)
    sky_variance = MEDIAN_VARIANCE * np.median(variance[:, border], axis=1) / border.sum()
    inside = weights * pixels
    area = inside.sum(axis=(1, 2))
    flux = (inside * light).sum(axis=(1, 2)) - area * sky
    error = np.sqrt((inside**2 * variance).sum(axis=(1, 2)) + area**2 * sky_variance)
    return flux, error
