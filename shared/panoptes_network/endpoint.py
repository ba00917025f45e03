"""The HTTP face of a function: JSON in, JSON out, errors as status codes with reasons."""

import logging
from collections.abc import Callable
from typing import Any

from flask import Request, Response, jsonify
from pydantic import BaseModel

from panoptes_network.errors import PanoptesError, PermanentError, Reason, TransientError
from panoptes_network.events import M, PushEnvelope, parse, unwrap_push

MAX_BODY_BYTES = 2_000_000
RETRY_AFTER_S = 10

_STATUS = {
    Reason.BAD_REQUEST: 400,
    Reason.OBJECT_MISSING: 404,
    Reason.TOO_LARGE: 413,
    Reason.UNKNOWN_FILE_TYPE: 415,
}


def answer(
    request: Request, model: type[M], work: Callable[[M], BaseModel | dict[str, Any]], service: str
) -> Response:
    """Do `work` on the message that a request carries and answer as JSON.

    The body is the message itself, or a Pub/Sub push envelope around it. A permanent error
    answers 4xx with its reason, except to Pub/Sub: there 200 says that the message must not
    come again. A transient error answers 503 with Retry-After; so does an unknown one, which
    may pass.
    """
    log = logging.getLogger(service)
    is_push = False
    try:
        body = _json_body(request)
        is_push = isinstance(body, dict) and isinstance(body.get("message"), dict)
        message = _message(body, model, is_push)
        result = work(message)
    except PermanentError as error:
        log.warning(error.message, extra={"reason_code": error.reason})
        return _error(error, 200 if is_push else _STATUS.get(error.reason, 422))
    except TransientError as error:
        log.warning("try again: %s", error)
        return _away(str(error))
    except Exception:
        log.exception("unexpected fault")
        return _away("an unexpected fault; it is in the log")
    return jsonify(result.model_dump(mode="json") if isinstance(result, BaseModel) else result)


def _json_body(request: Request) -> object:
    if request.method != "POST":
        raise PermanentError(Reason.BAD_REQUEST, "send a POST with a JSON body")
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise PermanentError(Reason.TOO_LARGE, f"the body is over {MAX_BODY_BYTES} bytes")
    try:
        body = request.get_json(force=True, silent=True)
    except RecursionError:
        raise PermanentError(Reason.BAD_REQUEST, "the body is nested too deeply") from None
    if body is None:
        raise PermanentError(Reason.BAD_REQUEST, "the body is not JSON")
    return body


def _message(body: object, model: type[M], is_push: bool) -> M:
    return parse(model, unwrap_push(parse(PushEnvelope, body)) if is_push else body)


def _error(error: PanoptesError, status: int) -> Response:
    response = jsonify(error={"reason": error.reason, "message": error.message})
    response.status_code = status
    return response


def _away(message: str) -> Response:
    response = jsonify(error={"reason": "try_again", "message": message})
    response.status_code = 503
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response
