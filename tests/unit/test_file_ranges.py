"""Ranges of a file as RFC 9110, section 14, has them."""

import pytest

from observations_data.http.file_ranges import MAX_RANGES, ByteRange, parse_ranges


@pytest.mark.parametrize(
    ("header", "ranges"),
    [
        ("bytes=0-0", [(0, 0)]),
        ("bytes=2-", [(2, 9)]),
        ("bytes=-3", [(7, 9)]),
        ("bytes=-30", [(0, 9)]),
        ("bytes=8-30", [(8, 9)]),
        ("BYTES = 0-1 , 4-5,,", [(0, 1), (4, 5)]),
        ("bytes=0-1,20-30", [(0, 1)]),
        ("bytes=10-", []),
        ("bytes=-0", []),
        # Invalid, of another unit, or asking for too much: the header is ignored.
        ("bytes=5-2", None),
        ("bytes=a-b", None),
        ("bytes=", None),
        ("bytes", None),
        ("bytes=0-1;2-3", None),
        ("bytes=٣-", None),
        ("lines=0-1", None),
        ("bytes=0-8,1-9", None),
        ("bytes=" + ",".join(["0-0"] * (MAX_RANGES + 1)), None),
    ],
)
def test_ranges(header: str, ranges: list[tuple[int, int]] | None) -> None:
    expected = None if ranges is None else [ByteRange(*each) for each in ranges]
    assert parse_ranges(header, 10) == expected


def test_an_empty_file_has_no_range() -> None:
    assert parse_ranges("bytes=0-", 0) == []
    assert parse_ranges("bytes=-5", 0) == []
