"""The relative sensitivity of a camera's pixels, from the sky between stars in many frames.

It is a pixel's light divided by the smooth sky around it, averaged over frames with photon weights.
Stars and sky drift over the pixels, so that starlight outside the masks averages out. Vignetting is
excluded: only pixel-to-pixel differences remain.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, uniform_filter

from light_curves.compiled import compiled
from panoptes_network.arrays import Floats, Integers, Mask, Singles
from panoptes_network.frames.bayer import (
    BLACK_LEVEL_ADU,
    GAIN_E_PER_ADU,
    READ_NOISE_ADU,
    SATURATION_ADU,
)

CELL_PX = 33
"""Side of the cells in which the sky is assumed smooth, pixels of one Bayer plane."""

SAMPLE_STEP = 3
"""A cell's median uses one in three of the plane's pixels, in rows and columns."""

MIN_SAMPLES = 12

SURROUNDINGS_PX = 15
"""A pixel is compared with the mean of this many pixels of its plane, in rows and columns."""

CLIP_SIGMA = 4.0
"""Pixels farther from the sky show a satellite, a particle, or an uncataloged star."""

MASK_PX = 6.0
MASK_GROWTH_PX = 3.0
MASK_MAG = 12.0
"""A star of this magnitude is masked within `MASK_PX`, a brighter one `MASK_GROWTH_PX` farther per
magnitude; stars below `FAINTEST_MAG` are left to the mean of many frames.
"""

FAINTEST_MAG = 14.0
LARGEST_MASK_PX = 40.0
MIN_SKY_ADU = 20.0
"""A darker frame has no information about the pixels' sensitivity."""

_PLANES = tuple((slice(y, None, 2), slice(x, None, 2)) for y in (0, 1) for x in (0, 1))


@dataclass(frozen=True)
class FlatSums:
    """Sums over a camera's frames, from which its flat is computed.

    With a pixel's light d, the sky s around it and the variance v of both, these are the sums of
    ``s (d - s) / v`` and ``s² / v`` over frames: their ratio is the best mean of ``d / s - 1``, and
    the second is its inverse variance.

    Parameters
    ----------
    deviation, weight : ndarray, shape (height, width), float32
    n_frames : dict
        Number of included frames by sequence id.
    """

    deviation: Singles
    weight: Singles
    n_frames: Mapping[str, int]

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> Self:
        """Return empty sums of `shape` (height, width)."""
        return cls(np.zeros(shape, np.float32), np.zeros(shape, np.float32), {})

    def with_frame(self, sequence_id: str, pixels: NDArray[np.uint16], is_star: Mask) -> Self:
        """Return the sums with one more frame, in the same memory.

        Parameters
        ----------
        sequence_id : str
        pixels : ndarray, shape (height, width), uint16
            Raw, ADU.
        is_star : ndarray, shape (height, width), bool
            By :func:`star_mask`.

        Raises
        ------
        ValueError
            If the frame has another shape.
        """
        if pixels.shape != self.weight.shape:
            raise ValueError(f"a frame of {pixels.shape} for sums of {self.weight.shape}")
        for plane in _PLANES:
            _add(pixels[plane], is_star[plane], self.deviation[plane], self.weight[plane])
        count = self.n_frames.get(sequence_id, 0) + 1
        return type(self)(self.deviation, self.weight, {**self.n_frames, sequence_id: count})

    def plus(self, other: Self) -> Self:
        """Return the sums of both; ValueError if they share a sequence."""
        if self.n_frames.keys() & other.n_frames.keys():
            raise ValueError("a sequence cannot be counted twice")
        return type(self)(
            self.deviation + other.deviation,
            self.weight + other.weight,
            {**self.n_frames, **other.n_frames},
        )


@dataclass(frozen=True)
class PixelFlat:
    """A camera's flat, and its quality.

    Parameters
    ----------
    flat : ndarray, shape (height, width), float32
        Relative sensitivity, with mean 1 per colour in each part of the frame. It is shrunk towards
        1 by its uncertainty, so that it makes no pixel worse.
    response : float
        Standard deviation of the pixels' true sensitivity.
    pixel_err : float
        Standard deviation of a pixel's mean before shrinking: half of the pixels, the green ones,
        have about this or a smaller one.
    """

    flat: Singles
    response: float
    pixel_err: float

    @property
    def is_worth_it(self) -> bool:
        """Whether most of the pixels' differences are known."""
        return self.pixel_err < self.response


def star_mask(
    shape: tuple[int, int], x_px: Floats, y_px: Floats, gaia_mag: NDArray[np.floating]
) -> Mask:
    """Return which pixels are in the light of catalog stars.

    Parameters
    ----------
    shape : tuple of int
        Height and width.
    x_px, y_px : ndarray, shape (n,)
        0-based pixels; NaN for unknown positions.
    gaia_mag : ndarray, shape (n,)
        NaN counts as bright as `MASK_MAG`.
    """
    mag = np.nan_to_num(gaia_mag.astype(np.float64), nan=MASK_MAG)
    radius = MASK_PX + MASK_GROWTH_PX * np.maximum(MASK_MAG - mag, 0)
    reach = np.ceil(np.minimum(radius, LARGEST_MASK_PX)).astype(np.int64)
    usable = np.isfinite(x_px) & np.isfinite(y_px) & (mag < FAINTEST_MAG)
    column, row = (np.rint(place[usable]).astype(np.int64) for place in (x_px, y_px))
    mask = np.zeros(shape, np.bool_)
    _mark_disks(row, column, reach[usable], mask)
    return mask


@compiled
def _mark_disks(row: Integers, column: Integers, radius: Integers, mask: Mask) -> None:
    """Mark the part of each disk that is on the frame."""
    height, width = mask.shape
    for star in range(len(row)):
        reach = radius[star]
        for y in range(max(row[star] - reach, 0), min(row[star] + reach + 1, height)):
            half = int(np.sqrt(reach**2 - (y - row[star]) ** 2))
            first, last = max(column[star] - half, 0), min(column[star] + half, width - 1)
            for x in range(first, last + 1):
                mask[y, x] = True


def shared_response(first: FlatSums, second: FlatSums) -> float:
    """Return the standard deviation of the sensitivity common to both sums; 0 if there is none.

    The common part of two sets of frames belongs to the camera. Noise is independent, whatever its
    size, and so are stars beside their masks, so that nothing needs to be known about these.
    """
    shared = []
    for plane in _PLANES:
        one, other = (
            _mean_of(sums.deviation[plane], sums.weight[plane]) for sums in (first, second)
        )
        both = np.isfinite(one[1]) & np.isfinite(other[1])
        if both.any():
            values = [_without_outliers(mean[both]) for mean, _ in (one, other)]
            shared.append(float(np.mean(values[0] * values[1])))
    return float(np.sqrt(max(float(np.mean(shared)), 0.0))) if shared else 0.0


def pixel_flat(sums: FlatSums, response: float) -> PixelFlat:
    """Return the flat from sums; pixels without data have 1.

    Parameters
    ----------
    sums : FlatSums
    response : float
        From :func:`shared_response`: the remaining scatter of the means is their error.
    """
    flat = np.ones(sums.weight.shape, np.float32)
    errors = []
    for plane in _PLANES:
        value, variance = _mean_of(sums.deviation[plane], sums.weight[plane])
        seen = np.isfinite(variance)
        if not seen.any():
            continue
        usual = float(np.median(variance[seen]))
        # Stars beside their masks make the error larger than photons alone.
        measured = max(_variance(value[seen]) - response**2, usual)
        errors.append(np.sqrt(measured))
        variance *= np.float32(measured / usual)
        # Wiener's factor: the best estimate for a variance of response² and this error.
        flat[plane] += np.where(seen, value * (response**2 / (response**2 + variance)), 0)
    return PixelFlat(flat, response, float(np.median(errors)) if errors else np.inf)


def _add(pixels: NDArray[np.uint16], is_star: Mask, deviation: Singles, weight: Singles) -> None:
    """Add one Bayer plane to its part of the sums."""
    cells = _cell_medians(pixels, is_star)
    if np.median(cells) > MIN_SKY_ADU:
        _add_pixels(pixels, is_star, _interpolated(cells, pixels.shape), deviation, weight)


@compiled
def _add_pixels(
    pixels: NDArray[np.uint16], is_star: Mask, sky: Singles, deviation: Singles, weight: Singles
) -> None:
    for y in range(pixels.shape[0]):
        for x in range(pixels.shape[1]):
            if is_star[y, x] or pixels[y, x] >= SATURATION_ADU:
                continue
            light = pixels[y, x] - BLACK_LEVEL_ADU - sky[y, x]
            level = max(sky[y, x], MIN_SKY_ADU)
            variance = level / GAIN_E_PER_ADU + READ_NOISE_ADU**2
            if light**2 < CLIP_SIGMA**2 * variance:
                deviation[y, x] += light * level / variance
                weight[y, x] += level**2 / variance


def _mean_of(deviation: Singles, weight: Singles) -> tuple[Singles, Singles]:
    """Return each pixel's mean minus its surroundings', and its variance; inf without data."""
    around, all_weight = (
        uniform_filter(values, SURROUNDINGS_PX, mode="nearest") for values in (deviation, weight)
    )
    seen, known = weight > 0, all_weight > 0
    one = np.float32(1)
    value = deviation / np.where(seen, weight, one) - around / np.where(known, all_weight, one)
    variance = np.where(seen, one / np.where(seen, weight, one), np.float32(np.inf))
    return np.asarray(value, np.float32), np.asarray(variance, np.float32)


def _cell_medians(pixels: NDArray[np.uint16], is_star: Mask) -> Singles:
    """Return median light of cells of `CELL_PX`; cells with too few usable pixels copy a neighbour.

    All are NaN if no cell has enough. Leftover pixels at the end belong to no cell.
    """
    sample = np.s_[::SAMPLE_STEP, ::SAMPLE_STEP]
    usable = ~is_star[sample] & (pixels[sample] < SATURATION_ADU)
    light = pixels[sample].astype(np.float32) - np.float32(BLACK_LEVEL_ADU)
    some = np.where(usable, light, np.float32(np.nan))
    side = CELL_PX // SAMPLE_STEP
    rows, columns = (length // side for length in some.shape)
    whole = some[: rows * side, : columns * side]
    cells = whole.reshape(rows, side, columns, side).swapaxes(1, 2).reshape(rows, columns, -1)
    cells.sort(axis=2)  # NaN comes last
    count = np.isfinite(cells).sum(axis=2)
    middle = np.take_along_axis(cells, np.maximum(count - 1, 0)[:, :, None] // 2, axis=2)[:, :, 0]
    is_empty = count < MIN_SAMPLES
    if is_empty.all():
        return np.full_like(middle, np.nan)
    nearest = distance_transform_edt(is_empty, return_distances=False, return_indices=True)
    filled = middle[tuple(nearest)]
    return np.asarray(filled, np.float32)


def _interpolated(cells: Singles, shape: tuple[int, ...]) -> Singles:
    """Return the cells' levels at each pixel, linear between and beyond the cells' centres."""
    down, across = (_shares(n, length) for n, length in zip(cells.shape, shape, strict=True))
    return np.asarray(down @ cells @ across.T, np.float32)


def _shares(cells: int, length: int) -> Singles:
    """Return the share of each cell in each pixel along one axis, shape (length, cells)."""
    place = (np.arange(length) + 0.5) / CELL_PX - 0.5
    first = np.clip(np.floor(place).astype(np.int64), 0, max(cells - 2, 0))
    share = np.zeros((length, cells), np.float32)
    pixels, second = np.arange(length), np.minimum(first + 1, cells - 1)
    share[pixels, second] = place - first
    share[pixels, first] += 1 - share[pixels, second]
    return share


def _without_outliers(values: Singles) -> Singles:
    """Return values limited to `CLIP_SIGMA` of their own scatter."""
    limit = np.float32(CLIP_SIGMA * np.sqrt(_variance(values)))
    return np.asarray(np.clip(values, -limit, limit), np.float32)


def _variance(values: Singles) -> float:
    """Return the variance of normal values from their quartiles, which outliers hardly affect."""
    low, high = np.quantile(values[:: max(values.size // 1_000_000, 1)], [0.25, 0.75])
    return float((high - low) / 1.349) ** 2
