"""Named objects and constellations in a picture, and where they are in the frame."""

from typing import Literal, TypeAlias

from typing_extensions import TypedDict

from panoptes_network.responses.values import Listing

PictureObjectKind: TypeAlias = Literal["star", "planet_host", "variable", "deep_sky"]
"""Kinds of named objects; a host of planets that varies is a host."""
PixelLine: TypeAlias = list[tuple[float, float]]
"""Points along a line, x and y in 0-based mosaic pixels."""


class PictureObject(TypedDict):
    """A named object in a frame.

    `lookup` is what `/names` surely finds it by. `planets` are their names or letters. The position
    is ICRS, with proper motion at the image's time; the pixel, 0-based mosaic pixels, is by the
    image's own solution. The magnitude is visual; `radius_px` is half the object's greatest extent.
    """

    kind: PictureObjectKind
    name: str
    lookup: str
    names: list[str]
    planets: list[str]
    mag: float | None
    ra_deg: float
    dec_deg: float
    x_px: float
    y_px: float
    radius_px: float | None


class PictureConstellation(TypedDict):
    """A constellation that a frame shows: its part of the frame, and a pixel amid that part."""

    name: str
    abbreviation: str
    fraction: float
    x_px: float
    y_px: float


class PictureObjects(Listing):
    """The named objects in an image, brightest first, and its constellations, largest first.

    `boundaries` run between constellations, `lines` join their stars; both end outside the frame.
    """

    image_id: str
    items: list[PictureObject]
    constellations: list[PictureConstellation]
    boundaries: list[PixelLine]
    lines: list[PixelLine]
