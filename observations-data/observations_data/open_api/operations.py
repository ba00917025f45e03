"""Parameters and responses of a route, declared by its decorator for the OpenAPI document."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from observations_data.data_tables import Table

View = TypeVar("View", bound=Callable[..., object])
Schema = dict[str, Any]
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

OPERATION, DOCUMENTATION = "Operation", "Documentation"
"""Tags listed after all others."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A path or query parameter: its name, description, and JSON schema."""

    name: str
    description: str
    schema: Schema


@dataclass(frozen=True, slots=True)
class ResponseSpec:
    """The response with status 200: a schema for each media type that a client may choose.

    `tables` are those whose rows the schemas refer to, `query` the parameters that choose the media
    type, and `problems` the statuses for an invalid choice. `refused` describes the body of an
    error if a standard requires another format than a problem. If it `has_ranges`, clients may
    request parts with the Range header.
    """

    content: dict[str, Schema]
    description: str
    tables: tuple[Table, ...] = ()
    query: tuple[Parameter, ...] = ()
    problems: tuple[int, ...] = ()
    refused: dict[str, Schema] | None = None
    has_ranges: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """A route: its tag, parameters, response and errors."""

    tag: str
    response: ResponseSpec
    path: tuple[Parameter, ...]
    query: tuple[Parameter, ...]
    body: tuple[Parameter, ...]
    body_types: tuple[str, ...]
    problems: tuple[int, ...]


_OPERATIONS: dict[Callable[..., object], Operation] = {}


def described(
    tag: str,
    response: ResponseSpec,
    *,
    path: tuple[Parameter, ...] = (),
    query: tuple[Parameter, ...] = (),
    body: tuple[Parameter, ...] = (),
    body_types: tuple[str, ...] = (JSON,),
    problems: tuple[int, ...] = (),
) -> Callable[[View], View]:
    """Describe the route below; use it under the route's own decorator.

    The first line of the view's docstring becomes the summary, the rest the description.

    Parameters
    ----------
    tag : str
        Tag in the document.
    response : ResponseSpec
        As returned by `schemas.listing` and its neighbours.
    path, query, body : tuple of Parameter
        Parameters of the URL, and of a POST body.
    body_types : tuple of str
        Media types of the body: JSON, or a form.
    problems : tuple of int
        Statuses of its problems, in addition to those of every route: 400 for undocumented
        parameters, 405, 429, 503, and 404 if the path has parameters.
    """

    def mark(view: View) -> View:
        _OPERATIONS[view] = Operation(tag, response, path, query, body, body_types, problems)
        return view

    return mark


def operation_of(view: Callable[..., object]) -> Operation | None:
    """Return the description of a view; None if it has none."""
    return _OPERATIONS.get(view)
