"""What a route takes and returns, as its decorator declares it for the OpenAPI document."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from observations_data.data_tables import Table

View = TypeVar("View", bound=Callable[..., Any])
Schema = dict[str, Any]
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

OPERATION, DOCUMENTATION = "Operation", "Documentation"
"""Headings that come behind all others."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A part of the path or of the query: its name, what it means, and its JSON schema."""

    name: str
    description: str
    schema: Schema


@dataclass(frozen=True, slots=True)
class ResponseSpec:
    """The response with status 200: a schema for each media type that a client may choose.

    `tables` are those whose rows the schemas refer to, `query` the parameters that choose the
    media type, and `problems` the statuses of a bad choice. `refused` describes the body of an
    error where a standard wants another than a problem. A response that `has_ranges` can be
    read in parts, by the header Range.
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
    """A route: its heading in the document, what it takes, returns and refuses."""

    tag: str
    response: ResponseSpec
    path: tuple[Parameter, ...]
    query: tuple[Parameter, ...]
    body: tuple[Parameter, ...]
    body_types: tuple[str, ...]
    problems: tuple[int, ...]


_OPERATIONS: dict[Callable[..., Any], Operation] = {}


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
    """Describe the route below; it stands under the route's own decorator.

    The first line of the view's docstring becomes the summary, the rest the description.

    Parameters
    ----------
    tag : str
        The heading.
    response : ResponseSpec
        As `schemas.listing` and its neighbours make it.
    path, query, body : tuple of Parameter
        What is read of the address, and of the body of a POST.
    body_types : tuple of str
        What the body may be: JSON, or a form.
    problems : tuple of int
        Statuses of its problems beside those that every route has: 400 for parameters that are
        not described, 405, 429, 503, and 404 where the path has parts.
    """

    def mark(view: View) -> View:
        _OPERATIONS[view] = Operation(tag, response, path, query, body, body_types, problems)
        return view

    return mark


def operation_of(view: Callable[..., Any]) -> Operation | None:
    """Return how a view is described; None where it is not."""
    return _OPERATIONS.get(view)
