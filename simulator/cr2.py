"""Write a mosaic as the CR2 file of a Canon EOS 100D.

The tags are those read by exiftool 12.57, dcraw 9.28 and LibRaw 0.22; see
``docs/decisions/0008-simulated-cr2.md``.
"""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray
from PIL import Image

from simulator import ljpeg, tiff
from simulator.cr2_metadata import (
    MAKE,
    MASKED_COLUMNS,
    MASKED_ROWS,
    MODEL,
    date_time,
    exif_directory,
    maker_note,
)
from simulator.detector import BLACK_ADU, READ_NOISE_ADU, SATURATION_ADU

_HEADER_BYTES = 16
_JPEG = 6
_UNCOMPRESSED = 1
_PREVIEW_STEP, _RGB_STEP = 4, 8
"""Columns and rows of the mosaic per pixel of a preview."""
_THUMBNAIL_SIZE = 160, 120
_FAINT_ADU = 50.0
"""Level at which the previews' stretch turns from linear to logarithmic."""

Mosaic = NDArray[np.uint16]


def write_cr2(path: Path, data: Mosaic, header: fits.Header) -> None:
    """Write a CR2 file; the same mosaic and header give the same bytes.

    Parameters
    ----------
    path : Path
        Overwritten where it exists.
    data : ndarray of uint16, shape (height, width)
        Mosaic as FITS files hold it, row 0 ``G B``; both even, 14 bit. The CR2 holds it upside
        down, row 0 ``R G``, with the masked border to the left and on top.
    header : astropy.io.fits.Header
        The cards of a unit: exposure, date, serials, temperature and colours come from them.

    Raises
    ------
    ValueError
        If a pixel has more than 14 bits.
    """
    active = data[::-1]
    strip = tiff.Blob(ljpeg.encode(with_border(active, header)))
    raw = tiff.Directory(_raw_entries(strip, active.shape[1] + MASKED_COLUMNS))
    blocks = [*_picture_blocks(active, header, raw), strip]
    places = tiff.lay_out(blocks, _HEADER_BYTES)
    with path.open("wb") as file:
        file.write(struct.pack("<2sHI2sBBI", b"II", 42, _HEADER_BYTES, b"CR", 2, 0, places[raw]))
        tiff.write(file, places)


def with_border(active: Mosaic, header: fits.Header) -> Mosaic:
    """Return the whole sensor: black level and read noise in the masked columns and rows.

    The noise is seeded by the frame's IMAGEID, so that no other frame has the same.
    """
    height, width = active.shape
    rng = np.random.default_rng(zlib.crc32(header["IMAGEID"].encode()))

    def masked(*shape: int) -> Mosaic:
        noise = rng.standard_normal(shape, dtype=np.float32)
        return (BLACK_ADU + 0.5 + READ_NOISE_ADU * noise).astype(np.uint16)

    left = np.hstack([masked(height, MASKED_COLUMNS), active])
    return np.vstack([masked(MASKED_ROWS, MASKED_COLUMNS + width), left])


def _picture_blocks(active: Mosaic, header: fits.Header, raw: tiff.Directory) -> list[tiff.Block]:
    """Return all directories, the first one first, and the embedded pictures."""
    height, width = active.shape
    rgb = _sampled(active, _RGB_STEP)
    white_balance = np.array([header["REDBAL"], 1, header["BLUEBAL"]], np.float32)
    preview = Image.fromarray(_stretched(_sampled(active, _PREVIEW_STEP), white_balance))
    preview_jpeg = tiff.Blob(_jpeg(preview))
    thumbnail_jpeg = tiff.Blob(_jpeg(preview.resize(_THUMBNAIL_SIZE)))
    rgb_strip = tiff.Blob(rgb.astype("<u2").tobytes())
    note = maker_note(header, width, height)
    exif = exif_directory(header, note, width, height)
    plain = tiff.Directory(_rgb_entries(rgb_strip, rgb.shape), raw)
    thumbnail = tiff.Directory(_thumbnail_entries(thumbnail_jpeg), plain)
    first = tiff.Directory(_first_entries(header, exif, preview_jpeg, preview.size), thumbnail)
    return [first, exif, note, thumbnail, plain, raw, thumbnail_jpeg, preview_jpeg, rgb_strip]


def _first_entries(
    header: fits.Header, exif: tiff.Directory, jpeg: tiff.Blob, size: tuple[int, int]
) -> dict[int, tiff.Entry]:
    return {
        0x0100: tiff.shorts([size[0]]),
        0x0101: tiff.shorts([size[1]]),
        0x0102: tiff.shorts([8, 8, 8]),
        0x0103: tiff.shorts([_JPEG]),
        0x010F: tiff.text(MAKE),
        0x0110: tiff.text(MODEL),
        0x0111: tiff.pointer(jpeg),
        0x0112: tiff.shorts([1]),  # Orientation: as stored
        0x0117: tiff.long(jpeg.size),
        0x011A: tiff.rationals((72, 1)),
        0x011B: tiff.rationals((72, 1)),
        0x0128: tiff.shorts([2]),  # ResolutionUnit: inches
        0x0132: tiff.text(date_time(header)),
        0x013B: tiff.text(header["ORIGIN"]),  # Artist
        0x8769: tiff.pointer(exif),
    }


def _thumbnail_entries(jpeg: tiff.Blob) -> dict[int, tiff.Entry]:
    return {0x0201: tiff.pointer(jpeg), 0x0202: tiff.long(jpeg.size)}


def _rgb_entries(strip: tiff.Blob, shape: tuple[int, ...]) -> dict[int, tiff.Entry]:
    height, width, colours = shape
    return {
        0x0100: tiff.shorts([width]),
        0x0101: tiff.shorts([height]),
        0x0102: tiff.shorts([16] * colours),
        0x0103: tiff.shorts([_UNCOMPRESSED]),
        0x0106: tiff.shorts([2]),  # PhotometricInterpretation: RGB
        0x0111: tiff.pointer(strip),
        0x0115: tiff.shorts([colours]),
        0x0116: tiff.shorts([height]),
        0x0117: tiff.long(strip.size),
        0x011C: tiff.shorts([1]),  # PlanarConfiguration: colours together
        0xC5D9: tiff.long(2),
        0xC6C5: tiff.long(3),  # SRawType
    }


def _raw_entries(strip: tiff.Blob, width: int) -> dict[int, tiff.Entry]:
    return {
        0x0103: tiff.shorts([_JPEG]),
        0x0111: tiff.pointer(strip),
        0x0117: tiff.long(strip.size),
        0xC5D8: tiff.long(1),
        0xC5E0: tiff.long(1),  # CR2CFAPattern: RG/GB
        0xC640: tiff.shorts([0, 0, width]),  # RawImageSegmentation: one strip of columns
        0xC6C5: tiff.long(1),  # SRawType: full raw
    }


def _sampled(active: Mosaic, step: int) -> Mosaic:
    """Return one Bayer cell in `step` columns and rows as red, green, blue; shape (y, x, 3)."""
    return np.stack([active[y::step, x::step] for y, x in ((0, 0), (0, 1), (1, 1))], axis=-1)


def _stretched(rgb: Mosaic, white_balance: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return 8 bits in which faint stars show, the sky left at a dark grey."""
    saturation = SATURATION_ADU - BLACK_ADU
    light = ((rgb - np.float32(BLACK_ADU)) * white_balance).clip(0, saturation)
    brightest = np.arcsinh(saturation / _FAINT_ADU)
    return np.asarray(255 / brightest * np.arcsinh(light / _FAINT_ADU), dtype=np.uint8)


def _jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=75)
    return file.getvalue()
