"""The floor of the FITS files: LibRaw, plain files by astropy, and the program fpack."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rawpy
from astropy.io import fits
from numpy.typing import NDArray
from stopwatch import timed_program

PACK = ["fpack", "-O", "packed.fits.fz", "plain.fits"]
COLOURS = 3

Pixels = NDArray[np.uint8 | np.uint16]


def write_mosaic(source: Path, folder: Path) -> None:
    """Write the mosaic of a CR2, packed."""
    write_plain(unpack(source), folder)
    pack(folder)


def write_planes(source: Path, folder: Path, parameters: rawpy.Params) -> None:
    """Write red, green and blue of a CR2, each packed."""
    colours = demosaic(source, parameters)
    for number in range(COLOURS):
        (folder / f"{number}").mkdir()
        write_plain(colours[..., number], folder / f"{number}")
        pack(folder / f"{number}")


def read_frames(files: Sequence[Path]) -> None:
    """Read the pixels of packed files, one after the other."""
    for file in files:
        with fits.open(file, memmap=False) as hdus:
            hdus[1].data  # noqa: B018


def unpack(source: Path) -> Pixels:
    """Let LibRaw decode a CR2."""
    with rawpy.imread(str(source)) as raw:
        return raw.raw_image_visible.copy()


def demosaic(source: Path, parameters: rawpy.Params) -> Pixels:
    """Let LibRaw decode a CR2 and interpolate its colours."""
    with rawpy.imread(str(source)) as raw:
        return raw.postprocess(parameters)


def write_plain(pixels: Pixels, folder: Path) -> None:
    """Write pixels as an uncompressed FITS file."""
    fits.PrimaryHDU(pixels).writeto(folder / "plain.fits")


def pack(folder: Path) -> None:
    """Compress that file."""
    timed_program(PACK, folder)
