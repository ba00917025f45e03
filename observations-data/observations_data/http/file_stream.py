"""A file, streamed from its bucket piece by piece; a range of it where one is asked for."""

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
"""Read from the bucket at once: bounds the memory of a request, and what a small range costs."""

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
"""What a file is, by the end of its name; what a bucket says of it is never believed."""
UNKNOWN_TYPE = "application/octet-stream"
SHOWN_TYPES = frozenset({"image/jpeg", "video/mp4"})
"""What a browser may show in place: neither can hold anything that runs."""
PICTURE_TYPE = "image/jpeg"
FRESH_S, STALE_S = 60, 604_800
"""A browser shows a picture that it has for a minute without asking, for a week while it asks."""


def send(bucket: str, path: str) -> Response:
    """Answer the request at hand with the object `path` of `bucket`.

    Ranges and conditions (Range, If-Range, If-Match, If-None-Match) are followed: see
    `file_ranges`. The object's generation is its ETag, so that a resumed download never mixes two
    versions. An object that was stored with Content-Encoding: gzip is sent as its name says,
    unpacked.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, when the bucket no longer has it.
    TransientError
        When storage is away.
    werkzeug.exceptions.PreconditionFailed
        When the bucket has another version than If-Match names.
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
    """Raise PreconditionFailed where If-Match names other versions only (RFC 9110, 13.1.1).

    Werkzeug's `make_conditional` sets the status alone, and sets it for ``If-Match: *``, too.
    """
    wanted = request.if_match
    if wanted and not wanted.star_tag and not wanted.is_strong(version):
        raise PreconditionFailed("The file has changed: ask for it without If-Match.")


def _content(stored: storage.StoredObject) -> tuple[ReadRange, int]:
    """Return what an object's file is read by, and its size.

    What was stored packed is unpacked once to know its size; where that fails, it is sent as it
    is stored.
    """
    read: ReadRange = partial(file_storage.read_range, stored)
    if stored.content_encoding == "gzip":
        with suppress(PermanentError):
            content = content_of(read, stored.size, layers=1)
            return content.read, content.size
    return read, stored.size


def _chunks(read: ReadRange, first: int, last: int) -> Iterator[bytes]:
    """Return the bytes from `first` to `last`, both included; each chunk is read when it is due."""
    position = first
    while position <= last:
        chunk = read(position, min(CHUNK_BYTES, last + 1 - position))
        if not chunk:
            return
        yield chunk
        position += len(chunk)


def _begin(response: Response) -> None:
    """Read the first piece: a fault has a status of its own until the first byte is sent."""
    pieces = iter(response.iter_encoded())
    response.response = chain([next(pieces, b"")], pieces)
