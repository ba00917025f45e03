"""One service calling the next by HTTP: the answer's status decides what happens to the event."""

from typing import Any

import requests
from pydantic import BaseModel

from panoptes_network.config import settings
from panoptes_network.errors import PermanentError, Reason, TransientError

_PASSING = frozenset({408, 425, 429})


def post(url: str, message: BaseModel) -> dict[str, Any]:
    """POST a message as JSON and return the answer.

    Raises
    ------
    PermanentError
        When the next service refuses the message (4xx), with its reason and words.
    TransientError
        When it is away, too slow, or asks to be tried again.
    """
    try:
        response = requests.post(
            url,
            data=message.model_dump_json(exclude_none=True),
            headers={"Content-Type": "application/json"},
            timeout=settings().request_timeout_s,
        )
    except requests.RequestException as error:
        raise TransientError(f"{url} does not answer: {error}") from error
    answer = _json_object(response)
    if response.ok:
        return answer
    if response.status_code < 500 and response.status_code not in _PASSING:
        raise _refusal(answer, response.status_code)
    raise TransientError(f"{url} answered {response.status_code}: {answer.get('error')}")


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
