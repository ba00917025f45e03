"""ETags and compression of the web services' responses."""

from flask import Flask, Response, request
from flask_compress import Compress

COMPRESSED = (
    "application/atom+xml",
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
"""Media types worth compressing; files from buckets are already compressed."""


def register(app: Flask) -> None:
    """Add an ETag to every response of `app`, and compress responses for clients that accept it."""
    app.config.update(
        COMPRESS_MIMETYPES=COMPRESSED,
        COMPRESS_ALGORITHM=["zstd", "br", "gzip"],
        COMPRESS_ALGORITHM_STREAMING=["zstd", "br", "gzip"],
    )
    # Handlers run in reverse order of registration: the ETag exists when the compression adds its
    # name to it.
    app.after_request(forget_time)
    Compress(app)
    app.after_request(validate)


def validate(response: Response) -> Response:
    """Set a response's ETag from its bytes, and respond 304 to clients that have it."""
    is_read = request.method in {"GET", "HEAD"} and response.status_code == 200
    if is_read and not response.is_streamed and not response.get_etag()[0]:
        response.add_etag()
        response.make_conditional(request)
    return response


def forget_time(response: Response) -> Response:
    """Remove the time from a gzip header (RFC 1952, 2.3), so that one ETag means the same bytes."""
    is_packed = response.content_encoding == "gzip" and not response.is_streamed
    if is_packed and response.status_code == 200:
        packed = response.get_data()
        response.set_data(packed[:4] + bytes(4) + packed[8:])
    return response
