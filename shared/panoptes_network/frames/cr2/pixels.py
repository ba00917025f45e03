"""A CR2's pixels, decoded by LibRaw: the raw mosaic, or interpolated colours.

Call these functions in a separate process (`panoptes_network.processing.isolation`): LibRaw is C++
and decodes untrusted files.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import rawpy
from numpy.typing import NDArray

from panoptes_network.errors import PermanentError, Reason

_MIN_MASK = 16
"""Columns of a masked border needed to measure noise."""
_RGGB = [[0, 1], [3, 2]]
"""LibRaw's colour numbers (red, green, blue, second green) of the cell at the top left."""


def read_mosaic(path: Path) -> NDArray[np.uint16]:
    """Return the active area, unprocessed.

    Returns
    -------
    ndarray, shape (height, width), uint16
        ADU, black level included. Row 0 is the bottom row of the picture and ``G B``, as in units'
        FITS files: the CR2 is flipped vertically.

    Raises
    ------
    PermanentError
        DAMAGED_FILE, or WRONG_SHAPE for a sensor that PANOPTES cameras do not have.
    """
    with _opened(path) as raw:
        colours = raw.raw_colors_visible[:2, :2].tolist()
        visible = raw.raw_image_visible
        if colours != _RGGB or visible.shape[0] % 2:
            raise PermanentError(Reason.WRONG_SHAPE, "the sensor's colour pattern is not RGGB")
        return np.ascontiguousarray(visible[::-1])


def interpolate(path: Path, parameters: rawpy.Params) -> NDArray[np.uint8 | np.uint16]:
    """Return red, green and blue of each pixel.

    Parameters
    ----------
    path : Path
        The CR2.
    parameters : rawpy.Params
        Options of LibRaw.

    Returns
    -------
    ndarray, shape (height, width, 3), uint8 or uint16
        Row 0 is the bottom row of the picture, as in `read_mosaic`.

    Raises
    ------
    PermanentError
        DAMAGED_FILE.
    """
    with _opened(path) as raw:
        rgb: NDArray[np.uint8 | np.uint16] = raw.postprocess(parameters)
    return rgb[::-1]


@contextmanager
def _opened(path: Path) -> Iterator[rawpy.RawPy]:
    try:
        with rawpy.imread(str(path)) as raw:
            _check_end(raw)
            yield raw
    except rawpy.LibRawError as error:
        raise PermanentError(
            Reason.DAMAGED_FILE,
            f"LibRaw cannot read the CR2 file: {_words(error)}; upload it again",
        ) from error


def _check_end(raw: rawpy.RawPy) -> None:
    """Refuse pixels that end early: LibRaw silently fills the rest with the last value."""
    mask = raw.raw_image[-1, : raw.sizes.left_margin]
    if mask.size >= _MIN_MASK and np.ptp(mask[::2]) == np.ptp(mask[1::2]) == 0:
        raise PermanentError(
            Reason.DAMAGED_FILE, "the CR2 file ends before its last row of pixels: upload it again"
        )


def _words(error: Exception) -> str:
    return ", ".join(
        part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part)
        for part in error.args
    )
