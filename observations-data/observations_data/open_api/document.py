"""The OpenAPI 3.1 document of the service, generated from the descriptions of its routes."""

import inspect
import re
from collections.abc import Callable, Iterator
from http import HTTPStatus

from flask import Flask
from werkzeug.routing import Rule

from observations_data.open_api.operations import Operation, Parameter, Schema, operation_of
from observations_data.open_api.schemas import PROBLEM, row_schema

INFO: Schema = {
    "title": "PANOPTES Network: observations",
    "version": "1",
    "summary": "Observations, images, stars and files of a network of small telescopes.",
    "description": (
        "Times are UTC in ISO 8601 with Z, positions are ICRS degrees, and pixels are"
        " 0-based. Field names end in their unit, and unknown values are null. A"
        " parameter without a value is ignored; an undocumented or repeated parameter is"
        " refused. Responses have an ETag: send it as If-None-Match to get 304 if nothing"
        " has changed. All GET routes also support HEAD and OPTIONS, and are readable by"
        " pages of any origin."
    ),
    "license": {"name": "MIT", "identifier": "MIT"},
}
EVERYWHERE = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
IDS = frozenset({"unit_id", "sequence_id", "image_id"})
"""Path parameters that are ids of the network: other spellings redirect to the canonical one."""
CANONICAL: Schema = {"description": "Redirect to the canonical URL in Location."}
METHODS = {"GET", "POST"}
PROBLEM_CONTENT: Schema = {
    "application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}
}
_CONVERTER = re.compile(r"<(?:[^:>]+:)?([^>]+)>")


def document(app: Flask) -> Schema:
    """Return the document of all routes of `app`.

    Raises
    ------
    LookupError
        If a route or a path parameter is not described; if two tables have the same name.
    """
    paths: Schema = {}
    operations = [_described(rule, app) for rule in app.url_map.iter_rules()]
    for rule, operation in zip(app.url_map.iter_rules(), operations, strict=True):
        view = app.view_functions[rule.endpoint]
        for method in sorted(METHODS & (rule.methods or set())):
            paths.setdefault(template(rule), {})[method.lower()] = {
                "operationId": f"{method.lower()}_{rule.endpoint}".replace(".", "_"),
                **_words(view),
                **_operation(operation, method),
            }
    return {
        "openapi": "3.1.0",
        "info": INFO,
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": {"problem": PROBLEM, **_rows(operations)}},
    }


def _rows(operations: list[Operation]) -> Schema:
    """Return the row schemas of all tables, by table name."""
    rows: Schema = {}
    for table in (table for operation in operations for table in operation.response.tables):
        if rows.setdefault(table.name, row_schema(table)) != row_schema(table):
            raise LookupError(f"two tables are called {table.name}")
    return rows


def template(rule: Rule) -> str:
    """Return a route's path in OpenAPI syntax: ``/files/{bucket}/{path}``."""
    return _CONVERTER.sub(r"{\1}", rule.rule)


def _described(rule: Rule, app: Flask) -> Operation:
    operation = operation_of(app.view_functions[rule.endpoint])
    if operation is None:
        raise LookupError(f"{rule.rule} is not described")
    if rule.arguments != {part.name for part in operation.path}:
        raise LookupError(f"{rule.rule}: the description names other parts of the path")
    return operation


def _words(view: Callable[..., object]) -> Schema:
    summary, _, description = inspect.cleandoc(view.__doc__ or "").partition("\n\n")
    return {"summary": summary.rstrip("."), "description": " ".join(description.split())}


def _operation(operation: Operation, method: str) -> Schema:
    made: Schema = {
        "tags": [operation.tag],
        "parameters": list(_parameters(operation)),
        "responses": _responses(operation),
    }
    if method == "POST":
        body: Schema = {
            "type": "object",
            "properties": {
                part.name: {**part.schema, "description": part.description}
                for part in operation.body
            },
        }
        if operation.response.refused is None:
            body["additionalProperties"] = False
        content = {media_type: {"schema": body} for media_type in operation.body_types}
        made["requestBody"] = {"required": operation.response.refused is None, "content": content}
    return made


def _parameters(operation: Operation) -> Iterator[Schema]:
    for part in operation.path:
        yield {**_parameter(part), "in": "path", "required": True}
    for part in (*operation.query, *operation.response.query):
        yield {**_parameter(part), "in": "query", "allowEmptyValue": True}


def _parameter(part: Parameter) -> Schema:
    return {"name": part.name, "description": part.description, "schema": part.schema}


def _responses(operation: Operation) -> Schema:
    content = {media: {"schema": schema} for media, schema in operation.response.content.items()}
    problems = {*operation.problems, *operation.response.problems, *EVERYWHERE}
    refused = {
        str(int(status)): {
            "description": HTTPStatus(status).phrase,
            "content": operation.response.refused or PROBLEM_CONTENT,
        }
        for status in problems
    }
    # Unstorable text and unknown paths are refused before any route is chosen.
    either = {**(operation.response.refused or {}), **PROBLEM_CONTENT}
    refused["400"] = {"description": HTTPStatus.BAD_REQUEST.phrase, "content": either}
    if operation.path:
        refused["404"] = {"description": HTTPStatus.NOT_FOUND.phrase, "content": either}
    return {
        "200": {"description": operation.response.description, "content": content},
        **({"206": _ranges(content)} if operation.response.has_ranges else {}),
        "304": {"description": "Not modified since the ETag in If-None-Match."},
        **({"308": CANONICAL} if IDS & {part.name for part in operation.path} else {}),
        **dict(sorted(refused.items())),
    }


def _ranges(content: Schema) -> Schema:
    return {
        "description": "The requested range; several ranges are sent as a multipart response.",
        "content": {**content, "multipart/byteranges": {}},
    }
