"""Named objects and constellations in a solved image, by its own projection."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from observations_data.observations.image import Frame
from panoptes_network.names import constellation_map, surroundings, tables
from panoptes_network.names.resolver import moved
from panoptes_network.names.surroundings import NamedObject
from panoptes_network.responses.picture_objects import (
    PictureConstellation,
    PictureObject,
    PictureObjects,
    PixelLine,
)
from panoptes_network.sky.directions import unit_vectors
from panoptes_network.sky.projection import Pixel, Projection, Sky

DEFAULT_OBJECTS, MAX_OBJECTS = 100, 1000
GRID = 24, 16
"""Places along and across a frame whose constellations are looked up."""
MARGIN_DEG = 1.0
"""More than the spacing of a line's points, so that lines cross the frame's edge; more than any
star has moved.
"""
J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)


def in_picture(frame: Frame, limit: int) -> PictureObjects:
    """Return the named objects of a frame, at most `limit`, and its constellations."""
    projection = frame.projection
    centre = projection.sky(Pixel((projection.width - 1) / 2, (projection.height - 1) / 2))
    radius_deg = _radius_deg(projection, centre) + MARGIN_DEG
    epoch_yr = 2000 + (frame.time - J2000).total_seconds() / (365.25 * 86_400)
    around = surroundings.objects_around(*centre, radius_deg)
    found = [_object(one, projection, epoch_yr) for one in around]
    items = [one for one in found if one is not None]
    return {
        "image_id": frame.image_id,
        "items": items[:limit],
        "total": len(items),
        "constellations": _constellations(projection),
        "boundaries": _lines(constellation_map.boundaries(), projection, centre, radius_deg),
        "lines": _lines(constellation_map.lines(), projection, centre, radius_deg),
    }


def _radius_deg(projection: Projection, centre: Sky) -> float:
    """Return the distance from the centre to the farthest corner."""
    right, top = projection.width - 0.5, projection.height - 0.5
    corners = [projection.sky(Pixel(x, y)) for x in (-0.5, right) for y in (-0.5, top)]
    cosines = unit_vectors(*np.array(corners).T) @ unit_vectors(*centre)
    return math.degrees(math.acos(float(cosines.min().clip(-1, 1))))


def _object(one: NamedObject, projection: Projection, epoch_yr: float) -> PictureObject | None:
    """Return an object with its pixel; None if it is outside the frame."""
    motion = one.pmra_masyr, one.pmdec_masyr
    sky = Sky(*moved((one.ra_deg, one.dec_deg), motion, epoch_yr))
    pixel = projection.pixel(sky)
    if pixel is None or not projection.has(pixel):
        return None
    radius_deg = one.radius_deg
    return {
        "kind": one.kind.value,
        "name": one.names[0],
        "lookup": one.lookup,
        "names": list(one.names),
        "planets": list(one.planets),
        "mag": one.mag,
        "ra_deg": sky.ra_deg,
        "dec_deg": sky.dec_deg,
        "x_px": pixel.x,
        "y_px": pixel.y,
        "radius_px": None if radius_deg is None else radius_deg / _scale_deg(projection),
    }


def _scale_deg(projection: Projection) -> float:
    determinant = projection.cd[0] * projection.cd[3] - projection.cd[1] * projection.cd[2]
    return math.sqrt(abs(determinant))


def _constellations(projection: Projection) -> list[PictureConstellation]:
    x = np.linspace(-0.5, projection.width - 0.5, 2 * GRID[0] + 1)[1::2]
    y = np.linspace(-0.5, projection.height - 0.5, 2 * GRID[1] + 1)[1::2]
    pixels = [Pixel(float(column), float(row)) for row in y for column in x]
    directions = unit_vectors(*np.array([projection.sky(pixel) for pixel in pixels]).T)
    parts: defaultdict[str, list[Pixel]] = defaultdict(list)
    for pixel, abbreviation in zip(
        pixels, constellation_map.constellations_at(directions), strict=True
    ):
        parts[abbreviation].append(pixel)
    names = {each.abbreviation: each.name for each in tables.constellations()}
    found = [
        _constellation(names[abbreviation], abbreviation, part, len(pixels))
        for abbreviation, part in parts.items()
    ]
    return sorted(found, key=lambda one: -one["fraction"])


def _constellation(
    name: str, abbreviation: str, part: list[Pixel], total: int
) -> PictureConstellation:
    middle = np.mean(part, axis=0)
    amid = min(part, key=lambda pixel: float(np.hypot(*(np.array(pixel) - middle))))
    return {
        "name": name,
        "abbreviation": abbreviation,
        "fraction": len(part) / total,
        "x_px": amid.x,
        "y_px": amid.y,
    }


def _lines(
    lines: Iterable[NDArray[np.float64]], projection: Projection, centre: Sky, radius_deg: float
) -> list[PixelLine]:
    least = math.cos(math.radians(radius_deg))
    middle = unit_vectors(*centre)
    near = (line for line in lines if (line @ middle).max() >= least)
    return [piece for line in near for piece in _pieces(line, projection)]


def _pieces(line: NDArray[np.float64], projection: Projection) -> Iterator[PixelLine]:
    """Yield the pieces of a line within the frame, each with one point more at its ends."""
    pixels = [projection.pixel(sky) for sky in _skies(line)]
    inside = [pixel is not None and projection.has(pixel) for pixel in pixels]
    piece: PixelLine = []
    for index, pixel in enumerate(pixels):
        if pixel is not None and any(inside[max(index - 1, 0) : index + 2]):
            piece.append((pixel.x, pixel.y))
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def _skies(directions: NDArray[np.float64]) -> list[Sky]:
    x, y, z = directions.T
    ra_deg, dec_deg = np.degrees(np.arctan2(y, x)) % 360, np.degrees(np.arcsin(z.clip(-1, 1)))
    return [Sky(*place) for place in np.stack([ra_deg, dec_deg], axis=1).tolist()]
