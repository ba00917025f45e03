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
"""Cache time of a preflight response, which never changes."""
UNSHARED = frozenset({"metrics"})
"""Endpoints for authenticated callers only."""


def register(app: Flask) -> None:
    """Add an ETag, compression and CORS headers to every response of `app`."""
    caching.register(app)
    app.after_request(share)


def share(response: Response) -> Response:
    """Let pages of any origin read public responses (Fetch standard, CORS)."""
    if request.method not in SHARED_METHODS or request.endpoint in UNSHARED:
        return response
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = ", ".join(sorted(SHARED_METHODS))
        response.headers["Access-Control-Allow-Headers"] = ASKED_HEADERS
        response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_S)
    return response
