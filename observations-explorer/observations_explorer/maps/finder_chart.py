"""A finder chart: the picture around a star, with labelled catalog stars."""

import math
from dataclasses import dataclass

from observations_explorer.maps import image_overlay
from panoptes_network.nights.schema import StoredFile
from panoptes_network.responses.observations import WholeImage
from panoptes_network.responses.stars import Source
from panoptes_network.sky.projection import Pixel, Projection
from panoptes_network.states import FileKind

SIDE_DEG = 1.5
REACH_DEG = 1.05 * SIDE_DEG / math.sqrt(2)
"""Distance from the star to a corner, with a margin: the scale varies across a frame."""
MAX_NEIGHBOURS = 40
MIN_RADIUS, MAX_RADIUS = 2.5, 7.0
"""Radii of star circles, in hundredths of the chart's side."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A catalog star on the chart, in picture coordinates, with a `radius` by its brightness."""

    x: float
    y: float
    radius: float
    picid: str | None
    catalog: str | None
    mag: float | None
    url: str | None


@dataclass(frozen=True, slots=True)
class Chart:
    """A square of a picture of `width` by `height`, with the star at `x`, `y`."""

    picture: StoredFile | None
    image_id: str
    x: float
    y: float
    side: float
    width: int
    height: int
    neighbours: list[Neighbour]
    north: image_overlay.Place
    east: image_overlay.Place
    bar: image_overlay.Bar

    @property
    def left(self) -> float:
        """Left edge of the chart in the picture."""
        return self.x - self.side / 2

    @property
    def top(self) -> float:
        """Top edge of the chart in the picture."""
        return self.y - self.side / 2


def chart(image: WholeImage, sources: list[Source], url: str) -> Chart | None:
    """Return the chart around the star with the URL `url`.

    Parameters
    ----------
    image : dict
        With its solution ``wcs``, without which there is no chart.
    sources : list of dict
        The image's matched sources within `REACH_DEG` of the star, including it; brightest first.
    url : str
        The star's URL.
    """
    star = next((source for source in sources if source["url"] == url), None)
    if star is None or not image["wcs"]:
        return None
    projection = Projection.of_cards(image["wcs"])
    at = _place(projection, star)
    side = SIDE_DEG / image_overlay.picture_scale_deg(projection)
    return Chart(
        picture=image["files"].get(FileKind.PICTURE),
        image_id=image["image_id"],
        x=at.x,
        y=at.y,
        side=side,
        width=projection.width // 2,
        height=projection.height // 2,
        neighbours=_neighbours(projection, sources, url, side),
        north=image_overlay.north(projection, Pixel(star["x_px"], star["y_px"])),
        east=image_overlay.east(projection, Pixel(star["x_px"], star["y_px"])),
        bar=image_overlay.bar(projection, side),
    )


def _place(projection: Projection, source: Source) -> image_overlay.Place:
    return image_overlay.place(projection, Pixel(source["x_px"], source["y_px"]))


def _neighbours(
    projection: Projection, sources: list[Source], url: str, side: float
) -> list[Neighbour]:
    star = next(source for source in sources if source["url"] == url)
    middle = _place(projection, star)
    near = []
    for source in sources:
        at = _place(projection, source)
        is_near = max(abs(at.x - middle.x), abs(at.y - middle.y)) < side / 2
        if source["url"] != url and is_near:
            near.append((source, at))
    chosen = near[:MAX_NEIGHBOURS]
    return [
        Neighbour(
            at.x,
            at.y,
            side / 100 * _radius(rank, len(chosen)),
            source["picid"],
            source["catalog"],
            source["mag"],
            source["url"],
        )
        for rank, (source, at) in enumerate(chosen)
    ]


def _radius(rank: int, count: int) -> float:
    return MAX_RADIUS - (MAX_RADIUS - MIN_RADIUS) * rank / max(count - 1, 1)
