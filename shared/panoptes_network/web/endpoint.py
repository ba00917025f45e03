"""A function's endpoint: JSON in, JSON out, errors as status codes with reasons."""

import logging
from collections.abc import Callable, Collection, Mapping
from io import BytesIO

from cloudevents.exceptions import DataUnmarshallerError
from flask import Request, Response, current_app, has_app_context, jsonify, request
from pydantic import BaseModel
from werkzeug.exceptions import (
    Forbidden,
    HTTPException,
    MisdirectedRequest,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)

from panoptes_network.config import settings
from panoptes_network.errors import PermanentError, Reason, TransientError
from panoptes_network.events import EventAttributes, M, PushEnvelope, parse, unwrap_push
from panoptes_network.telemetry import instrumentation, log, metrics, trace
from panoptes_network.web import admission, authentication, cross_site, redirects, request_guard
from panoptes_network.web.request_guard import MAX_BODY_BYTES, TOO_DEEP
from panoptes_network.web.retry_after import with_retry_after

_GUARDED = "panoptes_guarded"
_NOTED = ("image_id", "sequence_id", "bucket_path", "generation")
_STATUS = {
    Reason.BAD_REQUEST: 400,
    Reason.OBJECT_MISSING: 404,
    Reason.TOO_LARGE: 413,
    Reason.UNKNOWN_FILE_TYPE: 415,
}

Check = Callable[[], object]
"""Raises any error if a dependency of the function does not respond."""


def setup(
    service: str,
    ready: Mapping[str, Check],
    media_types: Collection[str] = cross_site.JSON,
    max_body_bytes: int = MAX_BODY_BYTES,
) -> logging.Logger:
    """Set up a function before its first request, and return its logger.

    Every request, whatever its path and method, passes the checks set up here before its body is
    read: the caller is authenticated, cross-site requests are refused, and the request is traced,
    logged and counted. ``GET /health`` responds while the process lives, ``GET /ready`` while its
    dependencies respond; both are public, as Cloud Run's probes have no identity. ``GET /metrics``
    is also served. Call this while functions-framework loads the function's main.py.

    Parameters
    ----------
    ready : mapping
        Checks of the function's dependencies, by name.
    media_types : collection of str
        Accepted media types of the body.
    max_body_bytes : int
        Maximum size of a request body; a longer one is refused without being read.
    """
    logger = log.setup(service)
    if has_app_context():
        app = current_app
        instrumentation.instrument(app, service)
        app.wsgi_app = admission.Admission(app.wsgi_app)  # type: ignore[method-assign]
        app.before_request(_refuse_other_names)
        app.before_request(
            lambda: (
                _probe(ready)
                or _refuse_when_busy()
                or _refuse_strangers()
                or _guard(max_body_bytes)
                or _metrics()
            )
        )
        app.before_request(lambda: _refuse_other_sites(media_types))
        if cross_site.WHOLE_EVENT in media_types:
            app.before_request(_refuse_half_events)
        app.after_request(redirects.make_relative)
        app.register_error_handler(HTTPException, _fault)
        for undecodable in (RecursionError, DataUnmarshallerError):
            app.register_error_handler(undecodable, _too_deep)
        app.extensions[_GUARDED] = True
    return logger


def answer(
    request: Request,
    model: type[M],
    work: Callable[[M], BaseModel | Mapping[str, object]],
    service: str,
) -> Response:
    """Run `work` on a request's message and respond with JSON.

    The body is the message itself, or a Pub/Sub push envelope around it. A permanent error responds
    4xx with its reason. To Pub/Sub it responds 200, so that the message is not redelivered. A
    transient error responds 503 with Retry-After, and so does an unknown one, which may pass.
    """
    logger = logging.getLogger(service)
    is_push = False
    try:
        _require_guard()
        body = _json_body(request)
        is_push = isinstance(body, dict) and isinstance(body.get("message"), dict)
        message = parse(model, _pushed(body) if is_push else body)
        _note(message.model_dump(include=set(_NOTED)))
        result = work(message)
    except PermanentError as error:
        trace.note(reason_code=error.reason)
        logger.warning(error.message, extra={"reason_code": error.reason})
        return error_response(error.reason, error.message, 200 if is_push else _status(error))
    except TransientError as error:
        logger.warning("try again: %s", error)
        return try_again(str(error))
    except Exception:
        logger.exception("unexpected fault")
        return try_again("unexpected error, see the log")
    said = result.model_dump(mode="json") if isinstance(result, BaseModel) else result
    _note(said)
    return jsonify(said)


def _note(known: Mapping[str, object]) -> None:
    trace.note(**{name: known[name] for name in _NOTED if name in known})


def _probe(ready: Mapping[str, Check]) -> Response | None:
    if request.method != "GET" or request.path not in ("/health", "/ready"):
        return None
    asked = ready if request.path == "/ready" else {}
    missing = [name for name, check in asked.items() if not _answers(name, check)]
    if missing:
        return try_again(f"not available: {', '.join(missing)}")
    return jsonify(status="ok")


def _answers(name: str, check: Check) -> bool:
    try:
        check()
    except Exception:
        logging.getLogger(__name__).warning("%s is not available", name, exc_info=True)
        return False
    return True


def _refuse_when_busy() -> Response | None:
    if not admission.is_refused():
        return None
    _drop_body()
    return try_again(admission.BUSY)


def _guard(max_body_bytes: int) -> Response | None:
    try:
        request_guard.check(request, max_body_bytes)
    except HTTPException as error:
        _drop_body()
        return error_response(_reason(error), str(error.description), error.code or 400)
    return None


def _refuse_strangers() -> Response | None:
    try:
        account = authentication.check(request.headers)
    except authentication.RefusedError as error:
        return _refusal(error)
    except TransientError as error:
        _drop_body()
        return try_again(str(error))
    trace.note(caller=account)
    return None


def _refuse_other_names() -> Response | None:
    try:
        cross_site.check_host(request)
    except MisdirectedRequest as error:
        _drop_body()
        return error_response(Reason.BAD_REQUEST, str(error.description), 421)
    return None


def _refuse_other_sites(media_types: Collection[str]) -> Response | None:
    try:
        cross_site.check(request, media_types=media_types)
    except Forbidden as error:
        _drop_body()
        return error_response("forbidden", str(error.description), 403)
    except UnsupportedMediaType as error:
        _drop_body()
        return error_response(Reason.BAD_REQUEST, str(error.description), 415)
    return None


def _refuse_half_events() -> Response | None:
    """Refuse malformed CloudEvents, at which the framework's decoder would fail."""
    if request.method != "POST":
        return None
    try:
        parse(EventAttributes, _event_attributes())
    except PermanentError as error:
        _drop_body()
        return error_response(error.reason, error.message, _status(error))
    return None


def _event_attributes() -> object:
    """Return an event's attributes, unchecked, from its headers or a structured body."""
    sent = {name: request.headers.get(f"ce-{name}") for name in EventAttributes.model_fields}
    is_whole = request.mimetype == cross_site.WHOLE_EVENT or None in sent.values()
    return _json_body(request) if is_whole else sent


def _refusal(error: authentication.RefusedError) -> Response:
    reason = "unauthenticated" if error.status == 401 else "forbidden"
    trace.note(reason_code=reason)
    _drop_body()
    response = error_response(reason, str(error), error.status)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _drop_body() -> None:
    """Keep functions-framework from reading a refused body, which it does at the end."""
    request.stream = BytesIO()


def _metrics() -> Response | None:
    asked = request.method == "GET" and request.path == "/metrics"
    return metrics.exposition() if asked else None


def _fault(error: HTTPException) -> Response:
    """Respond to the framework's refusals without its message, which may quote headers."""
    _drop_body()
    return error_response(_reason(error), error.name, error.code or 500)


def _reason(error: HTTPException) -> Reason:
    return Reason.TOO_LARGE if error.code == 413 else Reason.BAD_REQUEST


def _too_deep(_: Exception) -> Response:
    """Refuse an event whose body is nested too deeply for the framework."""
    return error_response(Reason.BAD_REQUEST, TOO_DEEP, 400)


def _require_guard() -> None:
    """Refuse all requests if callers are to be checked but main.py has not called :func:`setup`."""
    if settings().allowed_callers and _GUARDED not in current_app.extensions:
        raise RuntimeError("the function's main.py does not call endpoint.setup")


def _json_body(request: Request) -> object:
    if request.method != "POST":
        raise PermanentError(Reason.BAD_REQUEST, "send a POST with a JSON body")
    request_guard.limit(request, MAX_BODY_BYTES)
    try:
        body = request.get_json(silent=True)
    except RequestEntityTooLarge:
        _drop_body()
        raise PermanentError(
            Reason.TOO_LARGE, f"the body has more than {MAX_BODY_BYTES} bytes"
        ) from None
    except RecursionError:
        raise PermanentError(Reason.BAD_REQUEST, TOO_DEEP) from None
    if body is None:
        raise PermanentError(Reason.BAD_REQUEST, "the body is not JSON")
    return body


def _pushed(body: object) -> bytes:
    """Return the data of a Pub/Sub push, and continue its publisher's trace."""
    envelope = parse(PushEnvelope, body)
    message = envelope.message
    trace.follow((message.attributes or {}).get(trace.PARENT))
    trace.note(message_id=message.message_id)
    return unwrap_push(envelope)


def _status(error: PermanentError) -> int:
    return _STATUS.get(error.reason, 422)


def error_response(reason: str, message: str, status: int) -> Response:
    """Return a refusal as JSON: its reason and plain words."""
    response = jsonify(error={"reason": reason, "message": message})
    response.status_code = status
    return response


def try_again(message: str) -> Response:
    """Return 503: the same request may succeed later."""
    trace.note(reason_code="try_again")
    return with_retry_after(error_response("try_again", message, 503))
