"""The search box of every page: the page of what is typed, or names that are spelled like it."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from flask import url_for
from werkzeug.exceptions import BadRequest

from observations_explorer.data_service import fetch
from observations_explorer.pages.observation_filters import place_of
from panoptes_network.responses.names import Named, NameResponse

MAX_LENGTH = 100
"""Longest name that observations-data looks up."""
_URLS: dict[str, Callable[[str | None], str]] = {
    "unit": lambda unit_id: url_for("pages.unit", unit_id=unit_id),
    "observation": lambda sequence_id: url_for("pages.observation", sequence_id=sequence_id),
    "image": lambda image_id: url_for("pages.image", image_id=image_id),
}
"""The page of an id by the kind of its object."""


@dataclass(frozen=True, slots=True)
class Result:
    """The address that a name leads to; if it is unknown, None and names ``near`` it."""

    address: str | None = None
    near: list[str] = field(default_factory=list)


def search(name: str) -> Result:
    """Look up a name.

    Coordinates lead to the observations around them, as does a star that the network's catalog does
    not have.

    Raises
    ------
    werkzeug.exceptions.HTTPException
        As `fetch`.
    """
    if "ra" in place_of(name):
        return Result(url_for("pages.observations", near=name))
    if not name or len(name) > MAX_LENGTH:
        return Result()
    response = fetch(NameResponse, "/names", q=name)
    found = response["found"]
    return Result(None if found is None else _address(name, found), response["near"])


def near_matches(name: str) -> list[str]:
    """Return names that are spelled like an unknown one; none for text that cannot be a name."""
    try:
        return search(name).near
    except BadRequest:
        return []


def _address(name: str, found: Named) -> str:
    if found["kind"] in _URLS:
        return _URLS[found["kind"]](found["id"])
    if found["picid"]:
        return url_for("pages.star", picid=found["picid"], catalog=found["catalog"])
    if found["kind"] == "field":
        return url_for("pages.observations", field=found["name"])
    if found["kind"] == "constellation" and found["radius_deg"] is not None:
        radius = str(math.ceil(found["radius_deg"]))
        return url_for("pages.observations", near=name, radius=radius)
    return url_for("pages.observations", near=name)
