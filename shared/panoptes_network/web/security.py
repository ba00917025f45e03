"""Protection of the web services: request guard, security headers, rate limits, counters."""

import ipaddress
import math
import time
from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from flask import Flask, Response, request
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from werkzeug.exceptions import Forbidden, ServiceUnavailable, TooManyRequests, Unauthorized
from werkzeug.middleware.proxy_fix import ProxyFix

from panoptes_network.config import settings
from panoptes_network.errors import TransientError
from panoptes_network.telemetry import instrumentation, log, metrics, trace
from panoptes_network.web import (
    admission,
    authentication,
    cross_site,
    public_url,
    redirects,
    request_guard,
)

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
HTTPS_ONLY = "max-age=31536000"
"""Browsers use only https for a year (RFC 6797)."""

_OF_PROXIES = ("Forwarded", "Via", "X-Forwarded-For", "X-Real-IP")
"""Headers that a proxy adds to forwarded requests."""


def secure(
    app: Flask,
    content_policy: str,
    resource_policy: str = "same-origin",
    queries: Collection[str] = (),
) -> None:
    """Protect all responses of `app`, including errors.

    Every response has the security headers. Every request is traced, logged and counted, and a
    client that exceeds its rate limit gets 429. Requests that are too long or have text that cannot
    be stored are refused before any work; those over the concurrency limit get 503. None of this
    affects ``/health``. Requests other than GET must be JSON and are refused to other sites' pages.
    Redirects name no host. ``/metrics`` has the counters, for the callers in ``ALLOWED_CALLERS``
    or, if there are none, for programs on this machine.

    Parameters
    ----------
    content_policy : str
        The Content-Security-Policy: the sources that a page of this service may load from.
    resource_policy : str
        The Cross-Origin-Resource-Policy: the pages that may load this service's responses.
    queries : collection of str
        Endpoints whose POST changes nothing, or only what a secret in its path allows: their forms
        may come from any site.
    """
    policies = {
        "Content-Security-Policy": content_policy,
        "Cross-Origin-Resource-Policy": resource_policy,
    }
    instrumentation.instrument(app, log.service())
    app.before_request(_refuse_when_busy)
    app.before_request(_limiter(settings().rate_limit))
    app.before_request(_refuse_other_names)
    app.before_request(lambda: _guard(queries))
    app.add_url_rule("/metrics", "metrics", _metrics)
    if proxies := settings().trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]

    app.after_request(redirects.make_relative)
    app.wsgi_app = admission.Admission(app.wsgi_app)  # type: ignore[method-assign]

    @app.after_request
    def add_headers(response: Response) -> Response:
        # A page that needs more sets its own header.
        for name, policy in {**policies, **HEADERS}.items():
            response.headers.setdefault(name, policy)
        if request.is_secure:
            response.headers["Strict-Transport-Security"] = HTTPS_ONLY
        # Pages may change at any time; errors must not be cached.
        response.headers.setdefault(
            "Cache-Control", "no-cache" if response.status_code < 400 else "no-store"
        )
        return response


def _refuse_when_busy() -> None:
    if admission.is_refused():
        raise ServiceUnavailable(admission.BUSY, retry_after=admission.RETRY_AFTER_S)


def _guard(queries: Collection[str]) -> None:
    request_guard.check(request)
    # Unknown routes get 404, and their body is not read.
    if request.routing_exception is None:
        if request.endpoint not in queries:
            cross_site.check(request, public_url.is_own_origin)
        request_guard.check_body(request)


def _limiter(limit: str) -> Callable[[], None]:
    limiter, item = SlidingWindowCounterRateLimiter(MemoryStorage()), parse(limit)

    def check() -> None:
        if request.path in admission.ALWAYS:
            return
        client = _client(request.remote_addr or "")
        if not limiter.hit(item, client):
            trace.note(reason_code="too_many_requests")
            wait_s = limiter.get_window_stats(item, client).reset_time - time.time()
            raise TooManyRequests(retry_after=max(1, math.ceil(wait_s)))

    return check


def _refuse_other_names() -> None:
    if not settings().trusted_proxies:  # else the proxy must check host names
        cross_site.check_host(request, *filter(None, [urlsplit(settings().public_url).hostname]))


def _metrics() -> Response:
    """Return this process's metrics as OpenMetrics text."""
    try:
        account = authentication.check(request.headers, public=True)
    except authentication.RefusedError as error:
        raise (Unauthorized if error.status == 401 else Forbidden)(str(error)) from None
    except TransientError as error:
        raise ServiceUnavailable(str(error), retry_after=10) from None
    if account is None and not _is_from_this_machine():
        raise Forbidden("metrics are only for callers named in ALLOWED_CALLERS")
    return metrics.exposition()


def _is_from_this_machine() -> bool:
    """Return whether the client is a program on this machine, not a proxy for a remote one."""
    if settings().trusted_proxies or any(name in request.headers for name in _OF_PROXIES):
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _client(address: str) -> str:
    """Return the client that an address stands for: in IPv6 a client has a whole /64."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if known.version == 4:
        return address
    return str(ipaddress.ip_network((known, 64), strict=False))
