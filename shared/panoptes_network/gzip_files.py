"""Gzip-compressed uploads, read and unpacked within limits.

A file is gzip if its first bytes say so, whatever its name or the bucket's Content-Encoding. A file
compressed twice, by the unit and by its uploader, is unpacked twice.
"""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from typing_extensions import Buffer

from panoptes_network.byte_ranges import ReadRange
from panoptes_network.errors import PermanentError, Reason

MAX_UNPACKED_BYTES = 500_000_000
"""More than the largest frame as plain FITS, 60 million pixels of 8 bytes."""

HEAD_BYTES = 28_800
"""Bytes read to detect the format; most headers fit in them."""

MAGIC = b"\x1f\x8b"

_LAYERS = 2
_PIECE_BYTES = 2**20
_SOURCE_BYTES = 2**22
"""Bytes read from the compressed file at a time: a full frame in five requests."""


class Content:
    """The unpacked content of a file, read in ranges.

    Parameters
    ----------
    head : bytes
        Its first `HEAD_BYTES`, or all bytes of a shorter one.
    read : ReadRange
        Reads the remaining bytes.
    count : callable
        Returns its size in bytes.
    """

    def __init__(self, head: bytes, read: ReadRange, count: Callable[[], int]) -> None:
        self._head = head
        self._read = read
        self._count = count

    def read(self, start: int, length: int) -> bytes:
        """Return up to `length` bytes from `start`.

        Raises
        ------
        PermanentError
            DAMAGED_FILE or TRUNCATED, for a gzip file.
        """
        if start + length <= len(self._head):
            return self._head[start : start + length]
        return self._read(start, length)

    @property
    def size(self) -> int:
        """Size in bytes; gzip files are unpacked completely to find it.

        Raises
        ------
        PermanentError
            As `read`, or TOO_LARGE for more than `MAX_UNPACKED_BYTES`.
        """
        return self._count()


def content_of(read: ReadRange, size: int, layers: int = _LAYERS) -> Content:
    """Return the content of a file of `size` bytes that was compressed up to `layers` times.

    Raises
    ------
    PermanentError
        As `Content.read`.
    """
    head = read(0, HEAD_BYTES)
    count: Callable[[], int] = partial(int, size)
    for _ in range(layers):
        if not head.startswith(MAGIC):
            break
        unpacked = _Unpacked(read)
        read, count = unpacked.read, unpacked.count
        head = read(0, HEAD_BYTES)
    return Content(head, read, count)


class _Unpacked:
    """The content of a gzip file, unpacked from its beginning as far as needed."""

    def __init__(self, read: ReadRange) -> None:
        self._file = gzip.GzipFile(fileobj=io.BufferedReader(_Source(read), _SOURCE_BYTES))

    def read(self, start: int, length: int) -> bytes:
        if start + length > MAX_UNPACKED_BYTES:
            return b""
        with _told():
            self._file.seek(start)
            return self._file.read(length)

    def count(self) -> int:
        with _told():
            while self._file.read(_PIECE_BYTES):
                _check_size(self._file.tell(), MAX_UNPACKED_BYTES)
        return self._file.tell()


def unpack(path: Path, max_bytes: int = MAX_UNPACKED_BYTES) -> None:
    """Replace a gzip file by its content.

    Raises
    ------
    PermanentError
        DAMAGED_FILE or TRUNCATED; TOO_LARGE if it would exceed `max_bytes`.
    """
    for _ in range(_LAYERS):
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                return
        packed = path.with_name(f"{path.name}.packed")
        path.rename(packed)
        _unpack(packed, path, max_bytes)
        packed.unlink()


def _unpack(packed: Path, target: Path, max_bytes: int) -> None:
    with _told(), gzip.open(packed) as source, target.open("wb") as file:
        while piece := source.read(_PIECE_BYTES):
            file.write(piece)
            _check_size(file.tell(), max_bytes)


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise PermanentError(
            Reason.TOO_LARGE, f"the gzip file unpacks to more than {max_bytes} bytes"
        )


@contextmanager
def _told() -> Iterator[None]:
    """Turn the errors of a damaged gzip file into reasons."""
    try:
        yield
    except EOFError as error:
        raise PermanentError(
            Reason.TRUNCATED, "the gzip file is cut short: upload it again"
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise PermanentError(
            Reason.DAMAGED_FILE, f"the gzip file is damaged; upload it again ({error})"
        ) from error


class _Source(io.RawIOBase):
    """A readable file object on top of range reads."""

    def __init__(self, read: ReadRange) -> None:
        self._read = read
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        # The end is unknown, and nothing asks for it.
        self._position = offset + (self._position if whence == io.SEEK_CUR else 0)
        return self._position

    def readinto(self, buffer: Buffer) -> int:
        target = memoryview(buffer).cast("B")
        data = self._read(self._position, len(target))
        target[: len(data)] = data
        self._position += len(data)
        return len(data)
