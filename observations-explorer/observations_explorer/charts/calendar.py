"""A unit's nights as months of weeks, each night with a bar of its images' states."""

from calendar import Calendar
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from observations_explorer.formatting import STATES

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the calendar.

    `night` is what is known of its night; `is_open` says that its report can be looked at.
    """

    day: date
    night: Json | None
    is_open: bool
    is_of_month: bool

    @property
    def bar(self) -> list[tuple[str, float, float]]:
        """The states of the night's images, with start and width in percent."""
        return bar(self.night["states"]) if self.night else []


@dataclass(frozen=True, slots=True)
class Month:
    """A month's weeks, from Monday on."""

    first: date
    weeks: list[list[Day]]


def bar(states: dict[str, int]) -> list[tuple[str, float, float]]:
    """Return the parts of a bar: state, start and width in percent, in the states' order."""
    total, start = sum(states.values()), 0.0
    parts = []
    for state in (known for known in STATES if states.get(known)):
        width = 100 * states[state] / total
        parts.append((state, start, width))
        start += width
    return parts


def months(nights: list[Json], first: date | None, last: date) -> list[Month]:
    """Return the months that have nights, newest first.

    Parameters
    ----------
    nights : list of dict
        Newest first, as observations-data lists them.
    first, last : date
        What is known of a unit begins and ends here; `first` is None where it has no begin.
    """
    by_day = {date.fromisoformat(night["date"]): night for night in nights}
    firsts = [day for day, _ in groupby(sorted(by_day, reverse=True), lambda d: d.replace(day=1))]
    return [_month(month, by_day, first, last) for month in firsts]


def _month(month: date, by_day: dict[date, Json], first: date | None, last: date) -> Month:
    def day(day: date) -> Day:
        is_open = (first is None or first <= day) and day <= last
        return Day(day, by_day.get(day), is_open, day.month == month.month)

    weeks = Calendar().monthdatescalendar(month.year, month.month)
    return Month(month, [[day(one) for one in week] for week in weeks])
