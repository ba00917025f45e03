"""Indexed SQL conditions for positions on the sky: declination zones.

The zones algorithm of Gray, Szalay et al. (2004, MSR-TR-2004-32): a cone is a run of zones and,
within each, an interval of right ascension; the rows found are then measured exactly. The indexes
are those of migration 0007.
"""

import math
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, any_, func, literal, literal_column, or_
from sqlalchemy.dialects.postgresql import ARRAY, DOUBLE_PRECISION
from sqlalchemy.orm import InstrumentedAttribute

ZONES_PER_DEG = 10
SLACK_DEG = 1e-9
"""Larger than the rounding errors here, far smaller than any measured distance."""

Interval = tuple[float, float]
DegColumn = InstrumentedAttribute[float] | InstrumentedAttribute[float | None]


@dataclass(frozen=True, slots=True)
class Box:
    """A region of the sky between two declinations and within intervals of right ascension.

    Degrees, ends included. The intervals are within 0 to 360; a box across 0h has two.
    """

    dec_deg: Interval
    ra_deg: tuple[Interval, ...]

    @classmethod
    def around(cls, ra_deg: Interval, dec_deg: Interval, margin_deg: float) -> "Box":
        """Return a box that contains everything within `margin_deg` of a smaller one.

        Parameters
        ----------
        ra_deg : (float, float)
            From 0 to 360 and eastward from there, so the second may exceed 360.
        dec_deg : (float, float)
            From -90 to 90, ascending.
        margin_deg : float
            0 or greater.

        Notes
        -----
        A circle of radius r around declination d reaches asin(sin r / cos d) in right
        ascension, or all around if it contains a pole: spherical law of sines in the triangle
        of the pole, the centre and the point where a meridian touches the circle.
        """
        margin = margin_deg + SLACK_DEG
        low, high = dec_deg[0] - margin, dec_deg[1] + margin
        furthest = max(abs(dec_deg[0]), abs(dec_deg[1]))
        reach = 180.0
        if furthest + margin < 90:
            sine = math.sin(math.radians(margin)) / math.cos(math.radians(furthest))
            reach = math.degrees(math.asin(min(sine, 1.0)))
        return cls(
            (max(low, -90.0), min(high, 90.0)),
            _within_a_turn(ra_deg[0] - reach - SLACK_DEG, ra_deg[1] + reach + SLACK_DEG),
        )


def _within_a_turn(first: float, last: float) -> tuple[Interval, ...]:
    """Return an interval of right ascension as one or two intervals within 0 to 360."""
    if last - first >= 360:
        return ((0.0, 360.0),)
    if first < 0:
        return (first + 360, 360.0), (0.0, last)
    if last > 360:
        return (first, 360.0), (0.0, last - 360)
    return ((first, last),)


def is_in_box(ra_deg: DegColumn, dec_deg: DegColumn, box: Box) -> ColumnElement[bool]:
    """Return the condition that a row is in one of the box's zones and intervals.

    It selects slightly more than the box: up to one more zone on either side.
    """
    # Literal, not bound: the planner has to see the expression of the index.
    zone: ColumnElement[float] = func.floor(
        dec_deg * literal_column(str(ZONES_PER_DEG)), type_=DOUBLE_PRECISION()
    )
    first, last = (math.floor(dec * ZONES_PER_DEG) for dec in box.dec_deg)
    if box.ra_deg == ((0.0, 360.0),):
        return and_(ra_deg.is_not(None), zone.between(float(first), float(last)))
    zones = [float(number) for number in range(first, last + 1)]
    # In each zone, the index finds the interval.
    in_zone = zone == any_(literal(zones, ARRAY(DOUBLE_PRECISION())))
    return and_(in_zone, or_(*(ra_deg.between(*interval) for interval in box.ra_deg)))


def is_within(
    ra_deg: DegColumn, dec_deg: DegColumn, centre_deg: tuple[float, float], radius_deg: float
) -> ColumnElement[bool]:
    """Return the indexed condition that a row is in a cone, including its edge.

    Parameters
    ----------
    ra_deg, dec_deg : InstrumentedAttribute
        The row's position; one that is NULL or NaN is in no cone.
    centre_deg : (float, float)
        Right ascension from 0 to 360, declination from -90 to 90, ICRS.
    radius_deg : float
        From 0 to 180.
    """
    ra, dec = centre_deg
    box = Box.around((ra, ra), (dec, dec), radius_deg)
    return and_(is_in_box(ra_deg, dec_deg, box), is_near(ra_deg, dec_deg, centre_deg, radius_deg))


def is_near(
    ra_deg: DegColumn, dec_deg: DegColumn, centre_deg: tuple[float, float], radius_deg: float
) -> ColumnElement[bool]:
    """Return the condition of `is_within` without an index, for rows selected otherwise."""
    ra, dec = centre_deg
    cos_dec = math.cos(math.radians(dec))
    x, y = cos_dec * math.cos(math.radians(ra)), cos_dec * math.sin(math.radians(ra))
    z = math.sin(math.radians(dec))
    # The chord keeps its precision at small angles, where the cosine has none.
    chord_squared = (
        func.power(func.cosd(dec_deg) * func.cosd(ra_deg) - x, 2)
        + func.power(func.cosd(dec_deg) * func.sind(ra_deg) - y, 2)
        + func.power(func.sind(dec_deg) - z, 2)
    )
    longest = 2 * math.sin(math.radians(radius_deg + SLACK_DEG) / 2)
    return chord_squared <= longest**2
