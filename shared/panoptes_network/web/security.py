"""What the web services share: a guard of requests, strict headers, limits, counters."""

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
"""For a year a browser comes back by https only (RFC 6797)."""

_OF_PROXIES = ("Forwarded", "Via", "X-Forwarded-For", "X-Real-IP")
"""Headers that a proxy adds to what it sends on."""


def secure(
    app: Flask,
    content_policy: str,
    resource_policy: str = "same-origin",
    queries: Collection[str] = (),
) -> None:
    """Guard what `app` answers, errors included.

    Every answer has the security headers, every request is traced, logged and counted, and an
    address that asks too often is answered 429. A request that is too long, or has text that
    cannot be stored, is refused before it is worked on; one for which there is no room is
    answered 503. Neither keeps ``/health`` from its answer. What is not read by GET has to be
    JSON, and is refused to pages of other sites; a redirect names no host. ``/metrics`` has the
    counters; it is for the callers of ``ALLOWED_CALLERS``, and where there are none for programs
    on this machine.

    Parameters
    ----------
    content_policy : str
        The Content-Security-Policy: from where a page of this service may load anything.
    resource_policy : str
        The Cross-Origin-Resource-Policy: whose pages may load what this service answers.
    queries : collection of str
        Endpoints that change nothing when they are asked by POST: a form may come from anywhere.
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
        # A page that needs more says so itself.
        for name, policy in {**policies, **HEADERS}.items():
            response.headers.setdefault(name, policy)
        if request.is_secure:
            response.headers["Strict-Transport-Security"] = HTTPS_ONLY
        # A page may change at any time; an error is not to be shown again.
        response.headers.setdefault(
            "Cache-Control", "no-cache" if response.status_code < 400 else "no-store"
        )
        return response


def _refuse_when_busy() -> None:
    if admission.is_refused():
        raise ServiceUnavailable(admission.BUSY, retry_after=admission.RETRY_AFTER_S)


def _guard(queries: Collection[str]) -> None:
    request_guard.check(request)
    # What there is no route for is answered as such, and its body left alone.
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
    if not settings().trusted_proxies:  # else it is the proxy that has to know its names
        cross_site.check_host(request, *filter(None, [urlsplit(settings().public_url).hostname]))


def _metrics() -> Response:
    """Tell what this process counted, as OpenMetrics."""
    try:
        account = authentication.check(request.headers, public=True)
    except authentication.RefusedError as error:
        raise (Unauthorized if error.status == 401 else Forbidden)(str(error)) from None
    except TransientError as error:
        raise ServiceUnavailable(str(error), retry_after=10) from None
    if account is None and not _is_from_this_machine():
        raise Forbidden("metrics are for the callers that ALLOWED_CALLERS names")
    return metrics.exposition()


def _is_from_this_machine() -> bool:
    """Return whether a program on this machine asks, and not a proxy for somebody elsewhere."""
    if settings().trusted_proxies or any(name in request.headers for name in _OF_PROXIES):
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _client(address: str) -> str:
    """Return whom an address stands for: in IPv6 a client has a whole /64 of them."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if known.version == 4:
        return address
    return str(ipaddress.ip_network((known, 64), strict=False))
