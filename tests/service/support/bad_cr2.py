"""CR2 files that are none, or say what cannot be, each with the reason it is refused for."""

import struct
from collections.abc import Callable

from tests.service.support.raw_frames import cr2_frames

[(_, GOOD)] = cr2_frames()
CUTS = (6, 12, 15, 17, 40, 700, 5000, len(GOOD) // 2, len(GOOD) - 3000, len(GOOD) - 3)
"""Within the header, each directory, the previews and the pixels."""


def _raw_offset() -> int:
    return int(struct.unpack_from("<I", GOOD, 12)[0])


def _strip() -> int:
    """Return where the lossless JPEG begins."""
    return int(_value_place(0x0111)[1])


def _value_place(tag: int) -> tuple[int, int]:
    """Return where the directory of the raw pixels has a tag's value, and the value."""
    offset = _raw_offset()
    for place in range(offset + 2, len(GOOD), 12):
        if struct.unpack_from("<H", GOOD, place)[0] == tag:
            return place + 8, struct.unpack_from("<I", GOOD, place + 8)[0]
    raise LookupError(tag)


def _patched(place: int, *values: int, form: str) -> bytes:
    patch = struct.pack(form, *values)
    return GOOD[:place] + patch + GOOD[place + len(patch) :]


def _sof3() -> int:
    return GOOD.index(b"\xff\xc3", _strip())


def _damaged_pixels(fill: bytes) -> bytes:
    middle = _strip() + (len(GOOD) - _strip()) // 2
    return GOOD[:middle] + fill * (len(GOOD) - middle)


def _cut(length: int) -> Callable[[], bytes]:
    return lambda: GOOD[:length]


def _looping_directories() -> bytes:
    """Every directory's offset leads to the first one, which is all the file has."""
    return struct.pack("<4sI2sBBI", b"II*\0", 16, b"CR", 2, 0, 16) + struct.pack(
        "<HHHIIHHIII", 2, 0x8769, 4, 1, 16, 0x927C, 4, 1, 16, 16
    )


FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "empty_file"),
    "one byte": (lambda: b"I", "not_cr2"),
    "text": (lambda: b"no pixels here", "not_cr2"),
    "JPEG": (lambda: b"\xff\xd8\xff\xe1" + bytes(5000), "not_cr2"),
    "NEF": (lambda: b"MM\0*" + bytes(5000), "not_cr2"),
    "DNG": (lambda: b"II*\0" + struct.pack("<I", 8) + bytes(5000), "not_cr2"),
    "FITS": (lambda: b"SIMPLE  =                    T".ljust(2880), "not_cr2"),
    "directories in a loop": (_looping_directories, "damaged_file"),
    "raw directory behind the end": (
        lambda: _patched(12, 2**32 - 1, form="<I"),
        "truncated",
    ),
    "pixels behind the end": (
        lambda: _patched(_value_place(0x0111)[0], 2**32 - 1, form="<I"),
        "truncated",
    ),
    "no pixels": (lambda: _patched(_value_place(0x0117)[0], 0, form="<I"), "damaged_file"),
    "pixels of another JPEG": (
        lambda: _patched(_sof3(), 0xFFC0, form=">H"),
        "damaged_file",
    ),
    "no JPEG": (lambda: _patched(_strip(), 0, 0, form=">II"), "damaged_file"),
    "dimensions of a bomb": (
        lambda: _patched(_sof3() + 5, 65535, 65535, 4, form=">HHB"),
        "too_large",
    ),
    "largest dimensions allowed": (
        lambda: _patched(_sof3() + 5, 5000, 2900, form=">HH"),
        "damaged_file",
    ),
    "no lines": (lambda: _patched(_sof3() + 5, 0, form=">H"), "wrong_shape"),
    "8 bits": (lambda: _patched(_sof3() + 4, 8, form="B"), "damaged_file"),
    "zeros for half of the pixels": (lambda: _damaged_pixels(b"\0"), "damaged_file"),
    "ones for half of the pixels": (lambda: _damaged_pixels(b"\xff"), "damaged_file"),
    **{f"cut at {cut}": (_cut(cut), "truncated") for cut in CUTS},
}
