"""The structure of a CR2 file, checked before any decoder opens it.

The layout is Canon's CR2 version 2: a TIFF header, "CR", and the offset of the directory of the raw
pixels, which are one lossless JPEG (ITU-T T.81, annex H).
"""

import struct
from dataclasses import dataclass
from pathlib import Path

from panoptes_network.byte_ranges import ReadRange, ranges_of
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.file_formats import CONVERT, HEAD_BYTES, format_of
from panoptes_network.frames.cr2.tiff import Directory, read_directory

MAX_SENSOR_PIXELS = 30_000_000
"""1.6 times that camera's sensor: decoded data stay well below 1.5 GB of memory."""

MIN_SENSOR_SIDE = 22
"""Decoders do not accept smaller raw files."""

_HEADER = struct.Struct("<4sI2sBBI")
_EXIF_TAG, _MAKER_NOTE_TAG = 0x8769, 0x927C
_STRIP_OFFSET_TAG, _STRIP_BYTES_TAG = 0x0111, 0x0117
_JPEG_HEADER_BYTES = 8192
_START_OF_SCAN = 0xDA
_LOSSLESS_FRAME = 0xC3
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Markers that begin a frame of any coding."""
_SENSOR_BITS = (12, 14)
_SENSOR_COMPONENTS = (2, 4)
"""Canon interleaves two or four columns of a row as components."""


@dataclass(frozen=True, slots=True)
class Cr2:
    """A CR2's directories, and the size of its sensor with the masked border.

    Attributes
    ----------
    exif, maker_note : Directory
        Empty if the file has no readable one.
    sensor_height, sensor_width : int
        Pixels.
    """

    exif: Directory
    maker_note: Directory
    sensor_height: int
    sensor_width: int


def read_structure(path: Path) -> Cr2:
    """Check a file's header, directories and the beginning of its raw pixels.

    Raises
    ------
    PermanentError
        EMPTY_FILE, NOT_CR2, TRUNCATED, DAMAGED_FILE or TOO_LARGE.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        read = ranges_of(file)
        first_offset, raw_offset = _read_header(read)
        first = read_directory(read, first_offset)
        exif = _sub_directory(read, first, _EXIF_TAG)
        note = exif.values.get(_MAKER_NOTE_TAG)
        maker_note = read_directory(read, note.offset) if note else Directory({})
        height, width = _read_sensor(read, raw_offset, size)
    return Cr2(exif, maker_note, height, width)


def _read_header(read: ReadRange) -> tuple[int, int]:
    """Return the offsets of the first directory and of the raw pixels' directory."""
    header = read(0, _HEADER.size)
    if not header:
        raise PermanentError(Reason.EMPTY_FILE, "the file is empty")
    if not header.startswith(b"II*\0"):
        raise _other_format(read)
    if len(header) < _HEADER.size:
        raise _truncated()
    _, first_offset, mark, _, _, raw_offset = _HEADER.unpack(header)
    if mark != b"CR":
        raise _other_format(read)
    return first_offset, raw_offset


def _other_format(read: ReadRange) -> PermanentError:
    found = format_of(read(0, HEAD_BYTES))
    return PermanentError(Reason.NOT_CR2, f"the file is not CR2: it is {found}; {CONVERT}")


def _sub_directory(read: ReadRange, directory: Directory, tag: int) -> Directory:
    offset = directory.integer(tag)
    return read_directory(read, offset) if offset else Directory({})


def _read_sensor(read: ReadRange, raw_offset: int, file_bytes: int) -> tuple[int, int]:
    """Return the sensor's height and width, from the JPEG of its pixels."""
    if raw_offset >= file_bytes:
        raise _truncated()
    raw = read_directory(read, raw_offset)
    offset, length = raw.integer(_STRIP_OFFSET_TAG), raw.integer(_STRIP_BYTES_TAG)
    if not offset or not length:
        raise PermanentError(Reason.DAMAGED_FILE, "the CR2 file does not say where its pixels are")
    if offset + length > file_bytes:
        raise PermanentError(
            Reason.TRUNCATED,
            f"the file ends after {file_bytes} of {offset + length} bytes: upload it again",
        )
    return _checked_size(*_read_frame_header(read(offset, min(length, _JPEG_HEADER_BYTES))))


def _read_frame_header(jpeg: bytes) -> tuple[int, int, int, int]:
    """Return bits, lines, samples per line and components (T.81, section B.2.2)."""
    place = 2
    while jpeg.startswith(b"\xff\xd8") and place + 10 <= len(jpeg) and jpeg[place] == 0xFF:
        marker, length = jpeg[place + 1], int.from_bytes(jpeg[place + 2 : place + 4])
        if marker in _FRAMES or marker == _START_OF_SCAN:
            if marker != _LOSSLESS_FRAME:
                break
            bits, lines, samples, components = struct.unpack_from(">BHHB", jpeg, place + 4)
            return bits, lines, samples, components
        place += 2 + length
    raise PermanentError(Reason.DAMAGED_FILE, "the CR2 file's raw pixels are not lossless JPEG")


def _checked_size(bits: int, lines: int, samples: int, components: int) -> tuple[int, int]:
    height, width = lines, samples * components
    if height * width > MAX_SENSOR_PIXELS:
        raise PermanentError(
            Reason.TOO_LARGE,
            f"{width}x{height} raw pixels are more than {MAX_SENSOR_PIXELS // 10**6} million",
        )
    if bits not in _SENSOR_BITS or components not in _SENSOR_COMPONENTS:
        raise PermanentError(
            Reason.DAMAGED_FILE, f"no Canon sensor has {bits} bits in {components} components"
        )
    if min(height, width) < MIN_SENSOR_SIDE:
        raise PermanentError(
            Reason.WRONG_SHAPE, f"{width}x{height} raw pixels are too few for a frame"
        )
    return height, width


def _truncated() -> PermanentError:
    return PermanentError(Reason.TRUNCATED, "the CR2 file is cut short: upload it again")
