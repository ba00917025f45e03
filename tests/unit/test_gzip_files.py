"""Gzip files: what is in them is read in ranges or unpacked, and broken ones have a reason."""

import gzip
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from panoptes_network import gzip_files
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.gzip_files import HEAD_BYTES, Content, content_of, unpack

DATA = np.random.default_rng(1).integers(0, 50, 300_000, dtype=np.uint8).tobytes()
PACKED = gzip.compress(DATA)


def ranges(data: bytes, start: int, length: int) -> bytes:
    return data[start : start + length]


def content(data: bytes) -> Content:
    return content_of(partial(ranges, data), len(data))


WAYS = {
    "plain": DATA,
    "packed": PACKED,
    "packed twice": gzip.compress(PACKED),
    "in two members": gzip.compress(DATA[:100_000]) + gzip.compress(DATA[100_000:]),
    "with zeros after it": PACKED + bytes(512),
}


@pytest.mark.parametrize("stored", WAYS.values(), ids=WAYS.keys())
def test_what_is_in_a_file_is_read_whatever_its_packing(stored: bytes, tmp_path: Path) -> None:
    found = content(stored)
    for start, length in ((0, 9), (200_000, 99), (HEAD_BYTES - 5, 10), (len(DATA) - 1, 9)):
        assert found.read(start, length) == DATA[start : start + length]
    assert found.size == len(DATA)
    assert found.read(0, 99) == DATA[:99]
    assert found.read(len(DATA), 9) == b""
    path = tmp_path / "file"
    path.write_bytes(stored)
    unpack(path)
    assert path.read_bytes() == DATA
    assert list(tmp_path.iterdir()) == [path]


def test_a_plain_file_is_asked_for_its_head_once() -> None:
    asked = []

    def read(start: int, length: int) -> bytes:
        asked.append((start, length))
        return DATA[start : start + length]

    found = content_of(read, len(DATA))
    assert found.read(0, HEAD_BYTES) == DATA[:HEAD_BYTES]
    assert asked == [(0, HEAD_BYTES)]


BROKEN = {
    "cut": (PACKED[:-1000], Reason.TRUNCATED),
    "cut in its head": (PACKED[:5], Reason.TRUNCATED),
    "damaged": (PACKED[:50_000] + bytes(500) + PACKED[50_500:], Reason.DAMAGED_FILE),
    "wrong checksum": (PACKED[:-8] + bytes(8), Reason.DAMAGED_FILE),
    "of no gzip": (b"\x1f\x8b\x07" + bytes(99), Reason.DAMAGED_FILE),
}


@pytest.mark.parametrize(("stored", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_has_a_reason(stored: bytes, reason: Reason, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(stored)
    with pytest.raises(PermanentError) as caught:
        unpack(path)
    assert caught.value.reason is reason
    with pytest.raises(PermanentError) as caught:
        assert content(stored).size
    assert caught.value.reason is reason


def test_a_file_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gzip_files, "MAX_UNPACKED_BYTES", 10_000_000)
    bomb = gzip.compress(bytes(20_000_000))
    with pytest.raises(PermanentError) as caught:
        assert content(bomb).size
    assert caught.value.reason is Reason.TOO_LARGE
    assert content(bomb).read(15_000_000, 9) == b""
    path = tmp_path / "bomb"
    path.write_bytes(bomb)
    with pytest.raises(PermanentError, match="more than 5000000 bytes"):
        unpack(path, 5_000_000)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 8_000_000
