"""Isolated reading of a frame: a file may make its decoder crash, hang or use up memory."""

from pathlib import Path

import numpy as np

from panoptes_network.frames.frame import Frame, read_frame
from panoptes_network.processing import isolation

TIME_LIMIT_S = 300
"""Wall-clock limit per file: a full frame takes 0.3 s, or many times that on a busy machine."""


def read_isolated(path: Path, folder: Path) -> Frame:
    """Read the first image of a FITS file; the other process writes its pixels to `folder`.

    A file transfers a full frame in 0.02 s; a pipe would take four times as long, and twice the
    memory.

    Raises
    ------
    PermanentError
        As `read_frame`; or TOO_LARGE and DAMAGED_FILE as `isolation.run`.
    TransientError
        If it took too long.
    """
    pixels = folder / "pixels.raw"
    shape = isolation.run(unpack, TIME_LIMIT_S, path, pixels)
    return Frame(np.fromfile(pixels, dtype=np.uint16).reshape(shape))


def unpack(source: Path, target: Path) -> tuple[int, ...]:
    """Write the pixels of the FITS file `source`, row by row, and return their shape."""
    mosaic = read_frame(source).mosaic
    # Not by numpy, whose errors do not distinguish a full disk.
    target.write_bytes(mosaic.data)
    return mosaic.shape
