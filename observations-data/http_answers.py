"""What holds for all answers over HTTP: validators, compression, and who may read them."""

from flask import Flask, Response, request
from flask_compress import Compress

SHARED_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
EXPOSED_HEADERS = (
    "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag, Link, Retry-After,"
    " X-Total-Count"
)
ASKED_HEADERS = "Accept, If-None-Match, If-Range, Range"
PREFLIGHT_S = 86400
"""A browser asks no more often whether it may; the answer never changes."""
COMPRESSED = ("application/json", "application/problem+json", "application/x-votable+xml")
"""What is worth it, with text of any kind; files of the buckets are compressed as they are."""
UNSHARED = frozenset({"metrics"})
"""Endpoints that only their own callers read."""


def register(app: Flask) -> None:
    """Let every answer of `app` have an ETag, be compressed for who wants it, and be shared."""
    app.config.update(
        COMPRESS_MIMETYPES=[*COMPRESSED, "text/csv", "text/css", "text/html", "text/plain"],
        COMPRESS_ALGORITHM=["zstd", "br", "gzip"],
        COMPRESS_ALGORITHM_STREAMING=["zstd", "br", "gzip"],
    )
    # The last to be registered is the first to run: the ETag is there when the compression
    # puts its own name to it.
    app.after_request(forget_time)
    Compress(app)
    app.after_request(validate)
    app.after_request(share)


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


def share(response: Response) -> Response:
    """Let scripts of pages of any origin read what everybody may read (Fetch standard, CORS)."""
    if request.method not in SHARED_METHODS or request.endpoint in UNSHARED:
        return response
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = ", ".join(sorted(SHARED_METHODS))
        response.headers["Access-Control-Allow-Headers"] = ASKED_HEADERS
        response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_S)
    return response
