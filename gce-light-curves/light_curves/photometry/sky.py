"""The sky level: a mesh per colour, measured on the residuals of the star model."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from light_curves.compiled import compiled
from light_curves.measurements import N_COLOURS
from light_curves.photometry.stamps import CELL_COLOUR
from panoptes_network.arrays import Floats, Integers, Singles

CELL_PX = 48
"""Side of the mesh's cells: 576 pixels of red or blue."""

CLIP_SIGMA = 2.5
_SAMPLE_STEP_PX = 6
"""A median uses one superpixel in three, in rows and columns."""


class Mesh(NamedTuple):
    """Levels at the centres of cells, with linear interpolation.

    Parameters
    ----------
    level : ndarray, shape (3, rows, columns), float32
        ADU, of each colour.
    height, width : int
        Size of the frame.
    """

    level: Singles
    height: int
    width: int

    def at(self, x_px: Floats, y_px: Floats) -> Singles:
        """Return the level at positions, shape (n, 3); extrapolated linearly beyond the centres."""
        levels = np.empty((len(x_px), N_COLOURS), np.float32)
        _interpolate(*self, x_px, y_px, levels)
        return levels

    def subtract_from(self, image: Singles) -> None:
        """Subtract each pixel's level from an image of the frame's shape."""
        _subtract(*self, CELL_COLOUR, image)

    def plus(self, other: "Mesh") -> "Mesh":
        """Return the sum of two meshes of one frame."""
        return self._replace(level=self.level + other.level)


def median_mesh(image: Singles, is_good: NDArray[np.bool_]) -> Mesh:
    """Return medians of cells: robust, and coarser than :func:`clipped_mesh`.

    Parameters
    ----------
    image : ndarray, shape (height, width), float32
    is_good : ndarray, shape (height, width), bool
        Pixels to use.
    """
    level = _empty_level(image.shape)
    _medians(image, is_good, CELL_COLOUR, level)
    return Mesh(_filled(level), *image.shape)


def clipped_mesh(residual: Singles, weight: Singles) -> Mesh:
    """Return means of cells, excluding outliers.

    Parameters
    ----------
    residual : ndarray, shape (height, width), float32
        Residual of a sky and a star model.
    weight : ndarray, shape (height, width), float32
        Inverse variance; 0 for pixels to ignore.
    """
    level = _empty_level(residual.shape)
    _clipped_means(residual, weight, CELL_COLOUR, level)
    return Mesh(_filled(level), *residual.shape)


def _empty_level(shape: tuple[int, ...]) -> Singles:
    rows, columns = (max(length // CELL_PX, 1) for length in shape)
    return np.full((N_COLOURS, rows, columns), np.nan, np.float32)


def _filled(level: Singles) -> Singles:
    """Fill cells without a level from the nearest one with a level; 0 if there is none."""
    for plane in level:
        is_empty = ~np.isfinite(plane)
        if is_empty.all():
            plane[:] = 0
        elif is_empty.any():
            nearest = distance_transform_edt(is_empty, return_distances=False, return_indices=True)
            plane[:] = plane[tuple(nearest)]
    return level


@compiled
def _medians(  # noqa: C901 - compiled: one pass over the pixels
    image: Singles, is_good: NDArray[np.bool_], cell_colour: Integers, level: Singles
) -> None:
    height, width = image.shape
    rows, columns = level.shape[1:]
    values = np.empty((3, (height // rows + 2) * (width // columns + 2)), np.float32)
    count = np.zeros(3, np.int64)
    for i in range(rows):
        for j in range(columns):
            count[:] = 0
            for top in range(i * height // rows, (i + 1) * height // rows, _SAMPLE_STEP_PX):
                for left in range(
                    j * width // columns, (j + 1) * width // columns, _SAMPLE_STEP_PX
                ):
                    for y in range(top, min(top + 2, height)):
                        for x in range(left, min(left + 2, width)):
                            if is_good[y, x]:
                                c = cell_colour[y & 1, x & 1]
                                values[c, count[c]] = image[y, x]
                                count[c] += 1
            for c in range(3):
                if count[c] > 0:
                    level[c, i, j] = np.median(values[c, : count[c]])


@compiled
def _clipped_means(
    residual: Singles, weight: Singles, cell_colour: Integers, level: Singles
) -> None:
    height, width = residual.shape
    rows, columns = level.shape[1:]
    for i in range(rows):
        top, bottom = i * height // rows, (i + 1) * height // rows
        for j in range(columns):
            left, right = j * width // columns, (j + 1) * width // columns
            level[:, i, j] = _cell_means(
                residual[top:bottom, left:right],
                weight[top:bottom, left:right],
                top,
                left,
                cell_colour,
            )


@compiled
def _cell_means(
    residual: Singles, weight: Singles, top: int, left: int, cell_colour: Integers
) -> Singles:
    """Return the mean of each colour in a cell, clipped around a first mean; NaN without pixels."""
    mean, total, count = np.zeros(3, np.float32), np.empty(3), np.empty(3)
    for _ in range(2):
        total[:], count[:] = 0, 0
        for y in range(residual.shape[0]):
            colours = cell_colour[(top + y) & 1]
            even, odd = colours[left & 1], colours[1 - left & 1]
            found = _clipped_sums(residual[y], weight[y], mean[even], mean[odd])
            total[even] += found[0]
            count[even] += found[1]
            total[odd] += found[2]
            count[odd] += found[3]
        for c in range(3):
            mean[c] = total[c] / count[c] if count[c] > 0 else np.nan
    return mean


@compiled
def _clipped_sums(
    values: Singles, weight: Singles, mean: np.float32, odd_mean: np.float32
) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """Return sum and number of the values near the mean, of a row's even and odd pixels.

    Without branches, so that eight pixels are done at once.
    """
    zero, one, clip = np.float32(0), np.float32(1), np.float32(CLIP_SIGMA**2)
    total, count, odd_total, odd_count = zero, zero, zero, zero
    for x in range(values.shape[0]):
        difference = values[x] - (odd_mean if x & 1 else mean)
        is_near = (weight[x] > 0) & (difference * difference * weight[x] < clip)
        value, number = (values[x], one) if is_near else (zero, zero)
        total += value
        count += number
        odd_total += value if x & 1 else zero
        odd_count += number if x & 1 else zero
    return total - odd_total, count - odd_count, odd_total, odd_count


@compiled
def _between(position: float, cells: int, length: int) -> tuple[int, int, float]:
    """Return the cells on both sides of a position, and the weight of the second."""
    place = (position + 0.5) * cells / length - 0.5
    first = min(max(int(place), 0), max(cells - 2, 0))
    return first, min(first + 1, cells - 1), place - first


@compiled
def _interpolate(
    level: Singles, height: int, width: int, x_px: Floats, y_px: Floats, levels: Singles
) -> None:
    rows, columns = level.shape[1:]
    for i in range(x_px.shape[0]):
        low, high, up = _between(y_px[i], rows, height)
        left, right, along = _between(x_px[i], columns, width)
        for c in range(3):
            below = (1 - along) * level[c, low, left] + along * level[c, low, right]
            above = (1 - along) * level[c, high, left] + along * level[c, high, right]
            levels[i, c] = (1 - up) * below + up * above


@compiled
def _subtract(
    level: Singles, height: int, width: int, cell_colour: Integers, image: Singles
) -> None:
    rows, columns = level.shape[1:]
    cells = np.empty((width, 2), np.int64)
    along = np.empty(width, np.float32)
    for x in range(width):
        cells[x, 0], cells[x, 1], along[x] = _between(float(x), columns, width)
    line = np.empty((2, columns), np.float32)
    for y in range(height):
        low, high, up = _between(float(y), rows, height)
        for parity in range(2):
            plane = level[cell_colour[y & 1, parity]]
            for j in range(columns):
                line[parity, j] = (1 - up) * plane[low, j] + up * plane[high, j]
        for x in range(width):
            left, right = line[x & 1, cells[x, 0]], line[x & 1, cells[x, 1]]
            image[y, x] -= left + along[x] * (right - left)
