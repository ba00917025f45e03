"""Reading of a frame's pixels, and refusal of invalid frames."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from panoptes_network.byte_ranges import ranges_of
from panoptes_network.errors import PermanentError, Reason, UnsolvedError
from panoptes_network.frames.bayer import BLACK_LEVEL_ADU
from panoptes_network.frames.fits_header import MIN_SIDE_PX, ImageHeader, read_image_header
from panoptes_network.frames.fits_tiles import check_tiles

# To test memory maps, astropy writes a file, which a killed process leaves behind. Memory maps are
# not needed here.
fits.conf.use_memmap = False

MAX_PIXELS = 60_000_000
"""Three times a PANOPTES frame; a larger one would not fit in the worker's memory."""

MAX_FRAME_BYTES = 64_000_000
"""Maximum size of a frame's file: three times a PANOPTES CR2, more than its frame as plain FITS."""

_MIN_NOISE_ADU = 3.0
"""Minimum spread of an exposed frame: read noise alone is 6.7 ADU (measured on real frames)."""


_STAR_SIGMA = 6.0
_MIN_STARS = 12
"""Pairs of bright neighbours. Noise is not as bright, and hot pixels form no pairs by chance."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame's pixels, ``[y, x]``, uint16 ADU, even height and width or not."""

    mosaic: NDArray[np.uint16]

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.mosaic.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.mosaic.shape[1])

    def contains(self, x_px: NDArray[np.float64], y_px: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which positions, 0-based pixels, are on the frame; NaN is outside."""
        inside_x = (x_px > -0.5) & (x_px < self.width - 0.5)
        return inside_x & (y_px > -0.5) & (y_px < self.height - 0.5)


def read_frame(path: Path) -> Frame:
    """Read the frame of a FITS file, plain or tile-compressed (`read_image_header` finds it).

    Raises
    ------
    PermanentError
        EMPTY_FILE, NOT_FITS, NO_IMAGE, TRUNCATED, WRONG_SHAPE, TOO_LARGE, BAD_PIXELS, or
        DAMAGED_FILE for compressed tiles of a false size.
    """
    header = _checked_header(path)
    try:
        # If opening fails, astropy leaves the file open.
        with path.open("rb") as file, fits.open(file, memmap=False) as hdus:
            # Only the image whose size was checked is unpacked.
            image = hdus[header.index]
            _check_compression(image)
            if isinstance(image, fits.CompImageHDU):
                check_tiles(path, header.index, header.shape)
            pixels = image.data.reshape(header.shape)
    except PermanentError:
        raise
    except Exception as error:
        # astropy raises its parsers' errors for damaged files; they are not bugs here, and reading
        # the file again does not help.
        raise PermanentError(
            Reason.TRUNCATED, f"the file's pixels cannot be read; upload it again ({error})"
        ) from error
    return Frame(_whole_adu(pixels))


def check_exposed(plane: NDArray[np.float32]) -> None:
    """Refuse a frame that saw no light or is one flat value.

    A frame with stars saw light whatever its level: other cameras have another black level, and
    some programs subtract it. A frame without stars is blank if it is flat, or no brighter than
    black.

    Parameters
    ----------
    plane : ndarray, shape (height, width)
        Sums of four pixels, ADU.

    Raises
    ------
    UnsolvedError
        With :attr:`Reason.BLANK_FRAME`.
    """
    low, middle, high = np.percentile(plane[::4, ::4], [16, 50, 84])
    level_adu, noise_adu = float(middle) / 4, float(high - low) / 4
    if _shows_stars(plane, float(middle), float(high - low) / 2):
        return
    is_flat = noise_adu < _MIN_NOISE_ADU / 4
    if is_flat or level_adu < BLACK_LEVEL_ADU + _MIN_NOISE_ADU:
        words = "all pixels are" if is_flat else f"only noise of {noise_adu:.1f} ADU"
        raise UnsolvedError(
            Reason.BLANK_FRAME,
            f"the frame is blank: {words} at {level_adu:.0f} ADU, and no star stands out;"
            " check the lens cap and the shutter",
        )


def _shows_stars(plane: NDArray[np.float32], middle: float, noise: float) -> bool:
    """Return whether light falls on adjacent pixels, as for a star but not for a hot pixel."""
    bright = plane > middle + _STAR_SIGMA * max(noise, 1.0)
    return int(np.count_nonzero(bright[:, 1:] & bright[:, :-1])) >= _MIN_STARS


def _checked_header(path: Path) -> ImageHeader:
    """Return the frame's header; refuse bad frames by it, before any pixels are in memory."""
    size = path.stat().st_size
    with path.open("rb") as file:
        header = read_image_header(ranges_of(file))
    shape = header.shape
    if math.prod(shape) > MAX_PIXELS:
        # Without the number, which may have more digits than Python prints.
        raise PermanentError(Reason.TOO_LARGE, f"the image has more than {MAX_PIXELS} pixels")
    if len(shape) != 2:
        raise PermanentError(
            Reason.WRONG_SHAPE, f"the image has {len(shape)} axes; a frame has two"
        )
    if min(shape) < MIN_SIDE_PX:
        raise PermanentError(
            Reason.WRONG_SHAPE, f"{shape[1]}x{shape[0]} pixels; a frame has at least {MIN_SIDE_PX}"
        )
    if header.end > size:
        raise PermanentError(Reason.TRUNCATED, f"the file ends after {size} of {header.end} bytes")
    return header


def _check_compression(image: fits.ImageHDU | fits.CompImageHDU) -> None:
    """Refuse PLIO, meant for masks: astropy 8.0 reads its unsigned pixels 32768 too high."""
    if getattr(image, "compression_type", None) == "PLIO_1":
        raise PermanentError(
            Reason.BAD_PIXELS,
            "the image is compressed by PLIO_1; use RICE_1, the default of fpack",
        )


def _whole_adu(pixels: NDArray[np.generic]) -> NDArray[np.uint16]:
    """Return pixels as uint16; floats are accepted if they are whole 16-bit numbers."""
    if pixels.dtype == np.uint16:
        return np.ascontiguousarray(pixels)
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise PermanentError(Reason.BAD_PIXELS, "the image has pixels that are not numbers (NaN)")
    whole = pixels.astype(np.uint16, casting="unsafe") if _fits_uint16(pixels) else None
    if whole is None or not np.array_equal(whole, pixels):
        raise PermanentError(
            Reason.BAD_PIXELS, "the pixels must be raw camera values: whole numbers of 16 bits"
        )
    return whole


def _fits_uint16(pixels: NDArray[np.generic]) -> bool:
    return bool(pixels.min() >= 0 and pixels.max() <= np.iinfo(np.uint16).max)
