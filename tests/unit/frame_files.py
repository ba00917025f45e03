"""Frames written to files, and read or refused."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from numpy.typing import NDArray

from panoptes_network.errors import PermanentError, Reason
from panoptes_network.frames.frame import read_frame

HEIGHT, WIDTH = 301, 403


def every_value() -> NDArray[np.uint16]:
    """Return an odd number of rows and of columns, every 16-bit value possible."""
    return np.random.default_rng(1).integers(0, 2**16, (HEIGHT, WIDTH), dtype=np.uint16)


def write(path: Path, hdus: Sequence[Any]) -> Path:
    fits.HDUList(list(hdus)).writeto(path)
    return path


def write_pixels(path: Path, pixels: NDArray[Any]) -> Path:
    return write(path, [fits.PrimaryHDU(pixels)])


def assert_refused(path: Path, reason: Reason) -> str:
    """Return the words of the refusal."""
    with pytest.raises(PermanentError) as caught:
        read_frame(path)
    assert caught.value.reason is reason
    return caught.value.message


def assert_read(path: Path, pixels: NDArray[np.uint16]) -> None:
    frame = read_frame(path)
    assert frame.mosaic.dtype == np.dtype("uint16")  # of this machine's own byte order
    assert frame.mosaic.flags.c_contiguous
    assert (frame.height, frame.width) == pixels.shape
    np.testing.assert_array_equal(frame.mosaic, pixels)
