"""Forced measurements of undetected catalog stars at their positions from the plate solution."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from scipy.special import chndtr

from panoptes_network.arrays import Floats, Integers
from panoptes_network.frames.bayer import (
    BLACK_LEVEL_ADU,
    GAIN_E_PER_ADU,
    SATURATION_ADU,
    stamp_fits,
)
from panoptes_network.frames.frame import Frame
from panoptes_network.source_flags import SATURATED_FLAG
from plate_solver.detection import (
    APERTURE_DIAMETER_PX,
    Detections,
    brightest_pixel,
)

NEIGHBOUR_REACH_PX = 15.0
"""Farther away, less than 1 part in 300 of a star's light is in another star's aperture."""

PSF_WEIGHTS = (0.52, 0.29, 0.19)
PSF_SIGMA_PX = (0.8, 2.05, 4.5)
"""Three Gaussians fitted to stars of a real frame (docs/decisions/0005), colours averaged."""

_RADIUS = APERTURE_DIAMETER_PX / 4
"""Aperture radius, superpixels."""

_HALF_WINDOW = 3
_SIDE = 2 * _HALF_WINDOW + 1
_DISTANCE_STEP_PX = 0.05


@dataclass(frozen=True, slots=True)
class UnseenStars:
    """Undetected catalog stars: arrays of equal length n, which may be 0.

    Attributes
    ----------
    stars : int64
        Indices into the frame's catalog stars, in their order.
    x_px, y_px : float64
        Positions by the plate solution, 0-based mosaic pixels.
    flux_adu, flux_err_adu : float64
        As for `Detections`, but may be 0 or less.
    peak_adu : float64
        The superpixel at the position, above the background, sum of its four pixels.
    flags : int64
        :data:`SATURATED_FLAG` or 0: source-extractor says nothing about them.
    """

    stars: Integers
    x_px: Floats
    y_px: Floats
    flux_adu: Floats
    flux_err_adu: Floats
    peak_adu: Floats
    flags: Integers

    def __len__(self) -> int:
        return len(self.stars)


def measure_unseen(
    stars: Integers, x_px: Floats, y_px: Floats, detections: Detections, frame: Frame,
    plane: NDArray[np.float32],
) -> UnseenStars:  # fmt: skip
    """Measure stars at given positions, with the aperture and plane used for detections.

    Sky and noise are taken from the nearest detection.

    Parameters
    ----------
    stars : ndarray, shape (n,), int64
        Indices of the stars, copied to the result; n may be 0.
    x_px, y_px : ndarray, shape (n,)
        Their positions; each has a complete stamp on the frame.
    detections : Detections
        At least one.
    frame : Frame
    plane : ndarray, shape (height, width)
        The frame's superpixel sums.
    """
    near = _nearest(detections, x_px, y_px)
    sky_adu = 4 * (detections.background_adu[near] + BLACK_LEVEL_ADU)
    light = _windows(plane, x_px, y_px) - sky_adu.astype(np.float32)[:, None, None]
    flux_adu = (light * _aperture(x_px, y_px)).sum(axis=(1, 2)).astype(np.float64)
    # source-extractor: an error squared is the sky's variance plus the star's photons.
    photons = np.maximum(detections.flux_adu[near], 0) / GAIN_E_PER_ADU
    sky_variance = np.maximum(detections.flux_err_adu[near] ** 2 - photons, 0)
    variance = sky_variance + np.maximum(flux_adu, 0) / GAIN_E_PER_ADU
    is_saturated = brightest_pixel(x_px, y_px, frame.mosaic) >= SATURATION_ADU
    return UnseenStars(
        stars=stars,
        x_px=x_px,
        y_px=y_px,
        flux_adu=flux_adu,
        flux_err_adu=np.sqrt(variance),
        peak_adu=light[:, _HALF_WINDOW, _HALF_WINDOW].astype(np.float64),
        flags=np.where(is_saturated, SATURATED_FLAG, 0),
    )


def neighbour_flux(x_px: Floats, y_px: Floats, mag: Floats, wanted: Integers) -> Floats:
    """Return the light of other stars in a star's aperture, relative to its own light there.

    It uses the catalog only: positions, magnitudes, and the usual width of stars.

    Parameters
    ----------
    x_px, y_px : ndarray, shape (n,)
        All stars in and around the frame, 0-based pixels; NaN for unknown positions.
    mag : ndarray, shape (n,)
        NaN for unknown magnitudes: such a star affects no other.
    wanted : ndarray, shape (k,), int64
        Stars to compute, with known positions; k may be 0.

    Returns
    -------
    ndarray, shape (n,)
        0 or more; NaN for stars not requested or of unknown magnitude.
    """
    told = np.full(len(mag), np.nan)
    wanted = wanted[np.isfinite(mag[wanted])]
    if not len(wanted):
        return told
    near = np.isfinite(mag)
    for place in (x_px, y_px):
        near &= place > place[wanted].min() - NEIGHBOUR_REACH_PX
        near &= place < place[wanted].max() + NEIGHBOUR_REACH_PX
    others = np.flatnonzero(near)
    flux, inside = 10 ** (-0.4 * mag), _light_by_distance()
    own, all_near = (_tree(x_px[of], y_px[of]) for of in (wanted, others))
    pairs = own.sparse_distance_matrix(all_near, NEIGHBOUR_REACH_PX, output_type="ndarray")
    light = flux[others][pairs["j"]] * inside[np.rint(pairs["v"] / _DISTANCE_STEP_PX).astype(int)]
    light[wanted[pairs["i"]] == others[pairs["j"]]] = 0
    total = np.bincount(pairs["i"], light, minlength=len(wanted))
    told[wanted] = total / (flux[wanted] * inside[0])
    return told


def unseen_places(
    x_px: Floats, y_px: Floats, mag: Floats, seen: Integers, frame: Frame, faintest_mag: float
) -> tuple[Integers, Floats, Floats]:
    """Select the catalog stars that get a row without a detection.

    Parameters
    ----------
    x_px, y_px, mag : ndarray, shape (m,)
        As for `neighbour_flux`.
    seen : ndarray, shape (n,), int64
        Detected stars.
    frame : Frame
        For its size: a star without a complete stamp gets no row.
    faintest_mag : float

    Returns
    -------
    stars, x_px, y_px : ndarray, shape (k,)
        Ascending indices, and positions as stored in the database, to 0.0003 pixel: stamps are cut
        at the stored positions.
    """
    is_wanted = mag <= faintest_mag
    is_wanted[seen] = False
    chosen = np.flatnonzero(is_wanted & frame.contains(x_px, y_px))
    x, y = (place[chosen].astype(np.float32).astype(np.float64) for place in (x_px, y_px))
    whole = stamp_fits(x, y, (frame.height, frame.width))
    return chosen[whole], x[whole], y[whole]


def _nearest(detections: Detections, x_px: Floats, y_px: Floats) -> Integers:
    tree = _tree(detections.x_px, detections.y_px)
    return np.asarray(tree.query(np.stack([x_px, y_px], axis=1))[1], dtype=np.int64)


def _tree(x_px: Floats, y_px: Floats) -> KDTree:
    # Without sorting and tight boxes the tree is built in half the time, and searched as fast.
    return KDTree(np.stack([x_px, y_px], axis=1), balanced_tree=False, compact_nodes=False)


def _superpixels(pixel: Floats) -> tuple[Integers, Floats]:
    """Return the superpixel at a position, and the offset from its centre, in superpixels."""
    place = (pixel - 0.5) / 2
    cell = np.rint(place).astype(np.int64)
    return cell, place - cell


def _windows(plane: NDArray[np.float32], x_px: Floats, y_px: Floats) -> NDArray[np.float32]:
    """Return the superpixels around positions, shape (n, side, side); the edge is repeated."""
    steps = np.arange(-_HALF_WINDOW, _HALF_WINDOW + 1)
    columns, rows = (
        np.clip(_superpixels(pixel)[0][:, None] + steps, 0, length - 1)
        for pixel, length in zip((x_px, y_px), plane.shape[::-1], strict=True)
    )
    windows: NDArray[np.float32] = plane[rows[:, :, None], columns[:, None, :]]
    return windows


def _aperture(x_px: Floats, y_px: Floats) -> NDArray[np.float32]:
    """Return the fraction of each superpixel of the windows inside the aperture.

    A superpixel on the edge counts by how far its centre is inside, accurate to 1 % of the area.
    """
    steps = np.arange(-_HALF_WINDOW, _HALF_WINDOW + 1, dtype=np.float32)
    dx, dy = (
        np.square(steps - _superpixels(pixel)[1].astype(np.float32)[:, None])
        for pixel in (x_px, y_px)
    )
    distance = np.sqrt(dy[:, :, None] + dx[:, None, :])
    weights: NDArray[np.float32] = np.clip(np.float32(_RADIUS + 0.5) - distance, 0, 1)
    return weights


@cache
def _light_by_distance() -> Floats:
    """Return the fraction of a star's light in an aperture at each distance, up to the reach.

    One value for each `_DISTANCE_STEP_PX`.

    The square of a Gaussian's distance from a point, in units of its variance, has a noncentral
    chi-square distribution of 2 degrees of freedom.
    """
    distance_px = np.arange(0, NEIGHBOUR_REACH_PX + 2 * _DISTANCE_STEP_PX, _DISTANCE_STEP_PX)
    inside = [
        weight
        * chndtr((APERTURE_DIAMETER_PX / 2 / sigma_px) ** 2, 2, (distance_px / sigma_px) ** 2)
        for weight, sigma_px in zip(PSF_WEIGHTS, PSF_SIGMA_PX, strict=True)
    ]
    return np.asarray(np.sum(inside, axis=0))
