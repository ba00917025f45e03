"""Charts of a night on one time axis: a lane of images per camera, and their measurements.

All positions are percent of a chart's width or height, so that a chart fits a phone as well as a
printed page while its text keeps its size.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from observations_explorer.formatting import STATES, figure
from panoptes_network.figures import BY_NAME, TRENDS
from panoptes_network.nights.schema import Gap
from panoptes_network.responses.units import ShownImage, UnitNight
from panoptes_network.responses.values import number

MIN_SPAN = timedelta(minutes=20)
"""Minimum length of the axis, for nights with one image."""
MARGIN = 0.02
"""Margin on each side, as a fraction of the axis."""
MIN_WIDTH = 0.35
"""Minimum width of a mark, percent: visible and large enough for a finger."""
MAX_TICKS = 7
STEPS_MIN = (5, 10, 15, 30, 60, 120, 180, 240, 360)
MIN_RISE = 0.1
"""Minimum length of a vertical axis, relative to the mean, so that noise looks small."""


@dataclass(frozen=True, slots=True)
class Axis:
    """The time from the left edge to the right one."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, images: list[ShownImage[str]]) -> "Axis":
        """Return the axis for all images of a night."""
        starts = [_time(image) for image in images]
        first, last = min(starts), max(starts[n] + _length(images[n]) for n in range(len(images)))
        lacking = max(timedelta(0), MIN_SPAN - (last - first)) / 2
        margin = MARGIN * max(last - first, MIN_SPAN)
        return cls(first - lacking - margin, last + lacking + margin)

    def percent(self, moment: datetime) -> float:
        """Return the position of a time."""
        return 100 * ((moment - self.start) / (self.end - self.start))

    def ticks(self) -> list[tuple[float, str]]:
        """Return round times and their positions."""
        minutes = (self.end - self.start) / timedelta(minutes=1)
        step = timedelta(minutes=next((s for s in STEPS_MIN if minutes / s <= MAX_TICKS), 720))
        midnight = self.start.replace(hour=0, minute=0, second=0, microsecond=0)
        at = midnight + step * -((midnight - self.start) // step)
        found = []
        while at < self.end:
            found.append((self.percent(at), f"{at:%H:%M}"))
            at += step
        return found


@dataclass(frozen=True, slots=True)
class Mark:
    """An image or a gap in a lane: start, width, and tooltip."""

    x: float
    width: float
    words: str
    state: str = ""
    sequence_id: str = ""
    image_id: str = ""


@dataclass(frozen=True, slots=True)
class Lane:
    """The images of one camera, and the gaps between them."""

    camera_id: str
    marks: list[Mark]
    gaps: list[Mark]

    @property
    def summary(self) -> str:
        """Text alternative of the lane."""
        return f"Camera {self.camera_id}: {len(self.marks)} images, {len(self.gaps)} gaps"


@dataclass(frozen=True, slots=True)
class Dot:
    """A value of an image; `camera` counts the night's cameras from 0."""

    x: float
    y: float
    words: str
    camera: int


@dataclass(frozen=True, slots=True)
class Chart:
    """One quantity over the night."""

    title: str
    unit: str
    low: str
    high: str
    dots: list[Dot]

    @property
    def summary(self) -> str:
        """Text alternative of the chart."""
        return f"{self.title}: {self.low} to {self.high} {self.unit}, {len(self.dots)} images"


@dataclass(frozen=True, slots=True)
class Charts:
    """All charts of a night on one axis."""

    lanes: list[Lane]
    quantities: list[Chart]
    ticks: list[tuple[float, str]]


def charts(report: UnitNight[str]) -> Charts | None:
    """Return the charts of a night report; None without images."""
    images = report["images"]
    if not images:
        return None
    axis = Axis.of(images)
    cameras = [camera["camera_id"] for camera in report["cameras"]]
    quantities = (_chart(name, images, cameras, axis) for name in TRENDS)
    return Charts(
        lanes=[_lane(camera_id, report, axis) for camera_id in cameras],
        quantities=[chart for chart in quantities if chart is not None],
        ticks=axis.ticks(),
    )


def _time(image: ShownImage[str]) -> datetime:
    return datetime.fromisoformat(image["time"]).astimezone(UTC)


def _length(image: ShownImage[str]) -> timedelta:
    return timedelta(seconds=min(max(image["exptime_s"] or 0, 0), 3600))


def _lane(camera_id: str, report: UnitNight[str], axis: Axis) -> Lane:
    sequences = [one for one in report["sequences"] if one["camera_id"] == camera_id]
    gaps = [gap for sequence in sequences for gap in sequence["gaps"]]
    images = [image for image in report["images"] if image["camera_id"] == camera_id]
    return Lane(
        camera_id, [_mark(image, axis) for image in images], [_gap(gap, axis) for gap in gaps]
    )


def _mark(image: ShownImage[str], axis: Axis) -> Mark:
    start, state = _time(image), image["state"]
    word = STATES[state].word if state in STATES else state
    reason = f", {image['reason_code']}" if image["reason_code"] else ""
    x = axis.percent(start)
    return Mark(
        x,
        max(MIN_WIDTH, 0.86 * (axis.percent(start + _length(image)) - x)),
        f"{start:%H:%M:%S} {word}{reason}",
        state,
        image["sequence_id"],
        image["image_id"],
    )


def _gap(gap: Gap[str], axis: Axis) -> Mark:
    start, end = (datetime.fromisoformat(at).astimezone(UTC) for at in (gap["start"], gap["end"]))
    x, missing = axis.percent(start), gap["n_missing"]
    words = f"{start:%H:%M} to {end:%H:%M}: {missing} missing"
    return Mark(x, axis.percent(end) - x, words)


def _chart(
    name: str, images: list[ShownImage[str]], cameras: list[str], axis: Axis
) -> Chart | None:
    trend, unit = TRENDS[name], BY_NAME[name].plain_unit
    measured = [(image, number(image, name)) for image in images]
    known = [(image, value) for image, value in measured if value is not None]
    if len(known) < 2:
        return None
    low, high = _reach(value for _, value in known)
    written = partial(figure, digits=trend.digits)
    dots = [
        Dot(
            axis.percent(_time(image) + _length(image) / 2),
            6 + 88 * (high - value) / (high - low),
            f"{_time(image):%H:%M:%S} {written(value)} {unit}",
            cameras.index(image["camera_id"]),
        )
        for image, value in known
    ]
    return Chart(trend.title[0].upper() + trend.title[1:], unit, written(low), written(high), dots)


def _reach(values: Iterable[float]) -> tuple[float, float]:
    values = list(values)
    low, high = min(values), max(values)
    middle, least = (low + high) / 2, MIN_RISE * abs(sum(values) / len(values))
    reach = max(high - low, least, 1e-9) / 2
    return middle - reach, middle + reach
