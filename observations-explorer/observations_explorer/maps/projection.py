"""Two equal-area projections of the sky: Hammer's for the whole sky, Lambert's around a position.

Calabretta & Greisen 2002, A&A 395, 1077 (FITS WCS paper II): ``AIT`` is its equations 104 and 105,
``ZEA`` its equation 79. On the map x is to the right and y up, in degrees with the true scale at
the centre; right ascension increases to the left, as seen in the sky.
"""

import math
from dataclasses import dataclass
from typing import Protocol

GALACTIC_POLE = (192.85948, 27.12825)
"""Right ascension and declination, degrees, of the galaxy's north pole: ESA 1997, The Hipparcos
and Tycho Catalogues, ESA SP-1200, volume 1, section 1.5.3."""

Place = tuple[float, float]
"""Right ascension and declination, ICRS degrees; or x and y of a map."""
Vector = tuple[float, float, float]


class Projection(Protocol):
    """A way to draw the sky on a plane."""

    def project(self, ra_deg: float, dec_deg: float) -> Place:
        """Return the position of a place on the map."""


@dataclass(frozen=True, slots=True)
class Hammer:
    """Hammer's map of the whole sky, an ellipse of 2 to 1 around `centre_ra_deg`."""

    centre_ra_deg: float = 180.0

    half_width = math.degrees(2 * math.sqrt(2))
    half_height = math.degrees(math.sqrt(2))

    def longitude(self, ra_deg: float) -> float:
        """Return the degrees east of the centre, from -180 up to 180."""
        return (ra_deg - self.centre_ra_deg + 180) % 360 - 180

    def project(self, ra_deg: float, dec_deg: float) -> Place:
        """Return the position of a place on the map."""
        return self.project_longitude(self.longitude(ra_deg), dec_deg)

    def project_longitude(self, longitude_deg: float, dec_deg: float) -> Place:
        """Return the position of a place on the map, where -180 and 180 degrees are two edges."""
        half, dec = math.radians(longitude_deg / 2), math.radians(dec_deg)
        gamma = math.degrees(math.sqrt(2 / (1 + math.cos(dec) * math.cos(half))))
        return -2 * gamma * math.cos(dec) * math.sin(half), gamma * math.sin(dec)


@dataclass(frozen=True, slots=True)
class Zenithal:
    """Lambert's map around a position: a circle of `radius(180)` degrees is the whole sky."""

    centre: Place

    def project(self, ra_deg: float, dec_deg: float) -> Place:
        """Return the position of a place on the map; undefined opposite its centre."""
        (ra0, dec0), east = self.centre, math.radians(ra_deg - self.centre[0])
        dec, middle = math.radians(dec_deg), math.radians(dec0)
        x = math.cos(dec) * math.sin(east)
        y = math.sin(dec) * math.cos(middle) - math.cos(dec) * math.sin(middle) * math.cos(east)
        angle = separation_deg((ra_deg, dec_deg), (ra0, dec0))
        length = math.hypot(x, y)
        stretch = self.radius(angle) / length if length else 0.0
        return -x * stretch, y * stretch

    @staticmethod
    def radius(angle_deg: float) -> float:
        """Return the distance on the map for a distance from the centre."""
        return math.degrees(2 * math.sin(math.radians(angle_deg) / 2))


def vector(place: Place) -> Vector:
    """Return a direction as a unit vector, z towards the pole."""
    ra, dec = math.radians(place[0]), math.radians(place[1])
    return math.cos(dec) * math.cos(ra), math.cos(dec) * math.sin(ra), math.sin(dec)


def place(direction: Vector) -> Place:
    """Return the direction of a vector of any length; right ascension from 0 up to 360 degrees."""
    x, y, z = direction
    ra_deg = math.degrees(math.atan2(y, x)) % 360
    return ra_deg % 360, math.degrees(math.atan2(z, math.hypot(x, y)))


def separation_deg(one: Place, other: Place) -> float:
    """Return the angle between two places, from the chord, which is precise at small angles."""
    chord = math.dist(vector(one), vector(other))
    return math.degrees(2 * math.asin(min(1.0, chord / 2)))


def great_circle(start: Place, end: Place, n_parts: int) -> list[Place]:
    """Return `n_parts` evenly spaced places from `start` to before `end`, on the shorter way."""
    one, other = vector(start), vector(end)
    angle = math.radians(separation_deg(start, end))
    if math.sin(angle) < 1e-9:
        return [start]
    found = []
    for n in range(n_parts):
        share = n / n_parts
        a, b = (math.sin((1 - share) * angle), math.sin(share * angle))
        found.append(place(_sum(_times(one, a), _times(other, b))))
    return found


def circle(centre: Place, radius_deg: float, n_parts: int = 72) -> list[Place]:
    """Return places on a circle on the sky, from its north through its east."""
    radius, (east, north) = math.radians(radius_deg), _axes(centre)
    found = []
    for n in range(n_parts):
        angle = 2 * math.pi * n / n_parts
        aside = _sum(_times(north, math.cos(angle)), _times(east, math.sin(angle)))
        middle = _times(vector(centre), math.cos(radius))
        found.append(place(_sum(middle, _times(aside, math.sin(radius)))))
    return found


def galactic_plane() -> list[Place]:
    """Return places along the middle of the Milky Way."""
    return circle(GALACTIC_POLE, 90.0, 120)


def _axes(centre: Place) -> tuple[Vector, Vector]:
    """Return the directions east and north at a place."""
    ra, dec = math.radians(centre[0]), math.radians(centre[1])
    east = (-math.sin(ra), math.cos(ra), 0.0)
    north = (-math.sin(dec) * math.cos(ra), -math.sin(dec) * math.sin(ra), math.cos(dec))
    return east, north


def _times(of: Vector, factor: float) -> Vector:
    return of[0] * factor, of[1] * factor, of[2] * factor


def _sum(one: Vector, other: Vector) -> Vector:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]
