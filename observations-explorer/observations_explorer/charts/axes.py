"""Axes of charts: positions of values, and ticks."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from observations_explorer.formatting import figure

NICE = (1.0, 2.0, 5.0)
"""First digits of ticks and of steps between ticks."""
MINUTE_S = 60.0
HOUR_S = 3600.0
TIME_STEPS_S = (5 * MINUTE_S, 10 * MINUTE_S, 15 * MINUTE_S, 30 * MINUTE_S, HOUR_S, 2 * HOUR_S)
MAX_TIMES = 9
NIGHT_GAP_S = 5 * HOUR_S
"""Frames farther apart than this belong to different nights."""
ROOM = 0.06
"""Space between two nights, as a fraction of the axis."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A tick on an axis: its position and label."""

    at: float
    words: str


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis from `low` to `high`, drawn from `start` to `end`; without length, at its centre."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def __call__(self, value: float) -> float:
        """Return the position of a value; on a logarithmic axis it must be positive."""
        low, high, at = (
            math.log10(one) if self.is_log else one for one in (self.low, self.high, value)
        )
        part = (at - low) / (high - low) if high > low else 0.5
        return self.start + (self.end - self.start) * part

    def within(self, value: float) -> float:
        """Return the position of a value, limited to the ends of the axis."""
        return self(min(max(value, self.low), self.high))

    def ticks(self, about: int = 5, factor: float = 1.0) -> list[Tick]:
        """Return about `about` ticks, labelled with values times `factor`."""
        if self.is_log:
            values = _log_values(self.low, self.high)
            return [Tick(self(value), f"{value * factor:g}") for value in values]
        step = _step((self.high - self.low) / about)
        digits = max(0, -math.floor(math.log10(step * factor) + 1e-9))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        values = [number * step for number in range(first, last + 1)]
        return [Tick(self(value), figure(value * factor + 0.0, digits)) for value in values]


@dataclass(frozen=True, slots=True)
class Night:
    """Frames of one night, between two times in Unix seconds, drawn from `left` on."""

    first_s: float
    last_s: float
    left: float


@dataclass(frozen=True, slots=True)
class NightAxis:
    """The nights of a light curve, side by side: the days between them take no space.

    `length` is the axis's length in seconds. Without times, it is one night without length.
    """

    nights: list[Night]
    length: float

    @classmethod
    def of(cls, times_s: Iterable[float]) -> "NightAxis":
        """Lay out the nights of a list of times, in any order."""
        ends = _nights(sorted(times_s))
        shown_s = sum(last - first for first, last in ends)
        room_s = (ROOM * shown_s or HOUR_S) if len(ends) > 1 else 0.0
        nights, left = [], 0.0
        for first, last in ends:
            nights.append(Night(first, last, left))
            left += last - first + room_s
        return cls(nights, max(left - room_s, 0.0))

    def __call__(self, time_s: float) -> float:
        """Return the position of a time; between two nights, that of the earlier one's end."""
        night = next(one for one in reversed(self.nights) if time_s >= one.first_s)
        return night.left + min(time_s, night.last_s) - night.first_s

    @property
    def ticks(self) -> list[Tick]:
        """Hours, UTC, for one night; dates for several nights."""
        if len(self.nights) > 1:
            return [Tick(night.left, _said(night.first_s, "%-d %b")) for night in self.nights]
        first, last = self.nights[0].first_s, self.nights[0].last_s
        step = next((s for s in TIME_STEPS_S if last - first <= s * MAX_TIMES), TIME_STEPS_S[-1])
        numbers = range(math.ceil(first / step), math.floor(last / step) + 1)
        return [Tick(n * step - first, _said(n * step, "%H:%M")) for n in numbers]


def _nights(times_s: list[float]) -> list[tuple[float, float]]:
    """Return the first and last of the ordered times of each night."""
    if not times_s:
        return [(0.0, 0.0)]
    breaks = [n for n in range(1, len(times_s)) if times_s[n] - times_s[n - 1] > NIGHT_GAP_S]
    starts, ends = [0, *breaks], [*breaks, len(times_s)]
    return [(times_s[start], times_s[end - 1]) for start, end in zip(starts, ends, strict=True)]


def _said(time_s: float, pattern: str) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime(pattern)


def _step(least: float) -> float:
    """Return the smallest nice number of at least `least`."""
    decade = 10.0 ** math.floor(math.log10(least))
    return next(nice * decade for nice in (*NICE, 10.0) if nice * decade >= least * (1 - 1e-9))


def _log_values(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [nice * 10.0**decade for decade in decades for nice in NICE]
    return [value for value in values if low <= value <= high]
