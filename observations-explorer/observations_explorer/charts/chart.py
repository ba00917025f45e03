"""A large chart for SVG templates: marks, lines and ticks, with x in percent and y in pixels.

So its text and marks keep their size at any width of the page.
"""

from dataclasses import dataclass, field

from observations_explorer.charts.axes import Scale, Tick

HEIGHT = 340.0
"""Height of a chart, CSS pixels."""
LEFT, RIGHT = 1.5, 98.5
"""The ends of the horizontal axis, percent."""
TOP, BOTTOM = 12.0, HEIGHT - 30.0
"""The ends of the vertical axis, CSS pixels."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A point of a chart: position, tooltip, link, the ends of its error bar, and its series."""

    x: float
    y: float
    words: str
    address: str | None = None
    top: float | None = None
    bottom: float | None = None
    is_hollow: bool = False
    series: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a chart: its kind and its corners."""

    kind: str
    corners: list[tuple[float, float]]

    @property
    def path(self) -> str:
        """The corners as an SVG polyline."""
        return " ".join(f"{x:.2f},{y:.1f}" for x, y in self.corners)


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart.

    `summary` is the text alternative; `means` are marks in front of the others; `edges` are
    boundaries between nights, percent; `series` are names of marks by their number, empty if all
    are alike.
    """

    summary: str
    across_title: str
    down_title: str
    across: list[Tick]
    down: list[Tick]
    marks: list[Mark]
    means: list[Mark] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    edges: list[float] = field(default_factory=list)
    series: list[str] = field(default_factory=list)

    @property
    def marks_by_series(self) -> list[list[Mark]]:
        """The marks of each series; without series, all marks."""
        numbers = range(max(len(self.series), 1))
        return [[mark for mark in self.marks if mark.series == number] for number in numbers]


def across(low: float, high: float) -> Scale:
    """Return the horizontal axis of a chart."""
    return Scale(low, high, LEFT, RIGHT)


def down(low: float, high: float, is_log: bool = False) -> Scale:
    """Return the vertical axis of a chart."""
    return Scale(low, high, BOTTOM, TOP, is_log)
