"""What each page shows, fetched from observations-data, and files sent on from there."""

from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any
from urllib.parse import quote, urlencode

import requests
from flask import Response, request
from werkzeug.exceptions import BadGateway, BadRequest, NotFound, ServiceUnavailable

import sequence_plots
from panoptes_network import tokens, trace
from panoptes_network.config import settings
from panoptes_network.errors import PermanentError, TransientError
from panoptes_network.ids import CameraTime, check_safe

Json = dict[str, Any]

PAGE_LENGTH = 50
RETRY_AFTER_S = 10
READY_TIMEOUT_S = 8
"""observations-data gives what it depends on 5 seconds."""
PIECE_BYTES = 2**18
FILE_REQUEST_HEADERS = ("Range", "If-Range", "If-None-Match")
FILE_ANSWER_HEADERS = (
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "ETag",
)


def observations(parameters: Mapping[str, str]) -> Json:
    """Return what the page of observations shows, for the search in its address."""
    search = {name: parameters.get(name, "") for name in ("unit", "field")}
    found = fetch(
        "/observations", **search, cursor=parameters.get("cursor", ""), limit=str(PAGE_LENGTH)
    )
    following = urlencode({**search, "cursor": found["next"]}) if found["next"] else None
    return {
        "observations": found["items"],
        "total": found["total"],
        "search": search,
        "is_first": not parameters.get("cursor"),
        "first_page": urlencode(search),
        "following_page": following,
        "raw_bucket": settings().raw_bucket,
    }


def observation(sequence_id: str) -> Json:
    """Return what the page of one observation shows.

    Raises
    ------
    werkzeug.exceptions.HTTPException
        NotFound where there is no such observation; see also `fetch`.
    """
    try:
        checked_id = CameraTime.parse(sequence_id)
    except PermanentError as error:
        raise NotFound(error.message) from error
    found = fetch(f"/observations/{checked_id}")
    events = fetch(f"/observations/{checked_id}/events")["items"]
    by_image = sorted(events, key=itemgetter("image_id"))
    return {
        "observation": found,
        "history": {key: list(rows) for key, rows in groupby(by_image, itemgetter("image_id"))},
        "plots": sequence_plots.plots(found["images"]),
        "poster": _poster(found["files"]),
    }


def send_on(bucket: str, path: str) -> Response:
    """Answer the request at hand with a file, streamed from observations-data as it comes.

    So a browser meets one origin only, and the page's policy can forbid all others.
    """
    try:
        check_safe(path)
    except PermanentError as error:
        raise NotFound(error.message) from error
    asked = {
        name: request.headers[name] for name in FILE_REQUEST_HEADERS if name in request.headers
    }
    # A compressed answer would have another length than the headers say.
    headers = {**asked, "Accept-Encoding": "identity"}
    upstream = _ask(request.method, f"/files/{bucket}/{quote(path)}", headers=headers, stream=True)
    if upstream.status_code >= 400 and upstream.status_code != 416:
        with upstream:
            raise _fault(upstream)
    answer = Response(upstream.iter_content(PIECE_BYTES), status=upstream.status_code)
    answer.headers.update(_only(upstream.headers, FILE_ANSWER_HEADERS))
    answer.call_on_close(upstream.close)
    return answer


def missing() -> str | None:
    """Return in words what keeps the pages from being shown; None where nothing does."""
    try:
        answer = _ask("GET", "/ready", timeout_s=READY_TIMEOUT_S)
    except ServiceUnavailable:
        return "observations-data does not answer"
    return None if answer.ok else f"observations-data: {_detail(answer) or answer.status_code}"


def _poster(files: dict[str, list[Json]]) -> Json | None:
    """Return what a film shows before it plays: the first picture, large if there is one."""
    pictures = files.get("picture") or files.get("thumbnail")
    return pictures[0] if pictures else None


def _only(headers: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: headers[name] for name in names if name in headers}


def fetch(path: str, **parameters: str) -> Json:
    """Return the JSON object that observations-data answers.

    Raises
    ------
    werkzeug.exceptions.HTTPException
        BadRequest or NotFound with its words; ServiceUnavailable where it is away, or its
        database is; BadGateway where it answers anything else.
    """
    answer = _ask("GET", path, params=parameters)
    if not answer.ok:
        raise _fault(answer)
    try:
        found = answer.json()
    except requests.JSONDecodeError as error:
        raise BadGateway("The data service answered something that is not JSON.") from error
    if not isinstance(found, dict):
        raise BadGateway("The data service answered something unexpected.")
    return found


def _ask(
    method: str,
    path: str,
    timeout_s: float | None = None,
    headers: Mapping[str, str] | None = None,
    **options: Any,
) -> requests.Response:
    url = settings().observations_data_url.rstrip("/") + path
    limit_s = settings().request_timeout_s if timeout_s is None else timeout_s
    try:
        sent = {**(headers or {}), **trace.headers(), **tokens.headers(url)}
        return requests.request(method, url, headers=sent, timeout=limit_s, **options)
    except (requests.RequestException, TransientError) as error:
        raise ServiceUnavailable(
            "The data service does not answer. The observations are safe; try again in a moment.",
            retry_after=RETRY_AFTER_S,
        ) from error


def _fault(answer: requests.Response) -> BadRequest | NotFound | ServiceUnavailable | BadGateway:
    if answer.status_code == 400:
        return BadRequest(_detail(answer))
    if answer.status_code == 404:
        return NotFound(_detail(answer))
    if answer.status_code == 503:
        return ServiceUnavailable(
            "The data service is up, but what it reads from is away. Try again in a moment.",
            retry_after=RETRY_AFTER_S,
        )
    return BadGateway(f"The data service failed with status {answer.status_code}.")


def _detail(answer: requests.Response) -> str | None:
    try:
        return str(answer.json()["detail"])
    except (requests.JSONDecodeError, KeyError, TypeError):
        return None
