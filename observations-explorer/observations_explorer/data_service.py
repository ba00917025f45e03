"""Requests to observations-data: JSON to display, or responses to forward."""

import re
from collections.abc import Callable, Mapping
from time import monotonic
from typing import TypeVar
from urllib.parse import quote

import requests
from flask import Response, g, request
from werkzeug.exceptions import BadGateway, BadRequest, HTTPException, NotFound, ServiceUnavailable

from panoptes_network.config import settings
from panoptes_network.errors import PermanentError, TransientError
from panoptes_network.ids import check_safe
from panoptes_network.telemetry import trace
from panoptes_network.web import identity_token
from panoptes_network.web.retry_after import RETRY_AFTER_S

R = TypeVar("R")

READY_TIMEOUT_S = 8
"""observations-data allows its dependencies 5 seconds."""
PIECE_BYTES = 2**18
CONDITIONS_FAILED = frozenset({412, 416})
"""Statuses for If-Match and Range, for the client that sent these headers."""
PASSED_ON = (
    "Accept",
    "Accept-Encoding",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "Range",
)
"""Request headers that observations-data supports."""
PASSED_BACK = (
    "Accept-Ranges",
    "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers",
    "Cache-Control",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "ETag",
    "Last-Modified",
    "Link",
    "Retry-After",
    "Vary",
)
"""Response headers about the content; policies are the explorer's own."""
NOT_PUBLIC = frozenset({"metrics"})
"""First parts of paths that the explorer may request, but does not forward to clients."""


def fetch(kind: Callable[..., R], path: str, /, **parameters: str) -> R:
    """Return the JSON object from observations-data, which is of a kind of `responses`.

    Raises
    ------
    werkzeug.exceptions.HTTPException
        BadRequest or NotFound with its message; ServiceUnavailable if it or its database is
        unavailable; BadGateway for any other response.
    """
    return _record(kind, _ask("GET", path, params=parameters))


def post(kind: Callable[..., R], path: str) -> R:
    """Post an empty JSON object; return the JSON object from observations-data.

    Raises
    ------
    werkzeug.exceptions.HTTPException
        As `fetch`.
    """
    headers = {"Content-Type": "application/json"}
    return _record(kind, _ask("POST", path, headers=headers, data=b"{}"))


def missing() -> str | None:
    """Return in words why pages cannot be shown; None if they can."""
    try:
        answer = _ask("GET", "/ready", timeout_s=READY_TIMEOUT_S)
    except ServiceUnavailable:
        return "observations-data is not reachable"
    return None if answer.ok else f"observations-data: {_detail(answer) or answer.status_code}"


def _record(kind: Callable[..., R], answer: requests.Response) -> R:
    if not answer.ok:
        raise _fault(answer)
    try:
        found = answer.json()
    except requests.JSONDecodeError as error:
        raise BadGateway("The data service returned something that is not JSON.") from error
    if not isinstance(found, dict):
        raise BadGateway("The data service returned something unexpected.")
    return kind(**found)


def send_file_on(bucket: str, path: str) -> Response:
    """Stream a file from observations-data as the response to the current request.

    Raises
    ------
    werkzeug.exceptions.HTTPException
        As `fetch`; errors are pages, as a reader who followed a link expects.
    """
    _require_safe(path)
    # A compressed file would have another length, and other ranges.
    headers = {**_passed_on(), "Accept-Encoding": "identity"}
    path = f"/files/{bucket}/{quote(path)}"
    upstream = _ask(request.method, path, headers=headers, stream=True)
    if upstream.status_code >= 400 and upstream.status_code not in CONDITIONS_FAILED:
        with upstream:
            raise _fault(upstream)
    return _sent_on(upstream)


def send_answer_on(path: str) -> Response:
    """Forward the response of observations-data to the current request, including errors.

    So a program needs only one URL, and scripts of a page use its own origin.

    Raises
    ------
    werkzeug.exceptions.HTTPException
        NotFound for a path that is not public; ServiceUnavailable if observations-data is
        unavailable.
    """
    if path:
        _require_safe(path)
    if path.partition("/")[0] in NOT_PUBLIC:
        raise NotFound
    # Without the header, the client library would request encodings that it decodes itself.
    headers = {"Accept-Encoding": "identity", **_passed_on()}
    query = request.query_string
    return _sent_on(
        _ask(request.method, f"/{quote(path)}", headers=headers, params=query, stream=True)
    )


def _require_safe(path: str) -> None:
    try:
        check_safe(path)
    except PermanentError as error:
        raise NotFound(error.message) from error


def _passed_on() -> dict[str, str]:
    return {name: request.headers[name] for name in PASSED_ON if name in request.headers}


def _sent_on(upstream: requests.Response) -> Response:
    """Respond with the bytes as they arrive, compressed or not."""
    pieces = upstream.raw.stream(PIECE_BYTES, decode_content=False)
    answer = Response(pieces, status=upstream.status_code)
    known = {name: upstream.headers[name] for name in PASSED_BACK if name in upstream.headers}
    answer.headers.update(known)
    answer.call_on_close(upstream.close)
    return answer


def _ask(
    method: str,
    path: str,
    timeout_s: float | None = None,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | bytes | None = None,
    *,
    data: bytes | None = None,
    stream: bool = False,
) -> requests.Response:
    url = settings().observations_data_url.rstrip("/") + path
    limit_s = _time_left_s() if timeout_s is None else timeout_s
    try:
        sent = {**(headers or {}), **trace.headers(), **identity_token.headers(url)}
        return requests.request(
            method,
            url,
            headers=sent,
            params=params,
            data=data,
            stream=stream,
            timeout=limit_s,
            allow_redirects=False,
        )
    except (requests.RequestException, TransientError) as error:
        raise ServiceUnavailable(
            "The data service is not reachable at the moment. All observations are safe.",
            retry_after=RETRY_AFTER_S,
        ) from error


def _time_left_s() -> float:
    """Return the remaining time for the current request's calls."""
    if "asks_until" not in g:
        g.asks_until = monotonic() + settings().page_timeout_s
    left_s: float = g.asks_until - monotonic()
    # Once it is over, immediate responses may still arrive.
    return max(left_s, 0.1)


def _fault(answer: requests.Response) -> HTTPException:
    if answer.status_code == 400:
        return BadRequest(_detail(answer))
    if answer.status_code == 404:
        return NotFound(_detail(answer))
    if answer.status_code in (429, 503):
        return ServiceUnavailable(
            "The data service is busy or unavailable at the moment. All observations are safe.",
            retry_after=_retry_after_s(answer),
        )
    return BadGateway(f"The data service failed with status {answer.status_code}.")


def _retry_after_s(answer: requests.Response) -> int:
    said = answer.headers.get("Retry-After", "")
    return int(said) if re.fullmatch("[0-9]{1,4}", said) else RETRY_AFTER_S


def _detail(answer: requests.Response) -> str | None:
    try:
        return str(answer.json()["detail"])
    except (requests.JSONDecodeError, KeyError, TypeError):
        return None
