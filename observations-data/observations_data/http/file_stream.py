"""A file streamed from its bucket in chunks, or a requested range of it."""

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from itertools import chain
from pathlib import PurePosixPath

from flask import Response, request
from werkzeug.exceptions import PreconditionFailed

from observations_data import file_storage
from observations_data.http.file_ranges import answer_range
from panoptes_network import storage
from panoptes_network.byte_ranges import ReadRange
from panoptes_network.errors import PermanentError
from panoptes_network.gzip_files import content_of

CHUNK_BYTES = 2**20
"""Chunk size: it limits the memory of a request and the cost of a small range."""

MEDIA_TYPES = {
    ".jpg": "image/jpeg",
    ".mp4": "video/mp4",
    ".cr2": "image/x-canon-cr2",
    ".fits": "application/fits",
    ".fit": "application/fits",
    ".fts": "application/fits",
    ".fz": "application/fits",
    ".gz": "application/gzip",
    ".parquet": "application/vnd.apache.parquet",
}
"""Media types by file suffix; the bucket's metadata are never trusted."""
UNKNOWN_TYPE = "application/octet-stream"
SHOWN_TYPES = frozenset({"image/jpeg", "video/mp4"})
"""Types that a browser may display inline: neither can contain code."""
PICTURE_TYPE = "image/jpeg"
FRESH_S, STALE_S = 60, 604_800
"""A browser shows a cached picture for a minute without checking, and for a week while checking."""


def send(bucket: str, path: str) -> Response:
    """Respond to the current request with the object `path` of `bucket`.

    Ranges and conditions (Range, If-Range, If-Match, If-None-Match) are supported: see
    `file_ranges`. The object's generation is its ETag, so that a resumed download never mixes two
    versions. An object stored with Content-Encoding: gzip is sent unpacked, as its name says.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, if the bucket no longer has it.
    TransientError
        If storage is unavailable.
    werkzeug.exceptions.PreconditionFailed
        If the bucket's version is not in If-Match.
    """
    stored = file_storage.find(bucket, path)
    version = str(stored.generation)
    _require_version(version)
    media_type = MEDIA_TYPES.get(PurePosixPath(path).suffix.lower(), UNKNOWN_TYPE)
    read, size = _content(stored)
    response = Response(mimetype=media_type, direct_passthrough=True)
    disposition = "inline" if media_type in SHOWN_TYPES else "attachment"
    response.headers.set("Content-Disposition", disposition, filename=path.rpartition("/")[2])
    if media_type == PICTURE_TYPE:
        response.cache_control.max_age = FRESH_S
        response.cache_control.stale_while_revalidate = STALE_S
    response.set_etag(version)
    if request.if_none_match.contains_weak(version):
        response.status_code = HTTPStatus.NOT_MODIFIED
        return response
    answer_range(response, size, partial(_chunks, read))
    if request.method == "GET":
        _begin(response)
    return response


def _require_version(version: str) -> None:
    """Raise PreconditionFailed if If-Match names only other versions (RFC 9110, 13.1.1).

    Werkzeug's `make_conditional` only sets the status, and also sets it for ``If-Match: *``.
    """
    wanted = request.if_match
    if wanted and not wanted.star_tag and not wanted.is_strong(version):
        raise PreconditionFailed("The file has changed: request it without If-Match.")


def _content(stored: storage.StoredObject) -> tuple[ReadRange, int]:
    """Return a reader of an object's content, and its size.

    A compressed object is unpacked once to find its size; if that fails, it is sent as stored.
    """
    read: ReadRange = partial(file_storage.read_range, stored)
    if stored.content_encoding == "gzip":
        with suppress(PermanentError):
            content = content_of(read, stored.size, layers=1)
            return content.read, content.size
    return read, stored.size


def _chunks(read: ReadRange, first: int, last: int) -> Iterator[bytes]:
    """Yield the bytes from `first` to `last`, inclusive; each chunk is read on demand."""
    position = first
    while position <= last:
        chunk = read(position, min(CHUNK_BYTES, last + 1 - position))
        if not chunk:
            return
        yield chunk
        position += len(chunk)


def _begin(response: Response) -> None:
    """Read the first chunk: before the first byte is sent, a failure can still set the status."""
    pieces = iter(response.iter_encoded())
    response.response = chain([next(pieces, b"")], pieces)
