"""HTTP calls to the next service, whose status decides what happens to the event."""

import requests
from pydantic import BaseModel

from panoptes_network.config import settings
from panoptes_network.errors import PermanentError, Reason, TransientError
from panoptes_network.telemetry import trace
from panoptes_network.web import identity_token

CHECK_TIMEOUT_S = 3

_PASSING = frozenset({401, 403, 408, 425, 429})
"""Statuses unrelated to the message: access (401, 403) is the operator's to fix."""


def post(url: str, message: BaseModel, behind: int = 0) -> dict[str, object]:
    """POST a message as JSON, with the trace and this service's identity; return the response.

    Parameters
    ----------
    behind : int
        Number of services that the next one in turn waits for; each extends the time limit.

    Raises
    ------
    PermanentError
        If the next service refuses the message (4xx), with its reason and message.
    TransientError
        If it is unavailable, too slow, refuses this service, or asks for a retry.
    """
    headers = {"Content-Type": "application/json", **trace.headers(), **identity_token.headers(url)}
    try:
        response = requests.post(
            url,
            data=message.model_dump_json(exclude_none=True),
            headers=headers,
            timeout=limit_s(behind),
        )
    except requests.RequestException as error:
        raise TransientError(f"{url} is not reachable: {error}") from error
    answer = _json_object(response)
    if response.ok:
        return answer
    if response.status_code < 500 and response.status_code not in _PASSING:
        raise _refusal(answer, response.status_code)
    raise TransientError(f"{url} answered {response.status_code}: {answer.get('error')}")


def limit_s(behind: int) -> float:
    """Return the time limit of a call to the next service, seconds."""
    return settings().request_timeout_s * (1 + behind)


def check(url: str) -> None:
    """Raise an error unless the service at `url` responds and accepts this one."""
    health = f"{url.rstrip('/')}/health"
    requests.get(
        health, headers=identity_token.headers(url), timeout=CHECK_TIMEOUT_S
    ).raise_for_status()


def _json_object(response: requests.Response) -> dict[str, object]:
    try:
        body = response.json()
    except requests.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def _refusal(answer: dict[str, object], status: int) -> PermanentError:
    error = answer.get("error")
    known = error if isinstance(error, dict) else {}
    code = str(known.get("reason"))
    reason = Reason(code) if code in set(Reason) else Reason.BAD_REQUEST
    return PermanentError(reason, str(known.get("message", f"refused with status {status}")))
