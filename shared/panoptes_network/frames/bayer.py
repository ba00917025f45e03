"""The Bayer mosaic of a PANOPTES frame: superpixels, and stamps cut on their boundaries.

By 0-based parity (x even, y even) is green 2, (even, odd) red, (odd, even) blue and
(odd, odd) green 1. A superpixel is the 2x2 cell that starts on even x and even y; its centre
in mosaic pixels is ``2 * index + 0.5``. Measured on real frames.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

BLACK_LEVEL_ADU = 2048
"""Level of an unexposed pixel of the Canon EOS 100D."""

SATURATION_ADU = 13583
"""Plateau of saturated pixels of the Canon EOS 100D at ISO 100."""

READ_NOISE_ADU = 6.7
"""Spread of an unexposed pixel of PAN001's Canon EOS 100D at ISO 100, measured."""

GAIN_E_PER_ADU = 1.25
"""Middle of the gains measured on frames of PAN001 at ISO 100, 1.0-1.5."""

STAMP_SIDE = 10
"""Default side of a stamp, pixels: the source's superpixel and two more on each side."""


def superpixel_plane(mosaic: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return the sum of each superpixel's four pixels: a half-size plane without a pattern.

    Parameters
    ----------
    mosaic : ndarray, shape (height, width), uint16
        ADU; an odd last row or column belongs to no superpixel and is ignored.

    Returns
    -------
    ndarray, shape (height // 2, width // 2), float32
        ADU, exact: four 16-bit numbers fit the 24-bit mantissa.
    """
    height, width = (length // 2 * 2 for length in mosaic.shape)
    cells = mosaic[:height, :width]
    plane = cells[::2, ::2].astype(np.float32)
    for rows, columns in ((0, 1), (1, 0), (1, 1)):
        plane += cells[rows::2, columns::2]
    return plane


def to_mosaic(superpixel: ArrayLike) -> NDArray[np.float64]:
    """Convert 0-based superpixel coordinates to 0-based mosaic pixels."""
    return 2 * np.asarray(superpixel, dtype=np.float64) + 0.5


def stamp_corner(pixel: ArrayLike, side: int = STAMP_SIDE) -> NDArray[np.int64]:
    """Return the first row or column of the stamp around a source.

    Parameters
    ----------
    pixel : array_like, shape (n,)
        x or y of sources, 0-based mosaic pixels.
    side : int
        6, 10, 14 …, so that one superpixel is central.

    Returns
    -------
    ndarray, shape (n,), int64
        Even; below 0 or too close to the edge if a stamp does not fit in the frame.

    Raises
    ------
    ValueError
        If `side` has another value.
    """
    if side < 6 or side % 4 != 2:
        raise ValueError(f"a stamp's side is 6, 10, 14 …, not {side}")
    superpixel = np.floor((np.asarray(pixel, dtype=np.float64) + 0.5) / 2).astype(np.int64)
    return 2 * superpixel - (side - 2) // 2


def stamp_fits(
    x_px: ArrayLike, y_px: ArrayLike, shape: tuple[int, int], side: int = STAMP_SIDE
) -> NDArray[np.bool_]:
    """Return which sources have a complete stamp in a frame of `shape` (height, width)."""
    fits = np.ones(np.shape(x_px), dtype=np.bool_)
    for pixel, length in ((x_px, shape[1]), (y_px, shape[0])):
        corner = stamp_corner(pixel, side)
        fits &= (corner >= 0) & (corner + side <= length)
    return fits


def cut_stamps(
    mosaic: NDArray[np.uint16],
    corner_x: NDArray[np.int64],
    corner_y: NDArray[np.int64],
    side: int = STAMP_SIDE,
) -> NDArray[np.uint16]:
    """Copy the pixels of each stamp.

    Parameters
    ----------
    mosaic : ndarray, shape (height, width), uint16
        ADU.
    corner_x, corner_y : ndarray, shape (n,)
        From :func:`stamp_corner`; each stamp must fit (:func:`stamp_fits`).

    Returns
    -------
    ndarray, shape (n, side, side), uint16
        The mosaic's values, ``[i, y, x]``; n may be 0.
    """
    windows = np.lib.stride_tricks.sliding_window_view(mosaic, (side, side))
    stamps: NDArray[np.uint16] = windows[corner_y, corner_x]
    return stamps
