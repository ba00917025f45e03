"""A trace, a log line and metrics for every request to a service."""

import logging
from contextlib import ExitStack
from time import monotonic

from flask import Flask, Response, g, request

from panoptes_network.telemetry import metrics, trace

PROBES = ("/health", "/ready", "/metrics")

_log = logging.getLogger(__name__)


def instrument(app: Flask, service: str) -> None:
    """Trace, log and count each request to `app`."""

    @app.before_request
    def begin() -> None:
        g.started = monotonic()
        g.work = ExitStack()
        g.work.enter_context(trace.work(_carrier(), service=service))

    @app.after_request
    def end(response: Response) -> Response:
        _record(service, response)
        return response

    @app.teardown_request
    def close(_: BaseException | None) -> None:
        if "work" in g:
            g.work.close()


def _record(service: str, response: Response) -> None:
    seconds = monotonic() - g.started
    reason = str(trace.noted("reason_code") or "")
    metrics.count(service, _route(), response.status_code, reason, seconds)
    _log.log(
        _level(response.status_code),
        "%s %s: %s",
        # Without the query, which may contain anything.
        *(request.method, request.path[:1024], response.status_code),
        extra={"status": response.status_code, "duration_s": round(seconds, 4)},
    )


def _level(status: int) -> int:
    """Return the log level: frequent probes are logged only on failure, refused callers always."""
    if status >= 500 or status in (401, 403):
        return logging.WARNING
    return logging.DEBUG if request.path in PROBES else logging.INFO


def _carrier() -> dict[str, str]:
    return {name: request.headers.get(name, "") for name in (trace.PARENT, trace.CLOUD)}


def _route() -> str:
    """Return the path's route pattern: the number of paths is unlimited."""
    if request.path in PROBES:
        return request.path
    return request.url_rule.rule if request.url_rule else "none"
