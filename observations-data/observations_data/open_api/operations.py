"""How a route says what it takes and answers; the document of them all is made of that."""

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
class Answer:
    """What a route answers with 200: the schema of each media type that it can be had as.

    `tables` are those whose rows the schemas refer to, `query` are parameters that choose
    among the media types, and `problems` statuses that come of such a choice. What is wrong is
    answered as `refused`, where some standard wants something else than a problem. Of an answer
    that `has_ranges`, the header Range asks for parts.
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
    """What a route is: under which heading it stands, what it takes, answers, and refuses."""

    tag: str
    answer: Answer
    path: tuple[Parameter, ...]
    query: tuple[Parameter, ...]
    body: tuple[Parameter, ...]
    body_types: tuple[str, ...]
    problems: tuple[int, ...]


_OPERATIONS: dict[Callable[..., Any], Operation] = {}


def described(
    tag: str,
    answer: Answer,
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
    answer : Answer
        As `answers.listing` and its neighbours make it.
    path, query, body : tuple of Parameter
        What is read of the address, and of the body of a POST.
    body_types : tuple of str
        What the body may be: JSON, or a form.
    problems : tuple of int
        Statuses of its problems beside those that every route has: 400 for parameters that are
        not described, 405, 429, 503, and 404 where the path has parts.
    """

    def mark(view: View) -> View:
        _OPERATIONS[view] = Operation(tag, answer, path, query, body, body_types, problems)
        return view

    return mark


def operation_of(view: Callable[..., Any]) -> Operation | None:
    """Return how a view is described; None where it is not."""
    return _OPERATIONS.get(view)
