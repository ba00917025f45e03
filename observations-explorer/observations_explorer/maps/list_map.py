"""The map beside the list of observations: positions of the page's observations."""

from dataclasses import dataclass

from observations_explorer.maps import sky_map
from observations_explorer.maps.projection import Place, circle, separation_deg
from panoptes_network.responses.observations import Centre, Observation

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


def list_map(observations: list[Observation], searched: Centre | None) -> ListMap | None:
    """Return the map of a page of observations; None if none has a known position.

    Parameters
    ----------
    observations : list of dict
        As listed by observations-data.
    searched : dict or None
        The search circle.
    """
    placed = [(one, at) for one in observations if (at := _centre(one))]
    if not placed and searched is None:
        return None
    held = [corner for one, at in placed for corner in _reach(one, at)]
    if searched is not None:
        held += circle(_middle(searched), searched["radius_deg"], 12)
    sky = sky_map.holding(held)
    cone = sky_map.cone(sky, _middle(searched), searched["radius_deg"]) if searched else ""
    marks = [_mark(one, at, sky) for one, at in placed]
    return ListMap(sky, marks, cone, sky_map.milky_way(sky))


def distance_deg(observation: Observation, searched: Centre) -> float | None:
    """Return the distance of an observation's centre from the search position."""
    centre = _centre(observation)
    return centre and separation_deg(centre, _middle(searched))


def _mark(observation: Observation, centre: Place, sky: sky_map.SkyMap) -> Mark:
    corners = observation["footprint_deg"]
    return Mark(
        observation["sequence_id"],
        f"{observation['field'] or 'No field name'}, {observation['sequence_id']}",
        sky_map.footprint(sky, corners) if corners else "",
        sky.point(centre),
    )


def _reach(observation: Observation, centre: Place) -> list[Place]:
    corners = sky_map.corners(observation["footprint_deg"] or [])
    return [*(corners or circle(centre, MARGIN_DEG, 4)), centre]


def _centre(observation: Observation) -> Place | None:
    ra_deg, dec_deg = observation["ra_deg"], observation["dec_deg"]
    return None if ra_deg is None or dec_deg is None else (ra_deg, dec_deg)


def _middle(searched: Centre) -> Place:
    return searched["ra_deg"], searched["dec_deg"]
