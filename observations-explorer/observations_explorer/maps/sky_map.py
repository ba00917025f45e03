"""Maps of the sky as geometry for an SVG template: lines, labels, and outlines.

A map shows the whole sky, or a part that contains everything on it. Sizes are SVG user units, x to
the right and y down.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from observations_explorer.maps import outline as sky_outlines
from observations_explorer.maps.projection import (
    Hammer,
    Place,
    Zenithal,
    circle,
    galactic_plane,
    place,
    separation_deg,
    vector,
)

WIDTH = 440.0
MARGIN = 6.0
PART_HEIGHT = 330.0
WIDEST_PART_DEG = 45.0
"""If places are farther from their centre, the whole sky is shown."""
MIN_REACH_DEG = 6.0
DEC_STEPS_DEG = (30.0, 20.0, 10.0, 5.0, 2.0)
RA_STEPS_DEG = (2.5, 5.0, 7.5, 15.0, 30.0, 45.0)
"""10, 20 and 30 minutes, 1, 2 and 3 hours."""
POINTS_OF_LINE = 90


@dataclass(frozen=True, slots=True)
class Label:
    """A label on a line of the grid; `anchor` is SVG's ``text-anchor``."""

    x: float
    y: float
    words: str
    anchor: str = "middle"


class WholeSky:
    """Hammer's map, right ascension 12 h in the middle."""

    is_whole = True
    height = WIDTH / 2 + MARGIN

    def __init__(self) -> None:
        self.projection = Hammer()
        self._scale = (WIDTH / 2 - MARGIN) / Hammer.half_width

    def outline(self, places: list[Place]) -> str:
        """Return a closed outline as SVG's path data."""
        parts = sky_outlines.whole_sky(places, self.projection)
        return "".join(_path(map(self._down, part), "Z") for part in parts)

    def point(self, at: Place) -> Place:
        """Return the position of a place."""
        return self._down(self.projection.project(*at))

    def line(self, places: Iterable[Place]) -> str:
        """Return an open line as SVG path data, split where it crosses the map's edge."""
        pieces: list[list[Place]] = [[]]
        for at in places:
            found = self.point(at)
            if pieces[-1] and math.dist(pieces[-1][-1], found) > WIDTH / 4:
                pieces.append([])
            pieces[-1].append(found)
        return "".join(_path(piece) for piece in pieces)

    @cached_property
    def edge(self) -> str:
        """The ellipse of the whole sky, as path data."""
        east = [(-180.0, dec) for dec in range(-90, 91, 5)]
        west = [(180.0, dec) for dec in range(90, -91, -5)]
        return _path((self._down(self.projection.project_longitude(*p)) for p in east + west), "Z")

    @cached_property
    def grid(self) -> str:
        """Meridians every 2 hours and parallels every 30 degrees, as path data."""
        meridians = [[(ra, dec) for dec in range(-90, 91, 5)] for ra in range(30, 360, 30)]
        parallels = [[(ra, dec) for ra in range(1, 360, 5)] for dec in range(-60, 61, 30)]
        return "".join(self.line(line) for line in [*meridians, *parallels])

    @cached_property
    def labels(self) -> list[Label]:
        """Hours along the equator, degrees along the central meridian."""
        hours = [(self.point((15.0 * h, 0.0)), f"{h}h") for h in range(2, 24, 4)]
        degrees = [(self.point((180.0, dec)), dec) for dec in (-60.0, -30.0, 30.0, 60.0)]
        return [
            *(Label(x, y - 3, words) for (x, y), words in hours),
            *(Label(x + 4, y - 3, _degrees(dec), "start") for (x, y), dec in degrees),
        ]

    def _down(self, at: Place) -> Place:
        return WIDTH / 2 + at[0] * self._scale, self.height / 2 - at[1] * self._scale


class PartOfSky:
    """Lambert's map around a place, up to `reach_deg` from it vertically."""

    is_whole = False
    height = PART_HEIGHT
    edge = f"M0 0H{WIDTH:g}V{PART_HEIGHT:g}H0Z"

    def __init__(self, centre: Place, reach_deg: float) -> None:
        self.projection = Zenithal(centre)
        self._centre, self._reach_deg = centre, reach_deg
        self._scale = (PART_HEIGHT / 2 - MARGIN) / Zenithal.radius(reach_deg)
        corner = math.hypot(WIDTH, PART_HEIGHT) / 2 / self._scale
        self._corner_deg = 2 * math.degrees(math.asin(min(1.0, math.radians(corner) / 2)))

    def outline(self, places: list[Place]) -> str:
        """Return a closed outline as SVG's path data."""
        return _path(map(self.point, places), "Z")

    def point(self, at: Place) -> Place:
        """Return the position of a place."""
        x, y = self.projection.project(*at)
        return WIDTH / 2 + x * self._scale, PART_HEIGHT / 2 - y * self._scale

    def line(self, places: Iterable[Place]) -> str:
        """Return the parts of an open line near the map as SVG path data."""
        pieces: list[list[Place]] = [[]]
        for at in places:
            if separation_deg(at, self._centre) <= 1.3 * self._corner_deg:
                pieces[-1].append(self.point(at))
            elif pieces[-1]:
                pieces.append([])
        return "".join(_path(piece) for piece in pieces)

    @cached_property
    def grid(self) -> str:
        """Meridians and parallels, as path data."""
        return "".join(self.line(line) for _, line in [*self._meridians, *self._parallels])

    @cached_property
    def labels(self) -> list[Label]:
        """Hours at the lower ends of meridians, degrees at the left ends of parallels."""
        found = []
        for ra_deg, line in self._meridians:
            x, y = max(self._inside(line), key=lambda at: at[1], default=(0.0, 0.0))
            if y > PART_HEIGHT - 12 and 30 < x < WIDTH - 14:
                found.append(Label(x, PART_HEIGHT - 5, _hours(ra_deg)))
        for dec_deg, line in self._parallels:
            x, y = min(self._inside(line), default=(WIDTH, 0.0))
            if x < 12 and 12 < y < PART_HEIGHT - 20:
                found.append(Label(5, y - 3, _degrees(dec_deg), "start"))
        return found

    @cached_property
    def _dec_step_deg(self) -> float:
        return next((s for s in DEC_STEPS_DEG if 2 * self._reach_deg / s >= 3), DEC_STEPS_DEG[-1])

    @cached_property
    def _meridians(self) -> list[tuple[float, list[Place]]]:
        _, dec = self._centre
        wanted = self._dec_step_deg / max(math.cos(math.radians(dec)), 0.05)
        step = next((s for s in RA_STEPS_DEG if s >= wanted), RA_STEPS_DEG[-1])
        low, high = max(-90.0, dec - self._corner_deg), min(90.0, dec + self._corner_deg)
        decs = _spread(low, high)
        return [(n * step, [(n * step, d) for d in decs]) for n in range(round(360 / step))]

    @cached_property
    def _parallels(self) -> list[tuple[float, list[Place]]]:
        step, (ra, dec) = self._dec_step_deg, self._centre
        reach = min(self._corner_deg / max(math.cos(math.radians(dec)), 0.02) * 1.5, 180.0)
        ras = _spread(ra - reach, ra + reach)
        n_steps = math.ceil(90 / step)
        decs = (n * step for n in range(1 - n_steps, n_steps))
        return [(d, [(r, d) for r in ras]) for d in decs if abs(d - dec) <= self._corner_deg]

    def _inside(self, line: Sequence[Place]) -> list[Place]:
        near = (at for at in line if separation_deg(at, self._centre) <= self._corner_deg)
        points = map(self.point, near)
        return [(x, y) for x, y in points if 0 <= x <= WIDTH and 0 <= y <= PART_HEIGHT]


SkyMap = WholeSky | PartOfSky


def around(centre: Place, reach_deg: float) -> SkyMap:
    """Return a map of the surroundings of a place."""
    if reach_deg > WIDEST_PART_DEG:
        return WholeSky()
    return PartOfSky(centre, max(reach_deg, MIN_REACH_DEG))


def holding(places: list[Place]) -> SkyMap:
    """Return the closest map that shows all places; the whole sky without places."""
    if not places:
        return WholeSky()
    centre = place(_mean([vector(at) for at in places]))
    return around(centre, 1.08 * max(separation_deg(centre, at) for at in places))


def milky_way(on: SkyMap) -> str:
    """Return the plane of the Milky Way as path data."""
    plane = galactic_plane()
    return on.line([*plane, plane[0]])


def cone(on: SkyMap, centre: Place, radius_deg: float) -> str:
    """Return the search circle as path data."""
    return on.outline(circle(centre, min(radius_deg, 179.0)))


def footprint(on: SkyMap, corners_deg: Sequence[float]) -> str:
    """Return a frame's outline as path data, from alternating RA and Dec of its corners."""
    return on.outline(sky_outlines.sides(corners(corners_deg)))


def corners(corners_deg: Sequence[float]) -> list[Place]:
    """Return places from alternating RA and Dec."""
    return list(zip(corners_deg[::2], corners_deg[1::2], strict=True))


def _mean(vectors: list[tuple[float, float, float]]) -> tuple[float, float, float]:
    x, y, z = (sum(axis) / len(vectors) for axis in zip(*vectors, strict=True))
    return x, y, z


def _spread(low: float, high: float) -> list[float]:
    return [low + (high - low) * n / (POINTS_OF_LINE - 1) for n in range(POINTS_OF_LINE)]


def _path(points: Iterable[Place], end: str = "") -> str:
    known = [f"{x:.1f} {y:.1f}" for x, y in points]
    return f"M{'L'.join(known)}{end}" if len(known) > 1 else ""


def _hours(ra_deg: float) -> str:
    minutes = round(ra_deg * 4)
    return f"{minutes // 60}h{minutes % 60:02d}" if minutes % 60 else f"{minutes // 60}h"


def _degrees(dec_deg: float) -> str:
    sign = "+" if dec_deg > 0 else "\N{MINUS SIGN}" if dec_deg < 0 else ""
    return f"{sign}{abs(dec_deg):g}°"
