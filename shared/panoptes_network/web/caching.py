"""ETags and compression of what the web services answer."""

from flask import Flask, Response, request
from flask_compress import Compress

COMPRESSED = (
    "application/json",
    "application/problem+json",
    "application/x-votable+xml",
    "image/svg+xml",
    "text/css",
    "text/csv",
    "text/html",
    "text/javascript",
    "text/plain",
)
"""What is worth it; files of the buckets are compressed as they are."""


def register(app: Flask) -> None:
    """Let every answer of `app` have an ETag, and be compressed for who wants it."""
    app.config.update(
        COMPRESS_MIMETYPES=COMPRESSED,
        COMPRESS_ALGORITHM=["zstd", "br", "gzip"],
        COMPRESS_ALGORITHM_STREAMING=["zstd", "br", "gzip"],
    )
    # The last to be registered is the first to run: the ETag is there when the compression
    # puts its own name to it.
    app.after_request(forget_time)
    Compress(app)
    app.after_request(validate)


def validate(response: Response) -> Response:
    """Give an answer an ETag of its bytes, and answer 304 to who has it."""
    is_read = request.method in {"GET", "HEAD"} and response.status_code == 200
    if is_read and not response.is_streamed and not response.get_etag()[0]:
        response.add_etag()
        response.make_conditional(request)
    return response


def forget_time(response: Response) -> Response:
    """Take the time out of the header of gzip (RFC 1952, 2.3): one ETag means the same bytes."""
    is_packed = response.content_encoding == "gzip" and not response.is_streamed
    if is_packed and response.status_code == 200:
        packed = response.get_data()
        response.set_data(packed[:4] + bytes(4) + packed[8:])
    return response
