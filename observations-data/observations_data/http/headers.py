"""Headers of every response: validators, compression, and cross-origin access (CORS)."""

from flask import Flask, Response, request

from panoptes_network.web import caching

SHARED_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
EXPOSED_HEADERS = (
    "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag, Link, Retry-After,"
    " X-Total-Count"
)
ASKED_HEADERS = "Accept, If-None-Match, If-Range, Range"
PREFLIGHT_S = 86400
"""A browser asks no more often whether it may; the answer never changes."""
UNSHARED = frozenset({"metrics"})
"""Endpoints that only their own callers read."""


def register(app: Flask) -> None:
    """Let every answer of `app` have an ETag, be compressed for who wants it, and be shared."""
    caching.register(app)
    app.after_request(share)


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
