"""Outlines on the map of the whole sky: cut at the map's edges, closed around a pole."""

from collections.abc import Callable, Iterable
from itertools import pairwise

from observations_explorer.maps.projection import Hammer, Place, great_circle

SIDE_PARTS = 4
"""Parts of a frame's side: about 4 degrees each, drawn as straight lines."""
POLAR_SIDE_PARTS = 16
POLAR_DEG = 65.0
"""Beyond this declination, lines on the map of the whole sky curve more."""
LONGEST_STEP_DEG = 2.0
"""Longest step along a cut, which is curved on the map."""


def sides(corners: list[Place]) -> list[Place]:
    """Return positions along the great circles between corners, closing the outline."""
    is_polar = any(abs(dec) > POLAR_DEG for _, dec in corners)
    n_parts = POLAR_SIDE_PARTS if is_polar else SIDE_PARTS
    ends = [*corners[1:], *corners[:1]]
    return [
        found
        for start, end in zip(corners, ends, strict=True)
        for found in great_circle(start, end, n_parts)
    ]


def whole_sky(outline: list[Place], hammer: Hammer) -> list[list[Place]]:
    """Return the parts of an outline on the map of the whole sky, in the map's x and y.

    An outline of fewer than three positions is empty.
    """
    if len(outline) < 3:
        return []
    path = _around_pole(_unwrapped([(hammer.longitude(ra), dec) for ra, dec in outline]))
    parts = []
    for turn in (-360.0, 0.0, 360.0):
        cut = _cut([(longitude + turn, dec) for longitude, dec in path])
        if len(cut) >= 3:
            parts.append([hammer.project_longitude(*at) for at in _short_steps(cut)])
    return parts


def _unwrapped(path: list[Place]) -> list[Place]:
    """Continue longitudes past 180 degrees, repeating the first position at the end."""
    found = [path[0]]
    for longitude, dec in [*path[1:], path[0]]:
        step = (longitude - found[-1][0] + 180) % 360 - 180
        found.append((found[-1][0] + step, dec))
    return found


def _around_pole(path: list[Place]) -> list[Place]:
    """Close an outline around a pole over this pole."""
    first, last = path[0][0], path[-1][0]
    if abs(last - first) < 180:
        return path[:-1]
    pole = 90.0 if sum(dec for _, dec in path) > 0 else -90.0
    return [*path, (last, pole), (first, pole)]


def _cut(path: list[Place]) -> list[Place]:
    """Return the part from -180 to 180 degrees (Sutherland & Hodgman 1974, CACM 17, 32)."""
    east = _kept(path, lambda longitude: longitude >= -180, -180.0)
    return _kept(east, lambda longitude: longitude <= 180, 180.0)


def _kept(path: list[Place], is_inside: Callable[[float], bool], edge: float) -> list[Place]:
    found: list[Place] = []
    for start, end in pairwise([*path, *path[:1]]):
        if is_inside(start[0]):
            found.append(start)
        if is_inside(start[0]) != is_inside(end[0]):
            share = (edge - start[0]) / (end[0] - start[0])
            found.append((edge, start[1] + share * (end[1] - start[1])))
    return found


def _short_steps(path: list[Place]) -> Iterable[Place]:
    for start, end in pairwise([*path, *path[:1]]):
        across, up = end[0] - start[0], end[1] - start[1]
        n_steps = max(1, round(max(abs(across), abs(up)) / LONGEST_STEP_DEG))
        for n in range(n_steps):
            yield start[0] + across * n / n_steps, start[1] + up * n / n_steps
