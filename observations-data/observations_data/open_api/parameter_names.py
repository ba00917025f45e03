"""Validation of parameter names: only documented ones, each at most once.

A misspelt filter would match everything, and a repeated one only its first value.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Flask, current_app, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from observations_data.http.query_parameters import BadParameterError
from observations_data.open_api.operations import Operation, operation_of
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.web.suggestions import MAX_SHOWN, unknown_parameter


class UnknownParameterError(BadParameterError):
    """An unknown parameter of a route; the message suggests the nearest known one."""

    def __init__(self, parameter: str, known: Iterable[str]) -> None:
        PermanentError.__init__(self, Reason.BAD_REQUEST, unknown_parameter(parameter, known))
        self.parameter = parameter[:MAX_SHOWN]


def register(app: Flask) -> None:
    """Refuse undocumented parameters in all routes of `app`."""
    app.before_request(check)


def check() -> None:
    """Check the parameter names of the current request.

    Services whose errors are defined by a Virtual Observatory standard accept any name: these
    standards ignore unknown ones (SIA 2.0, 2.1; DALI 1.1, 2.3).

    Raises
    ------
    BadParameterError
        For an undocumented or repeated parameter.
    """
    operation = _operation()
    if operation is None or operation.response.refused or request.method == "OPTIONS":
        return
    query = {part.name for part in (*operation.query, *operation.response.query)}
    _require(request.args, query)
    if request.method == "POST":
        _require_names(posted(), {part.name for part in operation.body})


def _operation() -> Operation | None:
    if request.url_rule is None:
        return None
    return operation_of(current_app.view_functions[request.url_rule.endpoint])


def posted() -> dict[str, Any]:
    """Return the posted JSON object; empty if there was no body.

    Raises
    ------
    werkzeug.exceptions.BadRequest
        If the body is not a JSON object.
    """
    body = request.get_json() if request.get_data() else {}
    if not isinstance(body, dict):
        raise BadRequest("the body must be a JSON object")
    return body


def _require(given: MultiDict[str, str], known: set[str]) -> None:
    _require_names(given, known)
    values: Mapping[str, list[str]] = given.to_dict(flat=False)
    for name, several in values.items():
        if len(several) > 1:
            raise BadParameterError(name, f"given once, not {len(several)} times")


def _require_names(given: Iterable[str], known: set[str]) -> None:
    for name in given:
        if name not in known:
            raise UnknownParameterError(name, known)
