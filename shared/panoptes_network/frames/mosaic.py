"""An image's mosaic and white balance, from a CR2 or a FITS file."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from panoptes_network.byte_ranges import ranges_of
from panoptes_network.frames.cr2.cards import camera_cards
from panoptes_network.frames.cr2.pixels import read_mosaic
from panoptes_network.frames.cr2.structure import read_structure
from panoptes_network.frames.fits_header import Cards, read_image_header
from panoptes_network.frames.frame import read_frame

Balance = tuple[float, float, float]

DAYLIGHT: Balance = (2.015625, 1.0, 1.490234)
"""Red, green and blue factors that make daylight grey in all frames of an EOS 100D."""

_MIN_FACTOR, _MAX_FACTOR = 0.1, 10.0


def read_image(source: Path, *, is_cr2: bool) -> tuple[NDArray[np.uint16], Balance]:
    """Return the pixels of a CR2 or FITS file and the factors of its white balance.

    Returns
    -------
    mosaic : ndarray, shape (height, width), uint16
        ADU; row 0 is the bottom row of the picture and ``G B``.
    white_balance : tuple of float
        For red, green and blue.

    Raises
    ------
    PermanentError
        As `read_structure` and `read_mosaic`, or `read_frame`.
    """
    if is_cr2:
        cards = {keyword: value for keyword, value, _ in camera_cards(read_structure(source))}
        return read_mosaic(source), white_balance(cards)
    frame = read_frame(source)
    with source.open("rb") as file:
        return frame.mosaic, white_balance(read_image_header(ranges_of(file)).cards)


def white_balance(cards: Cards) -> Balance:
    """Return the factors of REDBAL, green, and BLUEBAL; `DAYLIGHT` if they are invalid."""
    red, blue = cards.get("REDBAL"), cards.get("BLUEBAL")
    for factor in (red, blue):
        if not isinstance(factor, float) or not _MIN_FACTOR < factor < _MAX_FACTOR:
            return DAYLIGHT
    return red, 1.0, blue  # type: ignore[return-value]
