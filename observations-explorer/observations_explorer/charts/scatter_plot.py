"""A small plot of values, with error bars if available, as geometry for SVG templates."""

import math
from dataclasses import dataclass
from functools import partial

from observations_explorer.formatting import figure

WIDTH, HEIGHT = 320.0, 132.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 8.0, 10.0, 24.0
"""Size of a plot and the room around its frame, in SVG user units."""
MIN_SPAN = 0.1
"""Minimum length of a vertical axis, relative to the mean, so that noise looks small."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A plotted quantity: its name, unit, and number of digits."""

    title: str
    unit: str
    digits: int
    least_span: float = MIN_SPAN


@dataclass(frozen=True, slots=True)
class Sample:
    """A value at a position of the horizontal axis, with the position's label and image."""

    at: float
    value: float
    label: str
    image_id: str
    error: float | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """A sample in a plot, in SVG user units: `top` and `bottom` are the ends of its error bar."""

    x: float
    y: float
    words: str
    sample: Sample
    top: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Plot:
    """One quantity: its points in the samples' order, and the labels of its axes.

    `reach` is the range of values in words; `low` and `high` are the ends of the vertical axis,
    `first` and `last` those of the horizontal one. `least_span` is that of its quantity.
    """

    title: str
    unit: str
    reach: str
    points: list[Point]
    low: str
    high: str
    first: str
    last: str
    least_span: float

    @property
    def line(self) -> str:
        """The points as an SVG polyline."""
        return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in self.points)

    @property
    def summary(self) -> str:
        """Text alternative of the plot."""
        times = f"{len(self.points)} images, {self.first} to {self.last}"
        return f"{self.title}: {self.reach} {self.unit}, {times}"


def plot(
    quantity: Quantity, samples: list[Sample], ends: tuple[str, str], span: tuple[float, float]
) -> Plot:
    """Lay out a plot.

    Parameters
    ----------
    quantity : Quantity
    samples : list of Sample
        At least one.
    ends : tuple of str
        Labels at the ends of the horizontal axis.
    span : tuple of float
        Values at the ends.
    """
    written = partial(figure, digits=quantity.digits)
    values = [sample.value for sample in samples]
    low, high = _axis(samples, quantity.least_span)
    across = _Scale(*span, LEFT, WIDTH - RIGHT)
    down = _Scale(low, high, HEIGHT - BOTTOM, TOP)
    return Plot(
        title=quantity.title,
        unit=quantity.unit,
        reach=f"from {written(min(values))} to {written(max(values))}",
        points=[_point(sample, quantity, across, down) for sample in samples],
        low=written(low),
        high=written(high),
        first=ends[0],
        last=ends[1],
        least_span=quantity.least_span,
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    """An axis from `low` to `high`, drawn from `start` to `end`; without length, at its centre."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        part = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return self.start + (self.end - self.start) * part


def _point(sample: Sample, quantity: Quantity, across: _Scale, down: _Scale) -> Point:
    written = partial(figure, digits=quantity.digits)
    error = sample.error or 0.0
    value = written(sample.value)
    if sample.error is not None:
        value += f" ± {written(sample.error)}"
    return Point(
        x=across(sample.at),
        y=down(sample.value),
        words=f"{value} {quantity.unit} at {sample.label}",
        sample=sample,
        top=max(down(sample.value + error), TOP),
        bottom=min(down(sample.value - error), HEIGHT - BOTTOM),
    )


def _axis(samples: list[Sample], least_span: float) -> tuple[float, float]:
    """Return the ends of the vertical axis, far enough apart that noise looks small.

    Error bars extend the axis by at most their median: one large error must not flatten it.
    """
    values = [sample.value for sample in samples]
    errors = sorted(sample.error or 0.0 for sample in samples)
    room = errors[len(errors) // 2]
    low, high = min(values) - room, max(values) + room
    middle, least = (low + high) / 2, least_span * abs(math.fsum(values) / len(values))
    reach = max(high - low, least) / 2
    return middle - reach, middle + reach
