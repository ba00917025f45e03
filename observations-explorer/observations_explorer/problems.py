"""Errors: pages for readers, problem+json for clients of the API."""

from flask import Flask, Response, jsonify, render_template, request
from werkzeug.exceptions import HTTPException


def register(app: Flask) -> None:
    """Handle every error of `app` this way."""
    app.register_error_handler(HTTPException, problem)


def problem(error: HTTPException) -> Response:
    """Respond with an error; errors of the API itself are forwarded unchanged elsewhere."""
    response = _for_program(error) if request.path.startswith("/api/") else _for_reader(error)
    response.status_code = error.code or 500
    response.headers.extend(h for h in error.get_headers() if h[0] != "Content-Type")
    return response


def _for_reader(error: HTTPException) -> Response:
    """Return a page, which reloads by itself if the same request may succeed later."""
    again = error.get_response().headers.get("Retry-After", type=int)
    return Response(render_template("problem.html", problem=error, retry_after_s=again))


def _for_program(error: HTTPException) -> Response:
    """Return a problem by RFC 9457."""
    body = {"title": error.name, "status": error.code, "detail": error.description}
    response = jsonify({"type": "about:blank", **body})
    response.mimetype = "application/problem+json"
    return response
