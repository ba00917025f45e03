"""Filters of the candidates page: its URL, its request, and its links."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from observations_explorer.form_errors import in_labels, quoted

FILTERS = ("kind", "known", "max_false_alarm", "min_mag", "max_mag", "unit", "sequence_id")
"""Parameters by filter in the page's URL; there, probabilities are in percent."""
IN_PERCENT = ("max_false_alarm",)
FORM_FIELDS = {
    "max_false_alarm": quoted("Max. false alarms (%)"),
    "min_mag": quoted("G from"),
    "max_mag": quoted("G to"),
    "unit": quoted("Unit"),
}
"""Names in the form of the parameters that people write into it."""
FIRST_ORDER = {
    "significance": "desc",
    "depth": "desc",
    "duration": "asc",
    "period": "asc",
    "mag": "asc",
    "false_alarm": "asc",
    "found": "desc",
}
"""Sort keys by column, and their order at the first click."""
USUAL_SORT = "significance"


@dataclass(frozen=True, slots=True)
class CandidateSearch:
    """The search of a candidates page; `filters` are the given ones."""

    filters: dict[str, str]
    sort: str = ""
    order: str = ""
    cursor: str = ""

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> "CandidateSearch":
        """Parse a page's URL."""
        given = {name: parameters.get(name, "").strip() for name in FILTERS}
        known = {name: value for name, value in given.items() if value}
        return cls(known, *(parameters.get(name, "") for name in ("sort", "order", "cursor")))

    @property
    def asked(self) -> dict[str, str]:
        """Parameters of the request to observations-data."""
        order = {"sort": self.sort or USUAL_SORT, "order": self.order, "cursor": self.cursor}
        return {**self.filters_asked, **{name: value for name, value in order.items() if value}}

    @property
    def filters_asked(self) -> dict[str, str]:
        """The filters as parameters of observations-data; invalid numbers are unchanged."""
        return {
            name: _share(value) if name in IN_PERCENT else value
            for name, value in self.filters.items()
        }

    def address(self, **changes: str) -> str:
        """Return the query of the first page with changed filters or order."""
        kept = {**self.filters, "sort": self.sort, "order": self.order, **changes}
        return urlencode({name: value for name, value in kept.items() if value})

    def following(self, cursor: str) -> str:
        """Return the query of the next page."""
        return f"{self.address()}&{urlencode({'cursor': cursor})}".lstrip("&")

    def sorted_by(self, column: str) -> str:
        """Return the query of the page sorted by a column; reversed if it already is."""
        order = FIRST_ORDER[column]
        if column == (self.sort or USUAL_SORT):
            order = "asc" if (self.order or order) == "desc" else "desc"
        return self.address(sort=column, order=order)

    def aria_sort(self, column: str) -> str:
        """Return a column's ``aria-sort``."""
        if column != (self.sort or USUAL_SORT):
            return "none"
        return {"asc": "ascending"}.get(self.order or FIRST_ORDER[column], "descending")


def form_error(message: str | None) -> str | None:
    """Return an error of observations-data in the words of the form."""
    words = in_labels(message, FORM_FIELDS)
    if words and message and message.startswith(IN_PERCENT):
        return words.replace("from 0 to 1", "from 0 to 100")
    return words


def _share(percent: str) -> str:
    try:
        return f"{float(percent.replace(',', '.')) / 100:g}"
    except ValueError:
        return percent
