"""Calls to the next service by HTTP: the answer's status decides what happens to the event."""

from typing import Any

import requests
from pydantic import BaseModel

from panoptes_network.config import settings
from panoptes_network.errors import PermanentError, Reason, TransientError
from panoptes_network.telemetry import trace
from panoptes_network.web import identity_token

CHECK_TIMEOUT_S = 3

_PASSING = frozenset({401, 403, 408, 425, 429})
"""Statuses that say nothing of the message: who may call (401, 403) is for the operator to mend."""


def post(url: str, message: BaseModel, behind: int = 0) -> dict[str, Any]:
    """POST a message as JSON, with the trace and this service's identity; return the answer.

    Parameters
    ----------
    behind : int
        How many services the next one waits for in turn; each gives it as much time again.

    Raises
    ------
    PermanentError
        When the next service refuses the message (4xx), with its reason and words.
    TransientError
        When it is away, too slow, does not let this service in, or asks to be tried again.
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
        raise TransientError(f"{url} does not answer: {error}") from error
    answer = _json_object(response)
    if response.ok:
        return answer
    if response.status_code < 500 and response.status_code not in _PASSING:
        raise _refusal(answer, response.status_code)
    raise TransientError(f"{url} answered {response.status_code}: {answer.get('error')}")


def limit_s(behind: int) -> float:
    """Return for how long the next service is waited for, seconds."""
    return settings().request_timeout_s * (1 + behind)


def check(url: str) -> None:
    """Raise an error unless the service at `url` answers, and lets this one in."""
    health = f"{url.rstrip('/')}/health"
    requests.get(
        health, headers=identity_token.headers(url), timeout=CHECK_TIMEOUT_S
    ).raise_for_status()


def _json_object(response: requests.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except requests.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def _refusal(answer: dict[str, Any], status: int) -> PermanentError:
    error = answer.get("error")
    known = error if isinstance(error, dict) else {}
    code = str(known.get("reason"))
    reason = Reason(code) if code in set(Reason) else Reason.BAD_REQUEST
    return PermanentError(reason, str(known.get("message", f"refused with status {status}")))
