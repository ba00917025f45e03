"""The map beside the list of observations: positions of the page's observations."""

from dataclasses import dataclass

from observations_explorer.maps import sky_map
from observations_explorer.maps.projection import Place, circle, separation_deg
from panoptes_network.json_object import Json

MARGIN_DEG = 1.5
"""Margin of a map of a part of the sky."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Position of an observation: the outline of its newest solved frame, or a point."""

    sequence_id: str
    words: str
    outline: str
    point: Place


@dataclass(frozen=True, slots=True)
class ListMap:
    """A map of the observations with a known position; `cone` is the search circle."""

    sky: sky_map.SkyMap
    marks: list[Mark]
    cone: str
    milky_way: str


def list_map(observations: list[Json], searched: Json | None) -> ListMap | None:
    """Return the map of a page of observations; None if none has a known position.

    Parameters
    ----------
    observations : list of dict
        As listed by observations-data.
    searched : dict or None
        `ra_deg`, `dec_deg` and `radius_deg` of the search circle.
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
    """Return the distance of an observation's centre from the search position."""
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
