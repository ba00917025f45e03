"""Write TIFF directories and the blocks they point to, little-endian (TIFF 6.0, section 2)."""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias

_ASCII, _SHORT, _LONG, _RATIONAL, _UNDEFINED, _SRATIONAL = 2, 3, 4, 5, 7, 10
_INLINE_BYTES = 4
"""A value up to this long stands in the directory itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Blob:
    """Bytes that directories point to, such as an image."""

    data: bytes

    @property
    def size(self) -> int:
        """Number of bytes."""
        return len(self.data)


@dataclass(frozen=True, slots=True)
class Entry:
    """Content of a tag: TIFF type, number of elements, and the bytes or their block."""

    kind: int
    count: int
    content: "bytes | Block"


@dataclass(frozen=True, slots=True, eq=False)
class Directory:
    """An image file directory (IFD).

    Attributes
    ----------
    entries : mapping of int to Entry
        By tag.
    following : Directory or None
        The next one of the file's chain.
    """

    entries: Mapping[int, Entry]
    following: "Directory | None" = None

    @property
    def size(self) -> int:
        """Number of bytes, with the values that do not fit into the entries."""
        return self._table_size + sum(_even(len(value)) for value in self._outside_values())

    @property
    def _table_size(self) -> int:
        return 2 + 12 * len(self.entries) + 4

    def _outside_values(self) -> list[bytes]:
        contents = (entry.content for entry in self.entries.values())
        return [c for c in contents if isinstance(c, bytes) and len(c) > _INLINE_BYTES]

    def pack(self, places: "Mapping[Block, int]") -> bytes:
        """Return the bytes, given the place of every block in the file."""
        table, outside = struct.pack("<H", len(self.entries)), b""
        for tag, entry in sorted(self.entries.items()):
            content = entry.content
            if not isinstance(content, bytes):
                content = struct.pack("<I", places[content])
            elif len(content) > _INLINE_BYTES:
                place = places[self] + self._table_size + len(outside)
                outside += content.ljust(_even(len(content)), b"\0")
                content = struct.pack("<I", place)
            table += struct.pack("<HHI4s", tag, entry.kind, entry.count, content)
        return table + struct.pack("<I", places[self.following] if self.following else 0) + outside


Block: TypeAlias = Blob | Directory


def text(value: str) -> Entry:
    """Return an ASCII value; what is not ASCII becomes a question mark."""
    content = value.encode("ascii", "replace") + b"\0"
    return Entry(_ASCII, len(content), content)


def shorts(values: Iterable[int]) -> Entry:
    """Return 16-bit numbers; negative ones as their complement, as camera makers write them."""
    numbers = [value & 0xFFFF for value in values]
    return Entry(_SHORT, len(numbers), struct.pack(f"<{len(numbers)}H", *numbers))


def long(value: int) -> Entry:
    """Return a 32-bit number."""
    return Entry(_LONG, 1, struct.pack("<I", value))


def rationals(*values: tuple[int, int]) -> Entry:
    """Return fractions, numerator and denominator."""
    return Entry(_RATIONAL, len(values), b"".join(struct.pack("<II", *v) for v in values))


def signed_rational(numerator: int, denominator: int) -> Entry:
    """Return a fraction that may be negative."""
    return Entry(_SRATIONAL, 1, struct.pack("<ii", numerator, denominator))


def undefined(content: bytes) -> Entry:
    """Return bytes that only the tag explains."""
    return Entry(_UNDEFINED, len(content), content)


def pointer(block: Block) -> Entry:
    """Return the place of a block."""
    return Entry(_LONG, 1, block)


def enclosed(block: Block) -> Entry:
    """Return a block as the tag's bytes, as Exif holds a maker note."""
    return Entry(_UNDEFINED, block.size, block)


def lay_out(blocks: Iterable[Block], start: int) -> dict[Block, int]:
    """Return the place of each block, one after the other from byte `start`, on even bytes."""
    places, place = {}, start
    for block in blocks:
        places[block] = place
        place += _even(block.size)
    return places


def write(file: BinaryIO, places: Mapping[Block, int]) -> None:
    """Write blocks at their places, of which the first is where the file is now."""
    for block in places:
        data = block.data if isinstance(block, Blob) else block.pack(places)
        file.write(data)
        file.write(b"\0" * (len(data) % 2))


def _even(size: int) -> int:
    return size + size % 2
