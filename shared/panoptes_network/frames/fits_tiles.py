"""Checks of compressed tiles before a decoder gets them.

astropy 8.0 trusts the tiles: gzip unpacks all output, up to a thousand bytes for each byte in the
file, and the HCOMPRESS decoder writes as many pixels as the tile claims, beyond the memory sized by
the header.
"""

import gzip
import math
import struct
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from panoptes_network.errors import PermanentError, Reason

_PIECE_BYTES = 2**20
_MAX_PIXEL_BYTES = 8
_GZIPPED = ("GZIP_1", "GZIP_2")
_FALLBACK = "GZIP_COMPRESSED_DATA"
"""The column of tiles that the file's own method could not compress."""
_HCOMPRESS_HEADER = struct.Struct(">2sii")


def check_tiles(path: Path, index: int, shape: tuple[int, ...]) -> None:
    """Refuse tiles that unpack to more than the image's size.

    Parameters
    ----------
    index : int
        HDU number of the compressed image, 0 for the primary one.
    shape : tuple of int
        Height and width of the image.

    Raises
    ------
    PermanentError
        With DAMAGED_FILE. A file that astropy cannot open raises astropy's error.
    """
    with (
        path.open("rb") as file,
        fits.open(file, memmap=False, disable_image_compression=True) as hdus,
    ):
        table = hdus[index]
        method = table.header["ZCMPTYPE"]
        for name in _gzip_columns(table, method):
            _check_gzip(table.data[name], _MAX_PIXEL_BYTES * math.prod(shape))
        if method == "HCOMPRESS_1":
            _check_hcompress(table, shape)


def _gzip_columns(table: fits.BinTableHDU, method: str) -> list[str]:
    candidates = [_FALLBACK, *(["COMPRESSED_DATA"] if method in _GZIPPED else [])]
    return [name for name in candidates if name in table.columns.names]


def _check_gzip(tiles: Iterable[NDArray[np.uint8]], most_bytes: int) -> None:
    left = most_bytes
    for tile in tiles:
        with gzip.open(BytesIO(tile.tobytes())) as unpacked:
            while left >= 0 and (piece := unpacked.read(_PIECE_BYTES)):
                left -= len(piece)
        if left < 0:
            raise _lies("its tiles unpack to more bytes than its pixels have")


def _check_hcompress(table: fits.BinTableHDU, shape: tuple[int, ...]) -> None:
    tiles = table.data["COMPRESSED_DATA"]
    for tile, wanted in zip(tiles, _tile_shapes(table.header, shape), strict=True):
        if not len(tile):
            continue
        _, *said = _HCOMPRESS_HEADER.unpack_from(tile.tobytes())
        if said != wanted:
            raise _lies(f"a tile has {said[1]}x{said[0]} pixels, not {wanted[1]}x{wanted[0]}")


def _tile_shapes(header: fits.Header, shape: tuple[int, ...]) -> Iterator[list[int]]:
    """Yield height and width of each tile; tiles at the far edges may be smaller."""
    height, width = shape
    tile_height, tile_width = header.get("ZTILE2", 1), header.get("ZTILE1", width)
    for y in range(0, height, tile_height):
        for x in range(0, width, tile_width):
            yield [min(tile_height, height - y), min(tile_width, width - x)]


def _lies(how: str) -> PermanentError:
    return PermanentError(
        Reason.DAMAGED_FILE, f"the compressed image is inconsistent: {how}; upload it again"
    )
