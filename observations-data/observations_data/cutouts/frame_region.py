"""The pixels of a cutout, read from storage in ranges."""

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from observations_data import file_storage
from observations_data.cutouts.parameters import CutoutSearch
from observations_data.http.query_parameters import BadParameterError
from panoptes_network import storage
from panoptes_network.byte_ranges import RangeFile, ReadRange
from panoptes_network.errors import PermanentError, Reason, TransientError
from panoptes_network.sky.projection import Pixel, Projection, Sky

Hdu: TypeAlias = fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU

BLOCK_BYTES = 2**18
"""Bytes read at a time: the headers of a frame, or the tiles of some 40 of its rows."""
MAX_UNPACKED_PX = 12_000_000
"""More than the rows of the largest cutout; a file with other tiles might need all of its pixels.
"""


@dataclass(frozen=True, slots=True)
class FrameRegion:
    """A region of a frame, whose first pixel is the frame's `x_px`, `y_px`, 0-based and even.

    `pixels`, ``[y, x]``, are the camera's values; `header` is that of the whole frame.
    """

    x_px: int
    y_px: int
    pixels: NDArray[np.uint16]
    header: fits.Header


def _in_blocks(stored: storage.StoredObject) -> ReadRange:
    """Return a function that reads an object in cached blocks, up to the end of one at a time.

    astropy returns to the headers after each tile.
    """
    blocks: dict[int, bytes] = {}

    def read(start: int, length: int) -> bytes:
        number, behind = divmod(start, BLOCK_BYTES)
        if number not in blocks:
            first = number * BLOCK_BYTES
            blocks[number] = file_storage.read_range(stored, first, BLOCK_BYTES)
        return blocks[number][behind : behind + length]

    return read


def read_region(stored: storage.StoredObject, search: CutoutSearch) -> FrameRegion:
    """Read a region of a solved frame: the part of the square inside the frame.

    Its first pixel is even in x and y, so that its Bayer colours are those of the frame; the
    position is within a pixel of the square's centre.

    Raises
    ------
    BadParameterError
        For ``ra``, if the position is outside the frame.
    PermanentError
        If the file is damaged or missing.
    TransientError
        If storage is unavailable.
    """
    with _frame_of(stored) as hdu:
        projection = Projection.of_cards(hdu.header)
        pixel = projection.pixel(Sky(search.ra_deg, search.dec_deg))
        if pixel is None or not projection.has(pixel):
            raise BadParameterError("ra", "a position inside the frame, together with dec")
        columns, rows = _square(pixel, search.side_px, hdu.shape)
        _check_tiles(hdu, columns, rows)
        return FrameRegion(columns.start, rows.start, hdu.section[rows, columns], hdu.header)


@contextmanager
def _frame_of(stored: storage.StoredObject) -> Iterator[Hdu]:
    """Open the first image of a FITS file; errors in astropy mean damage."""
    file = io.BufferedReader(RangeFile(_in_blocks(stored), stored.size))
    try:
        with fits.open(file, memmap=False, lazy_load_hdus=True) as hdus:
            yield next(hdu for hdu in hdus if hdu.is_image and len(hdu.shape) == 2)
    except (PermanentError, TransientError):
        raise
    except Exception as error:
        raise PermanentError(
            Reason.DAMAGED_FILE, f"{stored.path} is not a solved frame: {error}"
        ) from error


def _square(pixel: Pixel, side_px: int, shape: tuple[int, int]) -> tuple[slice, slice]:
    """Return columns and rows of the square around a pixel, cropped at the edges."""
    height, width = shape
    left, bottom = (2 * math.floor((at + 0.5 - side_px / 2) / 2 + 0.5) for at in pixel)
    return (
        slice(max(left, 0), min(left + side_px, width)),
        slice(max(bottom, 0), min(bottom + side_px, height)),
    )


def _check_tiles(hdu: Hdu, columns: slice, rows: slice) -> None:
    """Refuse a file whose tiles would require unpacking too many pixels."""
    if not isinstance(hdu, fits.CompImageHDU):
        return
    height, width = (
        math.ceil(wanted.stop / length) * length - wanted.start // length * length
        for wanted, length in zip((rows, columns), hdu.tile_shape, strict=True)
    )
    if height * width > MAX_UNPACKED_PX:
        raise PermanentError(
            Reason.TOO_LARGE, "the frame's compressed tiles are too large for a cutout"
        )
