"""What a night is: from noon to noon, named by the date of its evening.

Where the unit's longitude is known, noon is that of the mean local sun, so that no night is cut
in two anywhere on Earth; else it is 12:00 UTC.
"""

import datetime as dt
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

NOON = dt.time(12, tzinfo=UTC)
DAY = timedelta(days=1)
EARLIEST, LATEST = dt.date(1900, 1, 1), dt.date(9000, 12, 31)
"""Nights beyond are nobody's, and their bounds would leave what a time can be."""


@dataclass(frozen=True, slots=True)
class Night:
    """The night that begins in the evening of `date`: `start` belongs to it, `end` does not.

    `longitude_deg` is the unit's, east positive; None where the bounds are 12:00 UTC.
    """

    date: dt.date
    start: datetime
    end: datetime
    longitude_deg: float | None

    @classmethod
    def of(cls, day: dt.date, longitude_deg: float | None) -> "Night":
        """Return the night of this date; ValueError for a date that no telescope saw.

        A longitude that is none on Earth counts as unknown.
        """
        if not EARLIEST <= day <= LATEST:
            raise ValueError(f"{day} is no date of a night")
        start = datetime.combine(day, NOON) + noon_offset(longitude_deg)
        return cls(day, start, start + DAY, known_longitude(longitude_deg))

    @classmethod
    def holding(cls, moment: datetime, longitude_deg: float | None) -> "Night":
        """Return the night that an aware time lies in."""
        shifted = moment.astimezone(UTC) - noon_offset(longitude_deg) - timedelta(hours=12)
        return cls.of(shifted.date(), longitude_deg)

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    @property
    def bounds(self) -> str:
        """How the bounds were found: ``local_noon`` or ``utc_noon``."""
        return "utc_noon" if self.longitude_deg is None else "local_noon"


def known_longitude(longitude_deg: float | None) -> float | None:
    """Return a longitude that can be one on Earth; None for any other."""
    if longitude_deg is None or not math.isfinite(longitude_deg) or abs(longitude_deg) > 360:
        return None
    return longitude_deg


def noon_offset(longitude_deg: float | None) -> timedelta:
    """Return how long after 12:00 UTC the mean sun is highest, to the second; 0 if unknown."""
    known = known_longitude(longitude_deg)
    if known is None:
        return timedelta(0)
    east_deg = (known + 180) % 360 - 180
    return timedelta(seconds=round(-east_deg * 240))
