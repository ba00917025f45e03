"""Content of the page of one image, fetched from observations-data."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from werkzeug.exceptions import HTTPException

from observations_explorer.data_service import fetch
from observations_explorer.maps import image_overlay, picture_names, sky_map
from observations_explorer.pages.content import Content
from panoptes_network.nights import advice
from panoptes_network.responses.observations import WholeImage
from panoptes_network.responses.picture_objects import PictureObjects
from panoptes_network.responses.stars import Source, SourcePage
from panoptes_network.sky.projection import Projection

NAMED = 60
"""Named objects listed on the page, and marked in the picture."""
BRIGHTEST = 12
"""Matched sources listed on the page; its script draws all matches."""


@dataclass(frozen=True, slots=True)
class Card:
    """A card of an image's FITS header."""

    name: str
    value: str

    def has(self, text: str) -> bool:
        """Return whether it contains a text, ignoring case."""
        return text.casefold() in f"{self.name} {self.value}".casefold()


@dataclass(frozen=True, slots=True)
class SkyPlace:
    """The whole sky with a frame's outline, as SVG path data."""

    edge: str
    grid: str
    milky_way: str
    footprint: str
    width: float
    height: float


def image(image_id: str, parameters: Mapping[str, str]) -> Content:
    """Return the content of the page of one image; ``header`` is a search text for its header."""
    found = fetch(WholeImage, f"/images/{quote(image_id)}")
    sought = parameters.get("header", "")
    projection = _projection(found)
    objects = _objects(found) if projection else None
    return {
        "image": found,
        "overlay": image_overlay.overlay(projection) if projection else None,
        "objects": objects,
        "names": picture_names.picture_names(objects, projection)
        if objects and projection
        else None,
        "sky": _sky_place(found["footprint_deg"]),
        "brightest": _brightest(found),
        "cards": [card for card in _cards(found["headers"]) if card.has(sought)],
        "n_cards": len(found["headers"]),
        "sought": sought,
        "advice": advice.of_reason(found["reason_code"]) if found["reason_code"] else None,
    }


def _projection(found: WholeImage) -> Projection | None:
    """Return the projection of the picture; None if its position is unknown."""
    try:
        return Projection.of_cards(found["wcs"]) if found["wcs"] else None
    except ValueError:
        return None


def _objects(found: WholeImage) -> PictureObjects | None:
    path = f"/images/{quote(found['image_id'])}/objects"
    try:
        return fetch(PictureObjects, path, limit=str(NAMED))
    except HTTPException:
        # Storage may be unavailable by now. The rest of the page is still useful.
        return None


def _sky_place(footprint_deg: list[float] | None) -> SkyPlace | None:
    if not footprint_deg:
        return None
    whole = sky_map.WholeSky()
    return SkyPlace(
        edge=whole.edge,
        grid=whole.grid,
        milky_way=sky_map.milky_way(whole),
        footprint=sky_map.footprint(whole, footprint_deg),
        width=sky_map.WIDTH,
        height=whole.height,
    )


def _brightest(found: WholeImage) -> list[Source]:
    if not found["n_matched"]:
        return []
    path = f"/images/{quote(found['image_id'])}/sources"
    return fetch(SourcePage, path, matched="true", limit=str(BRIGHTEST))["items"]


def _cards(headers: Mapping[str, object]) -> list[Card]:
    return [Card(name, _written(headers[name])) for name in sorted(headers)]


def _written(value: object) -> str:
    """Return a card's value as in FITS, without quotes."""
    if isinstance(value, bool):
        return "T" if value else "F"
    return str(value)
