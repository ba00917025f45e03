"""Statistics of a night's images: gaps, medians and trends, drift, the camera's clock.

Pure computation on plain values; `report` combines the results.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median, median_low

from panoptes_network.figures import TRENDS
from panoptes_network.nights.schema import Contradiction, Course, Gap, Spread

Series = list[tuple[datetime, float]]

GAP_FACTOR = 1.8
"""A pause longer than this multiple of the median cadence is a gap with missing frames."""
MIN_FOR_TREND = 6
CLOCK_TOLERANCE_S = 120
"""A real unit's DATE-OBS differs from its IMAGEID by half a minute; more is a wrong clock.
"""

SITE_TOLERANCE_DEG = 0.01
"""About a kilometre."""


def cadence_s(times: Sequence[datetime]) -> float | None:
    """Return the median time between exposure starts; None for fewer than three."""
    steps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    # The lower of two middle values: a true step, even if every second one is a gap.
    return median_low(steps) if len(steps) > 1 else None


def gaps(times: Sequence[datetime]) -> list[Gap[datetime]]:
    """Return the gaps between exposures in time order: start, end, number of missing frames."""
    cadence = cadence_s(times)
    if not cadence:
        return []
    return [
        {"start": earlier, "end": later, "n_missing": max(1, round(steps) - 1)}
        for earlier, later in pairwise(times)
        if (steps := (later - earlier).total_seconds() / cadence) > GAP_FACTOR
    ]


def spread(values: Iterable[float | None]) -> Spread | None:
    """Return median and maximum of the known values; None if there are none."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    return {"median": median(known), "max": max(known), "n": len(known)} if known else None


def course(name: str, series: Series) -> Course | None:
    """Return a quantity's course: median, first and last third, whether it got worse.

    Parameters
    ----------
    name : str
        One of `figures.TRENDS`.
    series : list of (time, value)
        In time order.
    """
    values = [value for _, value in series if math.isfinite(value)]
    if not values:
        return None
    third = max(1, len(values) // 3)
    first, last = median(values[:third]), median(values[-third:])
    is_worse = len(values) >= MIN_FOR_TREND and bool(TRENDS[name].is_worse(first, last))
    return {
        "median": median(values),
        "first": first,
        "last": last,
        "n": len(values),
        "is_worse": is_worse,
    }


def separation_arcmin(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the angle between two directions (RA, Dec in degrees), by the haversine formula."""
    (ra1, dec1), (ra2, dec2) = (tuple(map(math.radians, place)) for place in (one, other))
    square = math.sin((dec2 - dec1) / 2) ** 2
    square += math.cos(dec1) * math.cos(dec2) * math.sin((ra2 - ra1) / 2) ** 2
    return math.degrees(2 * math.asin(min(1.0, math.sqrt(square)))) * 60


def direction(ra_deg: float | None, dec_deg: float | None) -> tuple[float, float] | None:
    """Return a position on the sky; None if a coordinate is missing or invalid."""
    if ra_deg is None or dec_deg is None:
        return None
    if not (math.isfinite(ra_deg) and -90 <= dec_deg <= 90):
        return None
    return ra_deg, dec_deg


def drift_arcmin(centres: Sequence[tuple[float, float]]) -> float | None:
    """Return the largest distance of the field from its first position; None for fewer than two."""
    if len(centres) < 2:
        return None
    return max(separation_arcmin(centres[0], centre) for centre in centres[1:])


def offset_arcmin(
    centres: Sequence[tuple[float, float]], target: tuple[float, float] | None
) -> float | None:
    """Return the median angle between the field's centre and the mount's target."""
    if target is None or not centres:
        return None
    return median(separation_arcmin(target, centre) for centre in centres)


def is_elsewhere(said_deg: object, believed_deg: float | None) -> bool:
    """Return whether a header's latitude or longitude differs; a missing one does not."""
    if not isinstance(said_deg, int | float) or isinstance(said_deg, bool) or believed_deg is None:
        return False
    return abs(said_deg - believed_deg) > SITE_TOLERANCE_DEG


def sites(
    said: Sequence[tuple[str, object, object]], site: tuple[float | None, float | None]
) -> list[Contradiction]:
    """Return per card the number of headers with a location other than `site`, and an example.

    Parameters
    ----------
    said : sequence of (image id, latitude, longitude)
        Values in the headers.
    site : tuple of (latitude, longitude)
        The accepted location, degrees; None if unknown.
    """
    found: list[Contradiction] = []
    for n, card in enumerate(("LAT-OBS", "LONG-OBS")):
        cases = [(one[0], one[n + 1]) for one in said if is_elsewhere(one[n + 1], site[n])]
        if cases:
            image_id, header = cases[0]
            found.append(
                Contradiction(
                    card=card,
                    count=len(cases),
                    image_id=image_id,
                    believed=site[n],
                    header=header,
                )
            )
    return found


def clock_offset_s(time: datetime, date_obs: str | None) -> float | None:
    """Return the offset of the camera's clock from the image's time; None if it is right.

    Cards that are not a time, or only a date, are ignored.
    """
    if date_obs is None or "T" not in date_obs:
        return None
    try:
        clock = datetime.fromisoformat(date_obs)
    except ValueError:
        return None
    aware = clock if clock.tzinfo else clock.replace(tzinfo=UTC)
    offset = (aware - time).total_seconds()
    return offset if abs(offset) > CLOCK_TOLERANCE_S else None
