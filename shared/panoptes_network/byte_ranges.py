"""A file read in ranges, wherever it lies: what reads headers asks for their bytes alone."""

from collections.abc import Callable
from typing import BinaryIO

ReadRange = Callable[[int, int], bytes]
"""Returns up to `length` bytes from `start`; fewer only at the end of the file."""


def ranges_of(file: BinaryIO) -> ReadRange:
    """Return what reads an open file in ranges."""

    def read(start: int, length: int) -> bytes:
        file.seek(start)
        return file.read(length)

    return read
