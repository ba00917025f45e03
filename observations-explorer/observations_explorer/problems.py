"""What went wrong: as a page for a reader, as problem+json for a program that asks the API."""

from flask import Flask, Response, jsonify, render_template, request
from werkzeug.exceptions import HTTPException


def register(app: Flask) -> None:
    """Let `app` answer every error so."""
    app.register_error_handler(HTTPException, problem)


def problem(error: HTTPException) -> Response:
    """Answer an error; what the API itself refuses is sent on as it is and does not come here."""
    response = _for_program(error) if request.path.startswith("/api/") else _for_reader(error)
    response.status_code = error.code or 500
    response.headers.extend(h for h in error.get_headers() if h[0] != "Content-Type")
    return response


def _for_reader(error: HTTPException) -> Response:
    """Return a page; where the same request may succeed later, the browser asks again by itself."""
    again = error.get_response().headers.get("Retry-After", type=int)
    return Response(render_template("problem.html", problem=error, retry_after_s=again))


def _for_program(error: HTTPException) -> Response:
    """Return a problem as RFC 9457 has it."""
    body = {"title": error.name, "status": error.code, "detail": error.description}
    response = jsonify({"type": "about:blank", **body})
    response.mimetype = "application/problem+json"
    return response
