"""Nights: from noon to noon, named by the date of the evening.

If the unit's longitude is known, noon is that of the mean local sun, so that no night on Earth is
split in two; else it is 12:00 UTC.
"""

import datetime as dt
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

NOON = dt.time(12, tzinfo=UTC)
DAY = timedelta(days=1)
EARLIEST, LATEST = dt.date(1900, 1, 1), dt.date(9000, 12, 31)
"""Nights outside these dates are invalid, and their bounds would exceed the range of times."""


@dataclass(frozen=True, slots=True)
class Night:
    """The night that begins on the evening of `date`: `start` is included, `end` is not.

    `longitude_deg` is the unit's, east positive; None if the bounds are 12:00 UTC.
    """

    date: dt.date
    start: datetime
    end: datetime
    longitude_deg: float | None

    @classmethod
    def of(cls, day: dt.date, longitude_deg: float | None) -> "Night":
        """Return the night of this date; ValueError for a date without telescopes.

        An invalid longitude counts as unknown.
        """
        if not EARLIEST <= day <= LATEST:
            raise ValueError(f"{day} is not the date of a night")
        start = datetime.combine(day, NOON) + noon_offset(longitude_deg)
        return cls(day, start, start + DAY, known_longitude(longitude_deg))

    @classmethod
    def holding(cls, moment: datetime, longitude_deg: float | None) -> "Night":
        """Return the night that contains an aware time."""
        shifted = moment.astimezone(UTC) - noon_offset(longitude_deg) - timedelta(hours=12)
        return cls.of(shifted.date(), longitude_deg)

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    @property
    def bounds(self) -> str:
        """Definition of the bounds: ``local_noon`` or ``utc_noon``."""
        return "utc_noon" if self.longitude_deg is None else "local_noon"


def known_longitude(longitude_deg: float | None) -> float | None:
    """Return a valid longitude unchanged; None for any other value."""
    if longitude_deg is None or not math.isfinite(longitude_deg) or abs(longitude_deg) > 360:
        return None
    return longitude_deg


def noon_offset(longitude_deg: float | None) -> timedelta:
    """Return the time from 12:00 UTC to mean local noon, in whole seconds; 0 if unknown."""
    known = known_longitude(longitude_deg)
    if known is None:
        return timedelta(0)
    east_deg = (known + 180) % 360 - 180
    return timedelta(seconds=round(-east_deg * 240))
