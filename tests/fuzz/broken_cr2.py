"""CR2 files that lie, from a small one of a simulated sky."""

import struct
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

from hypothesis import strategies as st

from simulator import simulate
from tests.fuzz.mutations import EXTREME, Mutation
from tests.service.support.bad_cr2 import FILES
from tests.service.support.raw_frames import SMALL

_TAGS = (
    *(0x0100, 0x0101, 0x0102, 0x0103, 0x010F, 0x0110, 0x0111, 0x0112, 0x0115, 0x0116, 0x0117),
    *(0x014A, 0x0201, 0x0202, 0x8769, 0x927C, 0x8827, 0x829A, 0x9003, 0xA002, 0xA20E, 0xA210),
    *(0xA431, 0x0004, 0x0096, 0x00AA, 0x00E0, 0x4001, 0xC640, 0xC5D8, 0xC6C5),
)
_KINDS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 255, 65535)


@cache
def whole() -> bytes:
    """Return a sound CR2, small so that a decoder is done with it in a millisecond."""
    with tempfile.TemporaryDirectory() as folder:
        [frame] = simulate(replace(SMALL, width=200, height=200))
        return frame.write(Path(folder)).read_bytes()


def corpus() -> list[bytes]:
    """Return files that are broken on purpose, each in one way."""
    return [whole(), *(make() for make, _ in FILES.values())]


def _entry(tag: int, field: int, value: int, kind: int) -> Mutation:
    """Set type, count or value of a tag, wherever its entry is found first."""

    def change(data: bytes) -> bytes:
        at = data.find(struct.pack("<H", tag), 16)
        if not 0 < at < len(data) - 12:
            return data
        forms = ((2, "<H", kind), (4, "<I", value), (8, "<I", value))
        place, form, number = forms[field]
        new = struct.pack(form, number)
        return data[: at + place] + new + data[at + place + len(new) :]

    return change


def _jpeg(byte: int, value: int) -> Mutation:
    """Set a byte of the lossless JPEG's own headers."""

    def change(data: bytes) -> bytes:
        start = data.find(b"\xff\xd8\xff\xc4")
        at = max(start, 0) + byte
        return data[:at] + bytes([value]) + data[at + 1 :] if at < len(data) else data

    return change


TAGS: st.SearchStrategy[Mutation] = st.one_of(
    st.builds(
        _entry,
        st.sampled_from(_TAGS),
        st.integers(0, 2),
        st.sampled_from(EXTREME) | st.integers(0, 100_000),
        st.sampled_from(_KINDS),
    ),
    st.builds(_jpeg, st.integers(0, 120), st.integers(0, 255)),
)
