"""The network's nights as bars, stacked by unit; positions are percent of a chart's size."""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from observations_explorer.formatting import day, figure, span
from panoptes_network.responses.network import NightSums
from panoptes_network.responses.values import number

MAX_TICKS = 5
BAR_WIDTH = 0.86
"""Width of a bar, as a fraction of a night's space."""


class Quantity(NamedTuple):
    """A drawn column of a night: its name, title, and format."""

    column: str
    title: str
    is_time: bool

    def written(self, value: float | None) -> str:
        """Format a value of this quantity; None is unknown."""
        return span(value) if self.is_time else figure(value)


QUANTITIES = (
    Quantity("n_images", "Images", False),
    Quantity("exposure_s", "Time on sky", True),
)


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar for one unit in one night; `colour` counts the units from 0."""

    x: float
    y: float
    height: float
    words: str
    colour: int
    unit_id: str
    night: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One quantity over the nights; `high` is the upper end of the axis, which starts at 0."""

    title: str
    high: str
    summary: str
    width: float
    bars: list[Bar]


@dataclass(frozen=True, slots=True)
class Charts:
    """All quantities on one axis of nights."""

    charts: list[Chart]
    ticks: list[tuple[float, str]]


def charts(nights: list[NightSums], units: list[str], first: date, last: date) -> Charts | None:
    """Return the charts of some nights; None without images.

    Parameters
    ----------
    nights : list of dict
        One row per night and unit, grouped by night, as in observations-data.
    units : list of str
        All units, in the order of their colours.
    first, last : date
        Ends of the axis.
    """
    if not nights:
        return None
    n_days = (last - first).days + 1
    step = -(-n_days // MAX_TICKS)
    marked = [first + timedelta(days=n) for n in range(step // 2, n_days, step)]
    return Charts(
        [_chart(quantity, nights, units, first, n_days) for quantity in QUANTITIES],
        [(_x(on, first, n_days), f"{on.day} {on:%b}") for on in marked],
    )


def _chart(
    quantity: Quantity, nights: list[NightSums], units: list[str], first: date, n_days: int
) -> Chart:
    by_night = [list(rows) for _, rows in groupby(nights, itemgetter("night"))]
    totals = [sum(number(row, quantity.column) or 0 for row in rows) for rows in by_night]
    high = max(*totals, 1e-9) if totals else 1e-9
    bars = [bar for rows in by_night for bar in _bars(quantity, rows, units, first, n_days, high)]
    summary = (
        f"{quantity.title} by night: {len(by_night)} nights, at most {quantity.written(high)},"
        f" {quantity.written(sum(totals))} together"
    )
    width = 100 * BAR_WIDTH / n_days
    return Chart(quantity.title, quantity.written(high), summary, width, bars)


def _bars(
    quantity: Quantity,
    rows: list[NightSums],
    units: list[str],
    first: date,
    n_days: int,
    high: float,
) -> list[Bar]:
    found, below = [], 0.0
    for row in rows:
        value = number(row, quantity.column)
        height = 100 * (value or 0) / high
        x = _x(date.fromisoformat(row["night"]), first, n_days) - 50 * BAR_WIDTH / n_days
        words = f"{day(row['night'])}, {row['unit_id']}: {quantity.written(value)}"
        colour = units.index(row["unit_id"])
        below += height
        found.append(Bar(x, 100 - below, height, words, colour, row["unit_id"], row["night"]))
    return found


def _x(on: date, first: date, n_days: int) -> float:
    """Return the position of the middle of a night."""
    return 100 * ((on - first).days + 0.5) / n_days
