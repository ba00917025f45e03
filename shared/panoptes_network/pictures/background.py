"""The sky background of a picture: its level between the stars, and its noise."""

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

CELLS, CELL_SIDE, CELL_SAMPLES = 12, 24, 32
"""Mesh for the sky measurement: maximum number of cells along a side, minimum side of a cell
(superpixels), and pixels sampled along a cell's side.
"""


def measure_sky(planes: Float32, balance: Float64) -> tuple[Float64, float]:
    """Measure the light between the stars of a picture.

    Parameters
    ----------
    planes : ndarray, shape (height, width, 3), float32
        Red, green and blue in ADU above black; at least one pixel.
    balance : ndarray, shape (3,), float64
        Weights of the colours in the mean whose noise is measured.

    Returns
    -------
    sky : ndarray, shape (rows, columns, 3), float64
        Light at nodes spread evenly from the first to the last row and column, 2 or more along a
        side (1 if the side is one pixel); linear in between. ADU above black.
    noise_adu : float
        Standard deviation of the balanced colours' mean.
    """
    sky = _surface(planes)
    height, width = planes.shape[:2]
    row_step, column_step = _step(height), _step(width)
    light = np.moveaxis(planes[::row_step, ::column_step], 2, 0).astype(np.float64)
    light -= SkyRows(sky, (height, width)).rows(slice(0, None, row_step))[:, :, ::column_step]
    mean = np.tensordot(balance, light, axes=1) / 3
    _, noise = _low_level(mean.reshape(1, -1))
    return sky, float(noise[0])


class SkyRows:
    """The sky of a look, by rows of a picture of `shape`."""

    def __init__(self, sky: Float64, shape: tuple[int, int]) -> None:
        self._down = _linear_weights(sky.shape[0], shape[0])
        across = _linear_weights(sky.shape[1], shape[1])
        self._nodes = np.moveaxis(sky, 2, 0).astype(np.float32) @ across.T

    def rows(self, rows: slice) -> Float32:
        """Return the sky's light, shape (3, rows, width)."""
        return np.asarray(self._down[rows] @ self._nodes)


def _step(length: int) -> int:
    """Return the sampling step for measuring sky along a side."""
    return max(1, length // _cells(length) // CELL_SAMPLES)


def _cells(length: int) -> int:
    return min(max(length // CELL_SIDE, 1), CELLS)


def _surface(planes: Float32) -> Float64:
    """Fit the light between the stars; return it at nodes as in :func:`measure_sky`.

    It is a smooth surface through the levels of the mesh's cells, not the levels themselves, so
    that objects the size of a few cells (nebulae, star clouds) stay in the picture.
    """
    levels, y, x = _mesh_levels(planes)
    height, width = planes.shape[:2]
    scale = max(height, width) / 2
    rows = np.linspace(0, height - 1, _cells(height) + 1) if height > 1 else np.zeros(1)
    columns = np.linspace(0, width - 1, _cells(width) + 1) if width > 1 else np.zeros(1)
    middle_y, middle_x = (height - 1) / 2, (width - 1) / 2
    node_y, node_x = np.meshgrid((rows - middle_y) / scale, (columns - middle_x) / scale)
    at_cells = _surface_terms((x - middle_x) / scale, (y - middle_y) / scale, len(levels))
    at_nodes = _surface_terms(node_x.T.ravel(), node_y.T.ravel(), len(levels))
    surfaces = [at_nodes @ _fit_surface(at_cells, level) for level in levels.T]
    return np.stack(surfaces, axis=-1).reshape(len(rows), len(columns), 3)


def _mesh_levels(planes: Float32) -> tuple[Float64, Float64, Float64]:
    """Return the sky's level in each cell, shape (cells, 3), and its centre's y and x."""
    height, width = planes.shape[:2]
    rows, columns = _cells(height), _cells(width)
    tall, wide = height // rows, width // columns
    cells = planes[: rows * tall, : columns * wide].reshape(rows, tall, columns, wide, 3)
    samples = cells[:, :: _step(height), :, :: _step(width)].transpose(4, 0, 2, 1, 3)
    levels, _ = _low_level(samples.reshape(3 * rows * columns, -1))
    centre_y = (np.arange(rows) + 0.5) * tall - 0.5
    centre_x = (np.arange(columns) + 0.5) * wide - 0.5
    y, x = np.meshgrid(centre_y, centre_x, indexing="ij")
    return levels.reshape(3, -1).T, y.ravel(), x.ravel()


def _low_level(values: NDArray[np.floating]) -> tuple[Float64, Float64]:
    """Return each row's median and noise, excluding values brighter than the noise allows.

    The noise is the distance from the median down to the quantile one standard deviation below it:
    stars are on the other side.
    """
    values = np.sort(values, axis=1)
    row = np.arange(len(values))
    kept = np.full(len(values), values.shape[1])
    for _ in range(5):
        median = values[row, kept // 2].astype(np.float64)
        noise = median - values[row, (kept * 0.1587).astype(np.intp)]
        kept = np.maximum((values <= (median + 2 * noise)[:, None]).sum(axis=1), 1)
    return median, noise


def _surface_terms(x: Float64, y: Float64, cells: int) -> Float64:
    """Return the terms of the sky's surface, at most as many as `cells` levels constrain.

    They are a slope and a curvature (moonlight, horizon), and vignetting to the fourth power of the
    radius, symmetric and with a slope.
    """
    one = np.ones_like(x)
    radius2 = x**2 + y**2
    terms = [one, x, y, x**2, x * y, y**2, x * radius2, y * radius2, radius2**2]
    count = len(terms) if cells >= 4 * len(terms) else 3 if cells >= 9 else 1
    return np.stack(terms[:count], axis=-1)


def _fit_surface(terms: Float64, levels: Float64) -> Float64:
    """Fit by least squares; exclude cells far above the surface (nebulae), then fit again."""
    kept = np.ones(len(levels), dtype=np.bool_)
    for _ in range(4):
        coefficients = np.linalg.lstsq(terms[kept], levels[kept], rcond=None)[0]
        residual = levels - terms @ coefficients
        noise = 1.4826 * np.median(np.abs(residual[kept])) + 1e-3
        kept = (residual < 2 * noise) & (residual > -4 * noise)
        if kept.sum() < 2 * terms.shape[1]:
            break
    return np.asarray(coefficients, dtype=np.float64)


def _linear_weights(nodes: int, length: int) -> Float32:
    """Return the weight of each node in each of `length` pixels: shape (length, nodes)."""
    place = np.linspace(0, nodes - 1, length)[:, None]
    weights = np.maximum(1 - np.abs(place - np.arange(nodes)), 0)
    return np.asarray(weights, dtype=np.float32)
