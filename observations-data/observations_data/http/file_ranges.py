"""Ranges of a file (RFC 9110, 14): the bytes that a request gets, and the response."""

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flask import Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable

MAX_RANGES = 16
"""Maximum ranges per request; more are answered with the whole file (RFC 9110, 14.2)."""
_RANGE = re.compile(r"(?P<first>[0-9]{1,19})-(?P<last>[0-9]{0,19})|-(?P<suffix>[0-9]{1,19})")

Chunks = Callable[[int, int], Iterator[bytes]]
"""Returns a file's bytes from the first to the last, inclusive."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes from `first` to `last`, inclusive."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """Number of bytes."""
        return self.last - self.first + 1

    def content_range(self, size: int) -> str:
        """Return its Content-Range header."""
        return f"bytes {self.first}-{self.last}/{size}"


def parse_ranges(header: str, size: int) -> list[ByteRange] | None:
    """Return the ranges of a Range header in a file of `size` bytes.

    Returns
    -------
    list of ByteRange or None
        Empty if none is satisfiable. None if the header must be ignored: it is invalid, has another
        unit, or requests too many ranges or more than the file.
    """
    unit, _, listed = header.partition("=")
    matches = [_RANGE.fullmatch(text.strip()) for text in listed.split(",") if text.strip()]
    if unit.strip().lower() != "bytes" or not 1 <= len(matches) <= MAX_RANGES:
        return None
    found = []
    for match in matches:
        if match is None or (match["last"] and int(match["last"]) < int(match["first"])):
            return None
        found.append(_range_of(match, size))
    ranges = [each for each in found if each.length > 0]
    return None if sum(each.length for each in ranges) > size else ranges


def _range_of(match: re.Match[str], size: int) -> ByteRange:
    if match["suffix"]:
        return ByteRange(max(size - int(match["suffix"]), 0), size - 1)
    last = int(match["last"]) if match["last"] else size - 1
    return ByteRange(int(match["first"]), min(last, size - 1))


def answer_range(response: Response, size: int, chunks: Chunks) -> Response:
    """Turn the response with a whole file into one with the requested ranges.

    Parameters
    ----------
    response : Response
        With ETag and media type, and without bytes.
    size : int
        Size of the file.
    chunks : callable
        Reads the file.

    Raises
    ------
    RequestedRangeNotSatisfiable
        If no range is satisfiable.
    """
    response.headers["Accept-Ranges"] = "bytes"
    ranges = _wanted(response, size)
    if ranges is None:
        response.response = chunks(0, size - 1)
        response.content_length = size
    elif not ranges:
        raise RequestedRangeNotSatisfiable(length=size)
    elif len(ranges) == 1:
        [only] = ranges
        response.status_code = 206
        response.response = chunks(only.first, only.last)
        response.content_length = only.length
        response.headers["Content-Range"] = only.content_range(size)
    else:
        _answer_several(response, ranges, size, chunks)
    return response


def _wanted(response: Response, size: int) -> list[ByteRange] | None:
    """Return the ranges for the current request; None for the whole file."""
    header = request.headers.get("Range")
    condition = request.headers.get("If-Range")
    if header is None or request.method != "GET":
        return None
    if condition is not None and condition.strip() != response.headers["ETag"]:
        return None
    return parse_ranges(header, size)


def _answer_several(response: Response, ranges: list[ByteRange], size: int, chunks: Chunks) -> None:
    boundary = secrets.token_hex(16)
    heads = [
        f"\r\n--{boundary}\r\nContent-Type: {response.content_type}\r\n"
        f"Content-Range: {each.content_range(size)}\r\n\r\n".encode()
        for each in ranges
    ]
    end = f"\r\n--{boundary}--\r\n".encode()

    def parts() -> Iterator[bytes]:
        for head, each in zip(heads, ranges, strict=True):
            yield head
            yield from chunks(each.first, each.last)
        yield end

    response.status_code = 206
    response.response = parts()
    response.content_length = sum(map(len, heads)) + sum(r.length for r in ranges) + len(end)
    response.content_type = f"multipart/byteranges; boundary={boundary}"
