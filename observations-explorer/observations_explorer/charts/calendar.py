"""A unit's nights as a calendar of months, with a bar of image states for each night."""

from calendar import Calendar
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from observations_explorer.formatting import STATES
from panoptes_network.responses.units import Night


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the calendar.

    `night` is the data of its night; `is_open` means that it has a report.
    """

    day: date
    night: Night | None
    is_open: bool
    is_of_month: bool

    @property
    def bar(self) -> list[tuple[str, float, float]]:
        """The states of the night's images, with start and width in percent."""
        return bar(self.night["states"]) if self.night else []


@dataclass(frozen=True, slots=True)
class Month:
    """A month's weeks, starting on Monday."""

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


def months(nights: list[Night], first: date | None, last: date) -> list[Month]:
    """Return the months that have nights, newest first.

    Parameters
    ----------
    nights : list of dict
        Newest first, as listed by observations-data.
    first, last : date
        Range of the unit's known nights; `first` is None if it is open.
    """
    by_day = {date.fromisoformat(night["date"]): night for night in nights}
    firsts = [day for day, _ in groupby(sorted(by_day, reverse=True), lambda d: d.replace(day=1))]
    return [_month(month, by_day, first, last) for month in firsts]


def _month(month: date, by_day: dict[date, Night], first: date | None, last: date) -> Month:
    def day(day: date) -> Day:
        is_open = (first is None or first <= day) and day <= last
        return Day(day, by_day.get(day), is_open, day.month == month.month)

    weeks = Calendar().monthdatescalendar(month.year, month.month)
    return Month(month, [[day(one) for one in week] for week in weeks])
