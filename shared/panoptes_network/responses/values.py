"""Values of JSON whose schema says more than their Python type."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

# pydantic takes those of `typing` from Python 3.12 on.
from typing_extensions import TypedDict

Time = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")]
"""A time in UTC, ISO 8601."""
Count = Annotated[int, Field(ge=0)]
StarNumber = Annotated[str, Field(pattern="^-?[0-9]{1,19}$")]
"""A 64-bit integer as text: JavaScript rounds numbers of more than 53 bits."""


class Listing(TypedDict):
    """A whole list: the number of its items."""

    total: Count


class Page(Listing):
    """A page of a list: the number of all matches, and the cursor of the next page, or null."""

    next: str | None


class SortedPage(Page):
    """A page of a sorted list: its sort key, and whether it ascends."""

    sort: str
    order: str


def number(fields: Mapping[str, object], name: str) -> float | None:
    """Return the field of a record whose name is not known in advance, such as a figure's.

    Raises
    ------
    TypeError
        If it is neither a number nor None.
    """
    value = fields[name]
    if value is None or isinstance(value, int | float):
        return value
    raise TypeError(f"{name} is not a number: {value!r}")
