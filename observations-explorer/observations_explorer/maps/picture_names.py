"""Names over a picture: marks of named objects, and labels that do not overlap.

A picture has one width on a phone and another when it is zoomed, while labels keep their size.
Each mark is therefore shown from a width on: at each of `WIDTHS_PX`, those are added whose labels
fit, Messier's objects and the brightest first.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from observations_explorer.maps.image_overlay import Place, place
from panoptes_network.responses.picture_objects import PictureObject, PictureObjects, PixelLine
from panoptes_network.sky.projection import Pixel, Projection

WIDTHS_PX = (320, 640, 1100, 2000)
"""Widths of the picture; the page's style has the same."""
GROWN = (1.0, 1.3, 1.8, 2.5, 4.0)
"""Factors of a width at which labels are tried, too: a picture may be wider."""
LETTER_PX = 7.0
HALF_LINE_PX = 8.0
GAP_PX = 10.0
LEAST_FRACTION = 0.03
"""Smallest part of the frame of a constellation whose name is written."""
LEAST_RADIUS = 0.01
"""Smallest radius of a deep-sky object that is drawn to scale, as a fraction of the width."""
SHORT_NAME = re.compile(r"M[0-9]+")


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark with its label on one `side`; `tier` is the index of the width that it is shown from.

    `kind` is that of an object, or ``constellation``: a label without a mark.
    """

    kind: str
    label: str
    at: Place
    side: str
    tier: int


@dataclass(frozen=True, slots=True)
class PictureNames:
    """The marks, lines and outlines over a picture of `width` by `height`."""

    width: int
    height: int
    marks: list[Mark]
    boundaries: list[str]
    lines: list[str]
    outlines: list[tuple[Place, float]]


class _Box(NamedTuple):
    """A box of fixed size around a place, which is in fractions of the picture's width."""

    x: float
    y: float
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: "_Box", width_px: float) -> bool:
        """Return whether two boxes overlap in a picture of this width."""
        x, y = (other.x - self.x) * width_px, (other.y - self.y) * width_px
        return (
            self.left < x + other.right
            and x + other.left < self.right
            and self.top < y + other.bottom
            and y + other.top < self.bottom
        )


RESERVED = (_Box(1.0, 0.0, -80, 0, 0, 80), _Box(0.03, 0.06, 0, -22, 130, 8))
"""Room of the compass and of the scale bar."""


def picture_names(found: PictureObjects, projection: Projection) -> PictureNames:
    """Return what is drawn over a picture for the objects in it."""
    width, height = projection.width // 2, projection.height // 2
    least = LEAST_RADIUS * width
    outlines = [
        (_at(item, projection), item["radius_px"] / 2)
        for item in found["items"]
        if item["radius_px"] and item["radius_px"] / 2 > least
    ]
    return PictureNames(
        width,
        height,
        _marks(found, projection),
        [_path(line, projection) for line in found["boundaries"]],
        [_path(line, projection) for line in found["lines"]],
        outlines,
    )


def _at(item: PictureObject, projection: Projection) -> Place:
    return place(projection, Pixel(item["x_px"], item["y_px"]))


def _path(line: PixelLine, projection: Projection) -> str:
    places = (place(projection, Pixel(*point)) for point in line)
    return "M" + "L".join(f"{at.x:.1f} {at.y:.1f}" for at in places)


def _marks(found: PictureObjects, projection: Projection) -> list[Mark]:
    constellations = [
        ("constellation", one["name"], place(projection, Pixel(one["x_px"], one["y_px"])))
        for one in found["constellations"]
        if one["fraction"] >= LEAST_FRACTION
    ]
    objects = [(item["kind"], _label(item), _at(item, projection)) for item in found["items"]]
    # Messier's objects come first: a bright star in a nebula would leave no room for its name.
    wanted: list[tuple[str, str, Place]] = sorted(
        [*constellations, *objects], key=lambda mark: not SHORT_NAME.fullmatch(mark[1])
    )
    width, height = projection.width // 2, projection.height // 2
    taken = list(RESERVED)
    marks: dict[int, Mark] = {}
    for tier, width_px in enumerate(WIDTHS_PX):
        for number, (kind, label, at) in enumerate(wanted):
            if number in marks:
                continue
            for side, boxes in _choices(kind, label, at, width):
                if _fits(boxes, taken, width_px, height / width):
                    taken += boxes
                    marks[number] = Mark(kind, label, at, side, tier)
                    break
    return [marks[number] for number in sorted(marks)]


def _label(item: PictureObject) -> str:
    """Return Messier's number, which is short, or the best name."""
    return next(filter(SHORT_NAME.fullmatch, item["names"]), item["name"])


def _choices(kind: str, label: str, at: Place, width: int) -> Iterator[tuple[str, list[_Box]]]:
    """Yield the sides on which a label may stand, each with the boxes of mark and label."""
    x, y = at.x / width, at.y / width
    length, half = LETTER_PX * len(label), HALF_LINE_PX
    if kind == "constellation":
        # Letters of constellations are larger, and spaced.
        for side, centre in {"middle": 0.0, "above": -2 * half, "below": 2 * half}.items():
            yield side, [_Box(x, y, -length, centre - half, length, centre + half)]
        return
    mark = _Box(x, y, -GAP_PX, -half, GAP_PX, half)
    sides = {
        "right": (GAP_PX, -half, GAP_PX + length, half),
        "left": (-GAP_PX - length, -half, -GAP_PX, half),
        "below": (-length / 2, half, length / 2, 3 * half),
        "above": (-length / 2, -3 * half, length / 2, -half),
    }
    for side, box in sides.items():
        yield side, [mark, _Box(x, y, *box)]


def _fits(boxes: list[_Box], taken: Iterable[_Box], width_px: float, ratio: float) -> bool:
    is_inside = all(
        box.x * width_px + box.left >= 0
        and box.x * width_px + box.right <= width_px
        and box.y * width_px + box.top >= 0
        and box.y * width_px + box.bottom <= width_px * ratio
        for box in boxes
    )
    return is_inside and not any(
        box.overlaps(other, factor * width_px)
        for other in taken
        for box in boxes
        for factor in GROWN
    )
