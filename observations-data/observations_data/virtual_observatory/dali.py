"""Request parameters by DALI 1.1: case-insensitive names, repeatable values.

A parameter without a value is ignored.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypedDict

from observations_data.data_tables import Row

DEFAULT_MAXREC = 1000
MAXREC_LIMIT = 10_000
MAX_VALUES = 100
"""Values of one parameter, and corners of a polygon: each takes time to process."""
MAX_CHARACTERS = 4000
VOTABLE_FORMATS = frozenset(
    {
        "votable",
        "text/xml",
        "application/xml",
        "application/x-votable+xml",
        "application/x-votable+xml;serialization=tabledata",
        "application/x-votable+xml;content=datalink",
        "text/xml;content=x-votable",
    }
)
_NUMBER = re.compile(
    r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?|[+-]?(Inf|Infinity)", re.IGNORECASE
)

Interval = tuple[float, float]


class UsageFault(ValueError):  # noqa: N818 - DALI's name of it
    """A request that the standard does not allow; the message names the parameter."""


class FoundRows(TypedDict):
    """The rows of a response, and whether there are more."""

    rows: list[Row]
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A request's parameters: values by name in capitals."""

    given: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, pairs: Iterable[tuple[str, str]], max_values: int = MAX_VALUES) -> "Query":
        """Return the query from pairs of name and value, with a limit on values per name.

        Raises
        ------
        UsageFault
            If there is too much.
        """
        given: dict[str, list[str]] = defaultdict(list)
        for name, value in pairs:
            if value.strip():
                given[name.upper()].append(value.strip())
        for name, values in given.items():
            if len(values) > max_values or max(map(len, values)) > MAX_CHARACTERS:
                raise UsageFault(f"{name[:40]} has too many values, or overlong ones")
        return cls(dict(given))

    def texts(self, name: str) -> list[str]:
        """Return all values of a parameter."""
        return self.given.get(name, [])

    def text(self, name: str) -> str | None:
        """Return the single value of a parameter, None if it is not given.

        Raises
        ------
        UsageFault
            If it is given more than once.
        """
        values = self.texts(name)
        if len(values) > 1:
            raise UsageFault(f"{name} must be given once, not {len(values)} times")
        return values[0] if values else None

    def number(self, name: str, minimum: float, maximum: float) -> float:
        """Return a required number.

        Raises
        ------
        UsageFault
            If it is missing or out of bounds.
        """
        value = self.text(name)
        if value is None:
            raise UsageFault(f"{name} is missing")
        [found] = numbers(name, value, 1)
        if not minimum <= found <= maximum:
            raise UsageFault(f"{name} must be from {minimum:g} to {maximum:g}")
        return found

    def whole_number(self, name: str, default: int, maximum: int | None = None) -> int:
        """Return an integer from 0 to `maximum`, or `default`.

        Raises
        ------
        UsageFault
            If it is not one.
        """
        value = self.text(name)
        if value is None:
            return default
        if not re.fullmatch("[0-9]{1,18}", value) or (maximum is not None and int(value) > maximum):
            limit = "" if maximum is None else f" to {maximum}"
            raise UsageFault(f"{name} must be a whole number from 0{limit}")
        return int(value)

    @property
    def maxrec(self) -> int:
        """The greatest number of rows to return, at most `MAXREC_LIMIT`."""
        return min(self.whole_number("MAXREC", DEFAULT_MAXREC), MAXREC_LIMIT)

    def require_votable(self) -> None:
        """Check that a VOTable is requested.

        Raises
        ------
        UsageFault
            If RESPONSEFORMAT is something else.
        """
        wanted = self.text("RESPONSEFORMAT") or "votable"
        if wanted.lower().replace(" ", "").replace('"', "") not in VOTABLE_FORMATS:
            raise UsageFault(
                "RESPONSEFORMAT must be votable, application/x-votable+xml or text/xml"
            )

    def intervals(self, name: str) -> list[Interval]:
        """Return the intervals of a parameter, each given by one or two numbers.

        Raises
        ------
        UsageFault
            For anything else.
        """
        found = []
        for value in self.texts(name):
            bounds = numbers(name, value, 1, 2)
            if bounds[0] > bounds[-1]:
                raise UsageFault(f"{name} must have its lower bound first")
            found.append((bounds[0], bounds[-1]))
        return found


def numbers(name: str, value: str, *counts: int) -> list[float]:
    """Return the numbers in a value, separated by spaces; they may be infinite.

    Raises
    ------
    UsageFault
        If something is not a number, or their count is not in a given `counts`.
    """
    words = value.split()
    if counts and len(words) not in counts:
        count = " or ".join(map(str, counts))
        raise UsageFault(f"{name} must have {count} numbers, separated by spaces")
    if not all(_NUMBER.fullmatch(word) for word in words):
        raise UsageFault(f"{name} must have only numbers")
    return [float(word) for word in words]
