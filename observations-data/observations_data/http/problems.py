"""Errors as problem+json (RFC 9457), with the name of an invalid parameter."""

from flask import Flask, Response, jsonify
from werkzeug.exceptions import BadRequest, HTTPException, NotFound, ServiceUnavailable

from observations_data.http.query_parameters import BadParameterError
from panoptes_network.errors import PermanentError, TransientError
from panoptes_network.web.request_guard import BadTextError
from panoptes_network.web.retry_after import RETRY_AFTER_S


def register(app: Flask) -> None:
    """Return every error of `app` as a problem."""
    app.register_error_handler(HTTPException, problem)
    app.register_error_handler(BadTextError, bad_text)
    app.register_error_handler(BadParameterError, bad_parameter)
    app.register_error_handler(PermanentError, unknown)
    app.register_error_handler(TransientError, away)


def problem(error: HTTPException, **more: str) -> Response:
    """Respond with an error as problem+json (RFC 9457)."""
    body = {"type": "about:blank", "title": error.name, "status": error.code}
    response = jsonify({**body, "detail": error.description, **more})
    response.status_code = error.code or 500
    response.headers.extend(h for h in error.get_headers() if h[0] != "Content-Type")
    response.mimetype = "application/problem+json"
    return response


def bad_parameter(error: BadParameterError) -> Response:
    """Respond 400 and name the invalid parameter."""
    return problem(BadRequest(str(error)), parameter=error.parameter)


def bad_text(error: BadTextError) -> Response:
    """Respond 400 and name the parameter whose text cannot be stored."""
    return problem(error, parameter=error.parameter)


def unknown(error: PermanentError) -> Response:
    """Respond 404: for a read-only service, the only permanent error is a missing object."""
    return problem(NotFound(error.message))


def away(error: TransientError) -> Response:
    """Respond 503: the database or storage is unavailable."""
    return problem(ServiceUnavailable(str(error), retry_after=RETRY_AFTER_S))
