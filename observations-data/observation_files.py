"""A file, streamed from its bucket piece by piece; a range of it where one is asked for."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from flask import Response, request

from panoptes_network import storage

PIECE_BYTES = 2**20
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
}
"""What a file is, by the end of its name; what a bucket says of it is never believed."""
UNKNOWN_TYPE = "application/octet-stream"
SHOWN_TYPES = frozenset({"image/jpeg", "video/mp4"})
"""What a browser may show in place: neither can hold anything that runs."""
PICTURE_TYPE = "image/jpeg"
FRESH_S, STALE_S = 60, 604_800
"""A browser shows a picture that it has for a minute without asking, for a week while it asks."""


class Pieces:
    """A stored object's bytes piece by piece, from any byte on; each is asked for when due.

    It has what the web server needs to begin in the middle: `seekable`, `seek` and `tell`.
    """

    def __init__(self, stored: storage.StoredObject) -> None:
        self._stored = stored
        self._position = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = storage.read_range(self._stored, self._position, PIECE_BYTES)
        if not piece:
            raise StopIteration
        self._position += len(piece)
        return piece

    def seekable(self) -> bool:  # noqa: D102
        return True

    def seek(self, position: int) -> None:  # noqa: D102
        self._position = position

    def tell(self) -> int:  # noqa: D102
        return self._position


def send(bucket: str, path: str) -> Response:
    """Answer the request at hand with the object `path` of `bucket`.

    Ranges and conditions (Range, If-Range, If-None-Match) are followed; the object's
    generation is its ETag, so that a resumed download never mixes two versions.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, when the bucket no longer has it.
    TransientError
        When storage is away.
    """
    stored = storage.find(bucket, path)
    media_type = MEDIA_TYPES.get(PurePosixPath(path).suffix.lower(), UNKNOWN_TYPE)
    response = Response(Pieces(stored), mimetype=media_type, direct_passthrough=True)
    response.content_length = stored.size
    disposition = "inline" if media_type in SHOWN_TYPES else "attachment"
    response.headers.set("Content-Disposition", disposition, filename=path.rpartition("/")[2])
    if media_type == PICTURE_TYPE:
        response.cache_control.max_age = FRESH_S
        response.cache_control.stale_while_revalidate = STALE_S
    response.set_etag(str(stored.generation))
    response.make_conditional(request, accept_ranges=True, complete_length=stored.size)
    return response
