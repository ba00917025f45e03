"""Files read in byte ranges from any source, so that readers of headers fetch only those bytes."""

import io
from collections.abc import Callable
from typing import BinaryIO

from typing_extensions import Buffer

ReadRange = Callable[[int, int], bytes]
"""Returns up to `length` bytes from `start`; fewer only at the end of the file."""


def ranges_of(file: BinaryIO) -> ReadRange:
    """Return a function that reads ranges of an open file."""

    def read(start: int, length: int) -> bytes:
        file.seek(start)
        return file.read(length)

    return read


class RangeFile(io.RawIOBase):
    """A seekable file of `size` bytes, which reads one range per read.

    `read` may return fewer bytes than requested, but no bytes only at the end of the file.
    """

    def __init__(self, read: ReadRange, size: int) -> None:
        self._read = read
        self._size = size
        self._position = 0

    def readable(self) -> bool:  # noqa: D102
        return True

    def seekable(self) -> bool:  # noqa: D102
        return True

    def tell(self) -> int:  # noqa: D102
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:  # noqa: D102
        starts = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}
        self._position = starts[whence] + offset
        return self._position

    def readinto(self, buffer: Buffer) -> int:  # noqa: D102
        target = memoryview(buffer).cast("B")
        length = min(len(target), max(self._size - self._position, 0))
        data = self._read(self._position, length) if length else b""
        target[: len(data)] = data
        self._position += len(data)
        return len(data)
