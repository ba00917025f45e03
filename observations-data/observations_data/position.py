"""A request's position on the sky and search radius."""

import math
import re
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func

from observations_data.http.query_parameters import (
    BadParameterError,
    Parameters,
    finite,
    real_number,
    text,
)
from panoptes_network.database.models import SequenceFigures

DEFAULT_RADIUS_DEG = 15.0
MAX_RADIUS_DEG = 180.0
ROUNDING = 1e-15
"""Rounding error of a cosine near 1: 0.01 arcsec around a position."""

RA_WANTED = "degrees from 0 to 360, or hours, minutes and seconds like 05:35:17.3"
DEC_WANTED = "degrees from -90 to 90, or degrees, minutes and seconds like -05:23:28"
_SEXAGESIMAL = re.compile(
    r"(?P<sign>[-+\u2212]?)(?P<whole>[0-9]{1,3})(?:[:hd°]\s*|\s+)(?P<minutes>[0-9]{1,2})"
    r"(?:(?:[:m'\u2032]\s*|\s+)(?P<seconds>[0-9]{1,2}(?:\.[0-9]{0,12})?)[s\"\u2033]?|[m'\u2032]?)"
)


@dataclass(frozen=True, slots=True)
class Cone:
    """All directions within `radius_deg` of a position, ICRS degrees, with its requested name."""

    ra_deg: float
    dec_deg: float
    radius_deg: float = DEFAULT_RADIUS_DEG
    name: str | None = None

    @property
    def distance(self) -> ColumnElement[float]:
        """Distance of an observation's mean centre, as 1 minus the cosine; else NULL."""
        figures = SequenceFigures
        ra, dec = math.radians(self.ra_deg), math.radians(self.dec_deg)
        along = (
            figures.sum_x * (math.cos(dec) * math.cos(ra))
            + figures.sum_y * (math.cos(dec) * math.sin(ra))
            + figures.sum_z * math.sin(dec)
        )
        x, y, z = figures.sum_x, figures.sum_y, figures.sum_z
        return 1 - along / func.nullif(func.sqrt(x * x + y * y + z * z), 0.0)

    @property
    def holds_centre(self) -> ColumnElement[bool]:
        """Return the condition that an observation's mean centre is within, including the edge.

        An index finds the cone's declinations.
        """
        reach = self.radius_deg + math.degrees(math.sqrt(2 * ROUNDING))
        return and_(
            SequenceFigures.dec_deg.between(self.dec_deg - reach, self.dec_deg + reach),
            self.distance <= 1 - math.cos(math.radians(self.radius_deg)) + ROUNDING,
        )


@dataclass(frozen=True, slots=True)
class Place:
    """A request's position: coordinates, or a name."""

    radius_deg: float
    name: str | None = None
    ra_deg: float = 0.0
    dec_deg: float = 0.0

    @classmethod
    def parse(cls, parameters: Parameters) -> "Place | None":
        """Read ``ra`` and ``dec``, or ``name``, and ``radius``; None without a position.

        Raises
        ------
        BadParameterError
            For the first one that is invalid, or that lacks or contradicts another.
        """
        radius_deg = real_number(parameters, "radius", 0, MAX_RADIUS_DEG)
        if radius_deg is None:
            radius_deg = DEFAULT_RADIUS_DEG
        ra, dec, name = (text(parameters, each) for each in ("ra", "dec", "name"))
        if name:
            if ra or dec:
                raise BadParameterError("name", "omitted if ra and dec are given")
            return cls(radius_deg, name)
        if not ra and not dec:
            return None
        return cls(radius_deg, None, right_ascension(ra or ""), declination(dec or ""))


def right_ascension(value: str) -> float:
    """Return a right ascension in [0, 360), degrees.

    Parameters
    ----------
    value : str
        Degrees; or hours, minutes and optional seconds, separated by colons, spaces or ``h m s``.
        With ``d`` or ``°`` after the first number, all are degrees.

    Raises
    ------
    BadParameterError
        For anything else, including NaN and infinity.
    """
    parts = _sexagesimal(value)
    is_hours = parts is not None and not re.search("[d°]", value)
    degrees = finite(value) if parts is None else parts * (15 if is_hours else 1)
    if degrees is None or not 0 <= degrees <= 360:
        raise BadParameterError("ra", RA_WANTED)
    return degrees % 360


def declination(value: str) -> float:
    """Return a declination in degrees.

    Parameters
    ----------
    value : str
        Degrees; or degrees, minutes and optional seconds, separated by colons, spaces or ``d m s``.

    Raises
    ------
    BadParameterError
        For anything else, including NaN and infinity.
    """
    parts = None if "h" in value else _sexagesimal(value)
    degrees = finite(value) if parts is None else parts
    if degrees is None or not -90 <= degrees <= 90:
        raise BadParameterError("dec", DEC_WANTED)
    return degrees


def _sexagesimal(value: str) -> float | None:
    """Return a sexagesimal value in units of its first number; None if it is invalid."""
    match = _SEXAGESIMAL.fullmatch(value)
    if match is None:
        return None
    minutes, seconds = int(match["minutes"]), float(match["seconds"] or 0)
    if minutes >= 60 or seconds >= 60:
        return None
    size = int(match["whole"]) + minutes / 60 + seconds / 3600
    return -size if match["sign"] in {"-", "\N{MINUS SIGN}"} else size
