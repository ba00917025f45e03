"""TIFF directories in untrusted files (TIFF 6.0, section 2).

Little-endian only, as every CR2 is. Unreadable entries are skipped, and so are values longer than
the longest useful tag.
"""

import math
import struct
from dataclasses import dataclass

from panoptes_network.byte_ranges import ReadRange

MAX_ENTRIES = 256
MAX_VALUE_BYTES = 16_384
"""Twice the longest useful tag, Canon's ColorData."""

_ENTRY = struct.Struct("<HHI4s")
_ASCII, _RATIONAL, _SRATIONAL = 2, 5, 10
_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i"}
"""Type of a value → its code in `struct`."""
_ITEM_BYTES = {_ASCII: 1, _RATIONAL: 8, _SRATIONAL: 8} | {
    kind: struct.calcsize(code) for kind, code in _NUMBERS.items()
}


@dataclass(frozen=True, slots=True)
class Value:
    """The value of a tag: its type, its offset in the file, and its bytes.

    `data` is empty if the value is longer than `MAX_VALUE_BYTES` or than the file.
    """

    kind: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Directory:
    """An image file directory: its values by tag, and the offset of the next directory."""

    values: dict[int, Value]
    following: int = 0

    def integers(self, tag: int) -> tuple[int, ...]:
        """Return a tag's integers; empty if the tag is missing or has another type."""
        value = self.values.get(tag)
        if value is None or value.kind not in _NUMBERS:
            return ()
        size = _ITEM_BYTES[value.kind]
        count = len(value.data) // size
        return struct.unpack(f"<{count}{_NUMBERS[value.kind]}", value.data[: count * size])

    def integer(self, tag: int) -> int | None:
        """Return a tag's first integer; None if there is none."""
        return next(iter(self.integers(tag)), None)

    def real(self, tag: int) -> float | None:
        """Return a tag's first number, integer or fraction; None if there is no finite one."""
        value = self.values.get(tag)
        if value is None or value.kind not in (_RATIONAL, _SRATIONAL):
            return self.integer(tag)
        if len(value.data) < 8:
            return None
        top, bottom = struct.unpack("<ii" if value.kind == _SRATIONAL else "<II", value.data[:8])
        return top / bottom if bottom and math.isfinite(top / bottom) else None

    def text(self, tag: int) -> str | None:
        """Return a tag's text up to its first NUL, printable ASCII only; None if it is empty."""
        value = self.values.get(tag)
        if value is None or value.kind != _ASCII:
            return None
        text = value.data.split(b"\0", 1)[0].decode("ascii", "ignore")
        return "".join(filter(str.isprintable, text)).strip() or None


def read_directory(read: ReadRange, offset: int) -> Directory:
    """Read the directory at `offset`; entries beyond the end of the file are skipped."""
    count = int.from_bytes(read(offset, 2), "little")
    table = read(offset + 2, min(count, MAX_ENTRIES) * _ENTRY.size + 4)
    whole = len(table) // _ENTRY.size * _ENTRY.size
    values: dict[int, Value] = {}
    for place in range(0, min(whole, count * _ENTRY.size), _ENTRY.size):
        tag, kind, items, inline = _ENTRY.unpack_from(table, place)
        values.setdefault(tag, _value(read, kind, items, inline, offset + 2 + place + 8))
    behind = table[count * _ENTRY.size :]
    return Directory(values, int.from_bytes(behind, "little") if len(behind) == 4 else 0)


def _value(read: ReadRange, kind: int, items: int, inline: bytes, inline_offset: int) -> Value:
    """Return a value stored in its entry (up to 4 bytes) or at the offset in the entry."""
    size = _ITEM_BYTES.get(kind, 0) * items
    if size <= len(inline):
        return Value(kind, inline_offset, inline[:size])
    offset = int.from_bytes(inline, "little")
    return Value(kind, offset, read(offset, size) if size <= MAX_VALUE_BYTES else b"")
