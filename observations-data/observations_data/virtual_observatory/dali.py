"""The parameters of a request as DALI 1.1 has them: names in any case, values given repeatedly.

A parameter without a value counts as not given.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

DEFAULT_MAXREC = 1000
MAXREC_LIMIT = 10_000
MAX_VALUES = 100
"""Values of one parameter, and corners of a polygon: each takes time to look at."""
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
    """A request that the standard does not allow; the words name the parameter."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a request gives: the values of each parameter by its name in capitals."""

    given: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, pairs: Iterable[tuple[str, str]], max_values: int = MAX_VALUES) -> "Query":
        """Return what pairs of name and value say, at most so many values of each name.

        Raises
        ------
        UsageFault
            For too much of it.
        """
        given: dict[str, list[str]] = defaultdict(list)
        for name, value in pairs:
            if value.strip():
                given[name.upper()].append(value.strip())
        for name, values in given.items():
            if len(values) > max_values or max(map(len, values)) > MAX_CHARACTERS:
                raise UsageFault(f"{name[:40]} has too many values, or too long ones")
        return cls(dict(given))

    def texts(self, name: str) -> list[str]:
        """Return all values of a parameter."""
        return self.given.get(name, [])

    def text(self, name: str) -> str | None:
        """Return the one value of a parameter, None where it is not given.

        Raises
        ------
        UsageFault
            Where it is given more than once.
        """
        values = self.texts(name)
        if len(values) > 1:
            raise UsageFault(f"{name} is given {len(values)} times, and may be given once")
        return values[0] if values else None

    def number(self, name: str, minimum: float, maximum: float) -> float:
        """Return the number that must be given.

        Raises
        ------
        UsageFault
            Where there is none, or it is out of bounds.
        """
        value = self.text(name)
        if value is None:
            raise UsageFault(f"{name} is missing")
        [found] = numbers(name, value, 1)
        if not minimum <= found <= maximum:
            raise UsageFault(f"{name} must be from {minimum:g} to {maximum:g}")
        return found

    def whole_number(self, name: str, default: int, maximum: int | None = None) -> int:
        """Return a whole number from 0 to `maximum`, or `default`.

        Raises
        ------
        UsageFault
            Where it is none.
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
        """Check that a VOTable is wanted.

        Raises
        ------
        UsageFault
            Where RESPONSEFORMAT is something else.
        """
        wanted = self.text("RESPONSEFORMAT") or "votable"
        if wanted.lower().replace(" ", "").replace('"', "") not in VOTABLE_FORMATS:
            raise UsageFault(
                "RESPONSEFORMAT must be votable, application/x-votable+xml or text/xml"
            )

    def intervals(self, name: str) -> list[Interval]:
        """Return the intervals that a parameter gives, each as one number or two.

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
    """Return the numbers of a value, which are separated by spaces; infinite ones are some.

    Raises
    ------
    UsageFault
        Where something is none, or there are not as many as one of `counts` where some are named.
    """
    words = value.split()
    if counts and len(words) not in counts:
        count = " or ".join(map(str, counts))
        raise UsageFault(f"{name} must have {count} numbers, separated by spaces")
    if not all(_NUMBER.fullmatch(word) for word in words):
        raise UsageFault(f"{name} has something that is no number")
    return [float(word) for word in words]
