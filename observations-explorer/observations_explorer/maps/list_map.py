"""The map beside the list of observations: where each of the page's lies on the sky."""

from dataclasses import dataclass
from typing import Any

from observations_explorer.maps import sky_map
from observations_explorer.maps.projection import Place, circle, separation_deg

Json = dict[str, Any]

MARGIN_DEG = 1.5
"""Around what a map of a part of the sky holds."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where an observation lies: the outline of its newest solved frame, or a point."""

    sequence_id: str
    words: str
    outline: str
    point: Place


@dataclass(frozen=True, slots=True)
class ListMap:
    """A map of the observations that have a place; `cone` is the circle that was searched."""

    sky: sky_map.SkyMap
    marks: list[Mark]
    cone: str
    milky_way: str


def list_map(observations: list[Json], searched: Json | None) -> ListMap | None:
    """Return the map of a page of observations; None where nothing has a place on the sky.

    Parameters
    ----------
    observations : list of dict
        As observations-data lists them.
    searched : dict or None
        `ra_deg`, `dec_deg` and `radius_deg` of the circle that was searched.
    """
    placed = [one for one in observations if one["ra_deg"] is not None]
    if not placed and searched is None:
        return None
    held = [at for one in placed for at in _reach(one)]
    if searched is not None:
        held += circle(_centre(searched), searched["radius_deg"], 12)
    sky = sky_map.holding(held)
    cone = sky_map.cone(sky, _centre(searched), searched["radius_deg"]) if searched else ""
    return ListMap(sky, [_mark(one, sky) for one in placed], cone, sky_map.milky_way(sky))


def distance_deg(observation: Json, searched: Json) -> float | None:
    """Return how far an observation's centre is from the place that was searched."""
    if observation["ra_deg"] is None:
        return None
    return separation_deg(_centre(observation), _centre(searched))


def _mark(observation: Json, sky: sky_map.SkyMap) -> Mark:
    corners = observation["footprint_deg"]
    return Mark(
        observation["sequence_id"],
        f"{observation['field'] or 'No field name'}, {observation['sequence_id']}",
        sky_map.footprint(sky, corners) if corners else "",
        sky.point(_centre(observation)),
    )


def _reach(observation: Json) -> list[Place]:
    centre = _centre(observation)
    corners = sky_map.corners(observation["footprint_deg"] or [])
    return [*(corners or circle(centre, MARGIN_DEG, 4)), centre]


def _centre(of: Json) -> Place:
    return of["ra_deg"], of["dec_deg"]
