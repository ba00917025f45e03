"""The readers of FITS files, and what they may return."""

import math
import tempfile
from pathlib import Path

import numpy as np

from panoptes_network.frames.fits_header import MIN_SIDE_PX, read_image_header
from panoptes_network.frames.frame import MAX_PIXELS, read_frame
from panoptes_network.frames.header_values import clean_headers
from tests.fuzz import broken_fits
from tests.fuzz.harness import Parser, own_peak_mib
from tests.fuzz.mutations import broken

_FOLDER = tempfile.TemporaryDirectory()
_PATH = Path(_FOLDER.name) / "input.fits.fz"


def _read_header(data: bytes) -> None:
    def read(start: int, length: int) -> bytes:
        return data[start : start + length]

    header = read_image_header(read)
    assert 0 < len(header.shape) < 1000
    assert all(length > 0 for length in header.shape)
    assert 0 < header.end < 2**64
    str(header.end)
    for keyword, value in header.cards.items():
        assert 0 < len(keyword) <= 8
        assert isinstance(value, str) or math.isfinite(value)
    clean_headers(dict(header.cards))


def _read_frame(data: bytes) -> None:
    _PATH.write_bytes(data)
    mosaic = read_frame(_PATH).mosaic
    assert mosaic.dtype == np.uint16
    assert mosaic.ndim == 2
    assert min(mosaic.shape) >= MIN_SIDE_PX
    assert mosaic.size <= MAX_PIXELS


def _with_bombs() -> list[bytes]:
    return [*broken_fits.corpus(), *broken_fits.bombs()]


_INPUTS = broken(broken_fits.files(), broken_fits.CARDS)

PARSERS = {
    "fits_header.read_image_header": Parser(
        _read_header, _INPUTS, broken_fits.corpus, 200, own_peak_mib
    ),
    "frame.read_frame": Parser(_read_frame, _INPUTS, _with_bombs, 1200, own_peak_mib),
}
