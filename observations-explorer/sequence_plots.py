"""Small plots of an observation's figures over time, as geometry for an SVG template."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from page_format import figure

WIDTH, HEIGHT = 320.0, 132.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 8.0, 10.0, 24.0
"""Size of a plot and the room around its frame, in SVG user units."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A column of an image that is worth a plot, its unit and the digits that it is read to."""

    column: str
    title: str
    unit: str
    digits: int


LEAST_SPAN = 0.1
"""Least length of a vertical axis, as a part of the mean value."""

QUANTITIES = (
    Quantity("fwhm_px", "Star width (FWHM)", "px", 2),
    Quantity("rms_arcsec", "Astrometric rms", "arcsec", 2),
    Quantity("background_adu", "Sky background", "ADU", 0),
    Quantity("n_sources", "Sources", "per image", 0),
)


@dataclass(frozen=True, slots=True)
class Point:
    """A place in a plot, in SVG user units, and what stands there in words."""

    x: float
    y: float
    words: str


@dataclass(frozen=True, slots=True)
class Plot:
    """One quantity over time: its points in time order, and the words on its axes.

    `reach` says from what to what it goes; `low` and `high` are the ends of the axis.
    """

    title: str
    unit: str
    reach: str
    points: list[Point]
    low: str
    high: str
    first: str
    last: str

    @property
    def line(self) -> str:
        """The points as SVG writes a polyline."""
        return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in self.points)

    @property
    def summary(self) -> str:
        """What a reader who sees no plot is told."""
        times = f"{len(self.points)} images, {self.first} to {self.last} UTC"
        return f"{self.title}: {self.reach} {self.unit}, {times}"


def plots(images: list[dict[str, Any]]) -> list[Plot]:
    """Return a plot for each quantity that at least two of the images, in time order, have."""
    measured = [(quantity, _measured(images, quantity)) for quantity in QUANTITIES]
    return [_plot(quantity, values) for quantity, values in measured if len(values) > 1]


def _measured(images: list[dict[str, Any]], quantity: Quantity) -> list[tuple[datetime, float]]:
    return [
        (datetime.fromisoformat(image["time"]), float(image[quantity.column]))
        for image in images
        if image[quantity.column] is not None
    ]


def _plot(quantity: Quantity, values: list[tuple[datetime, float]]) -> Plot:
    seconds = [time.timestamp() for time, _ in values]
    heights = [value for _, value in values]
    written = partial(figure, digits=quantity.digits)
    words = [f"{written(v)} {quantity.unit} at {t:%H:%M:%S}" for t, v in values]
    low, high = _axis(heights)
    across = _scaled(seconds, (min(seconds), max(seconds)), (LEFT, WIDTH - RIGHT))
    down = _scaled(heights, (low, high), (HEIGHT - BOTTOM, TOP))
    return Plot(
        title=quantity.title,
        unit=quantity.unit,
        reach=f"from {written(min(heights))} to {written(max(heights))}",
        points=[Point(*place) for place in zip(across, down, words, strict=True)],
        low=written(low),
        high=written(high),
        first=f"{values[0][0]:%H:%M:%S}",
        last=f"{values[-1][0]:%H:%M:%S}",
    )


def _axis(heights: list[float]) -> tuple[float, float]:
    """Return the ends of the vertical axis, so far apart that mere noise looks small."""
    low, high = min(heights), max(heights)
    middle, least = (low + high) / 2, LEAST_SPAN * abs(sum(heights) / len(heights))
    reach = max(high - low, least) / 2
    return middle - reach, middle + reach


def _scaled(
    values: list[float], axis: tuple[float, float], place: tuple[float, float]
) -> list[float]:
    """Put values on an axis drawn from one place to another; without length, in its middle."""
    (low, high), (start, end) = axis, place
    return [
        start + (end - start) * ((v - low) / (high - low) if high > low else 0.5) for v in values
    ]
