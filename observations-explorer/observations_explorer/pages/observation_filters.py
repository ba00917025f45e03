"""Filters of the observations page: its URL, its request, and its links."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from observations_explorer.form_errors import quoted
from observations_explorer.formatting import STATES, day
from panoptes_network.responses.observations import FacetCount

LABELS = {
    "unit": "Unit",
    "camera": "Camera",
    "field": "Field",
    "near": "Near",
    "radius": "Within",
    "after": "From",
    "before": "To",
    "min_exptime": "Exposure at least",
    "max_exptime": "Exposure at most",
    "min_images": "Images at least",
    "max_images": "Images at most",
    "state": "With an image",
    "tag": "Tag",
}
"""The filters in the order of the form, by their names in the page's URL."""
FORM_FIELDS = {
    **{name: quoted(label) for name, label in LABELS.items()},
    "name": quoted(LABELS["near"]),
    "ra": f"The right ascension in {quoted(LABELS['near'])}",
    "dec": f"The declination in {quoted(LABELS['near'])}",
}
"""Names in the form of the parameters of observations-data."""
PARAMETERS = frozenset({*LABELS, "name", "ra", "dec", "sort", "order", "cursor"})
"""All that the page of observations takes."""
COMMON = ("field", "near", "radius", "unit")
"""Filters that are always visible."""
FIRST_ORDER = {
    "time": "desc",
    "field": "asc",
    "unit": "asc",
    "images": "desc",
    "exptime": "desc",
    "distance": "asc",
}
"""Sort keys by column, and their order at the first click."""
FACETS = {"unit": "Unit", "camera": "Camera", "year": "Year", "state": "State", "tag": "Tag"}
DEFAULT_RADIUS_DEG = "15"
UNITS = {"radius": "°", "min_exptime": " s", "max_exptime": " s"}

_COORDINATES = re.compile(
    r"[0-9+\-\N{MINUS SIGN}][0-9.:,+\-\N{MINUS SIGN}\s°'\"\N{PRIME}\N{DOUBLE PRIME}hmsd]*"
)


@dataclass(frozen=True, slots=True)
class Chip:
    """A set filter: its text, and the URL of the page without it."""

    label: str
    words: str
    without: str


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value, its number of observations, and the page with only these, or with all."""

    words: str
    count: int
    address: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """One property of observations with its values."""

    name: str
    label: str
    values: list[FacetValue]


@dataclass(frozen=True, slots=True)
class Search:
    """The search of an observations page.

    `filters` are the given ones, `sort` is one of `FIRST_ORDER` or empty.
    """

    filters: dict[str, str]
    sort: str = ""
    order: str = ""
    cursor: str = ""

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> "Search":
        """Parse a page's URL.

        A position may also be given as in observations-data: ``name``, or ``ra`` and ``dec``.
        """
        given = {name: parameters.get(name, "").strip() for name in LABELS}
        place = (parameters.get("ra", ""), parameters.get("dec", ""))
        given["near"] = given["near"] or parameters.get("name", "") or " ".join(place).strip()
        if not given["near"]:
            given["radius"] = ""
        known = {name: value for name, value in given.items() if value}
        return cls(known, *(parameters.get(name, "") for name in ("sort", "order", "cursor")))

    @property
    def asked(self) -> dict[str, str]:
        """Parameters of the request to observations-data."""
        others = {"sort": self.sort, "order": self.order, "cursor": self.cursor}
        given = {**self.filters, **{name: value for name, value in others.items() if value}}
        near = given.pop("near", "")
        return {**given, **place_of(near)} if near else given

    @property
    def is_by_time(self) -> bool:
        """Whether the newest observation comes first."""
        return self.sort in ("", "time") and self.order in ("", "desc")

    @property
    def chips(self) -> list[Chip]:
        """The set filters; the radius is part of the position's text."""
        return [
            Chip(LABELS[name], self._words(name, value), self.address(**{name: ""}))
            for name, value in self.filters.items()
            if name != "radius"
        ]

    def address(self, **changes: str) -> str:
        """Return the query of the first page with changed filters or order."""
        kept = {**self.filters, "sort": self.sort, "order": self.order, **changes}
        if not kept.get("near"):
            kept.pop("radius", None)
            if kept["sort"] == "distance":
                kept.update(sort="", order="")
        return urlencode({name: value for name, value in kept.items() if value})

    def following(self, cursor: str) -> str:
        """Return the query of the next page."""
        return f"{self.address()}&{urlencode({'cursor': cursor})}".lstrip("&")

    def sorted_by(self, column: str) -> str:
        """Return the query of the page sorted by a column; reversed if it already is."""
        order = FIRST_ORDER[column]
        if column == (self.sort or "time"):
            now = self.order or FIRST_ORDER[column]
            order = "asc" if now == "desc" else "desc"
        return self.address(sort=column, order=order)

    def aria_sort(self, column: str) -> str:
        """Return a column's ``aria-sort``."""
        if column != (self.sort or "time"):
            return "none"
        order = self.order or FIRST_ORDER[column]
        return "ascending" if order == "asc" else "descending"

    def facets(self, counted: Mapping[str, list[FacetCount]]) -> list[Facet]:
        """Return the facets with more than one choice."""
        found = []
        for name, label in FACETS.items():
            values = [self._value(name, v["value"], v["count"]) for v in counted.get(name, [])]
            if len(values) > 1 or any(value.is_chosen for value in values):
                found.append(Facet(name, label, values))
        return found

    def _value(self, facet: str, value: str, count: int) -> FacetValue:
        if facet == "year":
            chosen = {"after": f"{value}-01-01", "before": f"{value}-12-31"}
        else:
            chosen = {facet: value}
        is_chosen = all(self.filters.get(name) == said for name, said in chosen.items())
        address = self.address(**dict.fromkeys(chosen, "") if is_chosen else chosen)
        return FacetValue(_said(facet, value), count, address, is_chosen)

    def _words(self, name: str, value: str) -> str:
        if name == "near":
            return f"{value} within {self.filters.get('radius', DEFAULT_RADIUS_DEG)}°"
        return _said(name, value) + UNITS.get(name, "")


def _said(name: str, value: str) -> str:
    if name == "state" and value in STATES:
        return STATES[value].word
    if name in ("after", "before"):
        try:
            return day(value)
        except ValueError:
            return value
    return value


def place_of(near: str) -> dict[str, str]:
    """Return a position as parameters of observations-data: coordinates, or else a name."""
    if not _COORDINATES.fullmatch(near):
        return {"name": near}
    parts = re.fullmatch(r"([^,]+?)\s*,\s*(.+)|(.+?)\s*(?=[+\-\N{MINUS SIGN}])(.+)", near)
    if parts:
        ra, dec = parts[1] or parts[3], parts[2] or parts[4]
    else:
        words = near.split()
        ra, dec = " ".join(words[: len(words) // 2]), " ".join(words[len(words) // 2 :])
    if not (ra and dec):
        return {"name": near}
    return {"ra": ra, "dec": dec.replace("\N{MINUS SIGN}", "-")}
