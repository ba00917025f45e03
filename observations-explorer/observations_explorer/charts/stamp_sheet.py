"""A contact sheet of a star's stamps, as PNG, for pages without scripts.

All stamps have the same stretch, so that changes of the star show. A picture's first row of pixels
is at the bottom, as in pictures of whole frames.
"""

import math
import struct
import zlib
from itertools import chain

Stamp = list[list[int]]
Tile = list[list[float]]

COLUMNS = 12
GAP_PX = 1
LOW_PART, HIGH_PART = 0.05, 0.998
"""Fractions of all pixels below black and below white."""
SOFTENING = 0.1
"""Fraction of the way from black to white at which the asinh stretch bends."""
GAP_LEVEL = 40
BAYER = {"g2": (0, 0), "r": (0, 1), "b": (1, 0), "g1": (1, 1)}
"""x and y in each superpixel; a stamp starts on green 2."""
COLOURS = ("all", "r", "g", "b")
PNG_START = b"\x89PNG\r\n\x1a\n"


def png(stamps: list[Stamp], colour: str) -> bytes:
    """Return the sheet of stamps, in reading order.

    Parameters
    ----------
    stamps : list of rows of pixels
        ADU, ``[y][x]``, all with one even side; without stamps, the sheet is one grey pixel.
    colour : str
        One of `COLOURS`: all pixels, or those of one colour, with the mean of the greens.
    """
    tiles = [_tile(stamp, colour) for stamp in stamps]
    if not tiles:
        return _encoded([bytes([GAP_LEVEL])])
    low, high = _levels(tiles)
    return _encoded(_rows([_shown(tile, low, high) for tile in tiles]))


def _tile(stamp: Stamp, colour: str) -> Tile:
    """Return a stamp's pixels of one colour, its first row last."""
    rows = stamp[::-1]
    if colour == "all":
        return [[float(value) for value in row] for row in rows]
    names = ("g1", "g2") if colour == "g" else (colour,)
    planes = [_plane(stamp, *BAYER[name]) for name in names]
    means = [
        [sum(values) / len(values) for values in zip(*lines, strict=True)]
        for lines in zip(*planes, strict=True)
    ]
    return means[::-1]


def _plane(stamp: Stamp, x: int, y: int) -> list[list[int]]:
    return [row[x::2] for row in stamp[y::2]]


def _levels(tiles: list[Tile]) -> tuple[float, float]:
    values = sorted(chain.from_iterable(chain.from_iterable(tiles)))
    low = values[int(LOW_PART * (len(values) - 1))]
    return low, max(values[int(HIGH_PART * (len(values) - 1))], low + 1)


def _shown(tile: Tile, low: float, high: float) -> list[bytes]:
    top = math.asinh(1 / SOFTENING)
    return [
        bytes(
            round(255 * min(math.asinh(max((value - low) / (high - low), 0) / SOFTENING) / top, 1))
            for value in row
        )
        for row in tile
    ]


def _rows(tiles: list[list[bytes]]) -> list[bytes]:
    """Return the sheet's rows of grey pixels."""
    side = len(tiles[0])
    gap, empty = bytes([GAP_LEVEL]) * GAP_PX, bytes([GAP_LEVEL]) * side
    n_columns = min(COLUMNS, len(tiles))
    rows: list[bytes] = []
    for start in range(0, len(tiles), n_columns):
        line = tiles[start : start + n_columns]
        missing = [[empty] * side] * (n_columns - len(line))
        rows += [gap.join(tile[y] for tile in [*line, *missing]) for y in range(side)]
        rows += [bytes([GAP_LEVEL]) * len(rows[-1])] * GAP_PX
    return rows[:-GAP_PX]


def _encoded(rows: list[bytes]) -> bytes:
    """Return an 8-bit grey picture as PNG (W3C, Portable Network Graphics, third edition)."""
    size = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    return PNG_START + _chunk(b"IHDR", size) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
