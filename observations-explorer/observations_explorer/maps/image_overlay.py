"""Drawings over a picture: coordinate grid, north and east, a scale bar.

Positions are in picture coordinates: one unit per superpixel, x to the right from the picture's
left edge, y down from its top edge, so that the first pixel reaches from 0 to 1. The frame's first
row is at the bottom of a picture.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from observations_explorer.formatting import MINUS
from panoptes_network.sky.projection import Pixel, Projection, Sky

MAX_LINES = 7
"""Maximum number of lines of each kind, away from poles."""
DEC_STEPS_DEG = (10.0, 5.0, 2.0, 1.0, 0.5, 1 / 6, 1 / 12, 1 / 60)
RA_STEPS_DEG = (30.0, 15.0, 7.5, 5.0, 2.5, 1.25, 0.5, 0.25, 1 / 12, 1 / 60)
"""Whole hours or minutes of right ascension, except the last two: 20 and 4 seconds."""
BAR_STEPS_DEG = (5.0, 2.0, 1.0, 0.5, 1 / 6, 1 / 12, 1 / 60, 1 / 120)
BAR_PART = 0.25
"""Maximum length of the scale bar, as a fraction of the picture's width."""
NAME_PART = 0.07
"""Maximum width of a line's name, as a fraction of the picture's width."""
SAMPLES = 97
"""Points along a line: few enough for a small file, enough for smooth curves."""
EDGE_SAMPLES = 25
ARROW_DEG = 0.01


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a picture."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Line:
    """A meridian or a parallel: its SVG path, and its name with its position.

    `edge` is the picture's edge at that position: left, right, top or bottom; `is_named` means that
    there is room for the name.
    """

    path: str
    name: str
    at: Place
    edge: str
    is_named: bool = True


@dataclass(frozen=True, slots=True)
class Bar:
    """A scale bar: its drawn length, and its length on the sky."""

    length: float
    name: str


@dataclass(frozen=True, slots=True)
class Overlay:
    """The drawings over a picture of `width` by `height`.

    `north` and `east` are unit vectors from the picture's centre.
    """

    width: int
    height: int
    lines: list[Line]
    north: Place
    east: Place
    bar: Bar


@dataclass(frozen=True, slots=True)
class _Extent:
    """The sky area of a frame: from `west_deg` eastward, and from `south_deg` to `north_deg`."""

    west_deg: float
    east_deg: float
    south_deg: float
    north_deg: float


def overlay(projection: Projection) -> Overlay:
    """Return the drawings over a frame's picture."""
    extent = _extent(projection)
    meridians = _meridians(projection, extent)
    parallels = _parallels(projection, extent)
    return Overlay(
        width=projection.width // 2,
        height=projection.height // 2,
        lines=_readable([line for line in (*meridians, *parallels) if line], projection),
        north=north(projection, _middle(projection)),
        east=east(projection, _middle(projection)),
        bar=bar(projection, projection.width / 2),
    )


def place(projection: Projection, pixel: Pixel) -> Place:
    """Return the position of a mosaic pixel in the picture."""
    return Place((pixel.x + 0.5) / 2, projection.height // 2 - (pixel.y + 0.5) / 2)


def north(projection: Projection, pixel: Pixel) -> Place:
    """Return the direction of north at a pixel of the picture, as a unit vector."""
    return _direction(projection, pixel, Sky(0, 1))


def east(projection: Projection, pixel: Pixel) -> Place:
    """Return the direction of east at a pixel of the picture, as a unit vector."""
    return _direction(projection, pixel, Sky(1, 0))


def picture_scale_deg(projection: Projection) -> float:
    """Return the size of a picture unit on the sky, at the tangent point."""
    determinant = projection.cd[0] * projection.cd[3] - projection.cd[1] * projection.cd[2]
    return 2 * math.sqrt(abs(determinant))


def bar(projection: Projection, width: float) -> Bar:
    """Return a scale bar for a part of the picture with this width."""
    scale_deg = picture_scale_deg(projection)
    most_deg = BAR_PART * width * scale_deg
    deg = max((step for step in BAR_STEPS_DEG if step <= most_deg), default=BAR_STEPS_DEG[-1])
    return Bar(deg / scale_deg, _angle_name(deg))


def _extent(projection: Projection) -> _Extent:
    """Return the area within the frame's edges; all right ascensions if it contains a pole."""
    edge = [projection.sky(pixel) for pixel in _edge(projection)]
    middle_deg = projection.sky(_middle(projection)).ra_deg
    turns = [(sky.ra_deg - middle_deg + 180) % 360 - 180 for sky in edge]
    decs = [sky.dec_deg for sky in edge]
    south, north = min(decs), max(decs)
    poles = [pole for pole in (-90.0, 90.0) if _sees(projection, Sky(middle_deg, pole))]
    if not poles:
        return _Extent(middle_deg + min(turns), middle_deg + max(turns), south, north)
    return _Extent(0, 360, min([south, *poles]), max([north, *poles]))


def _sees(projection: Projection, sky: Sky) -> bool:
    pixel = projection.pixel(sky)
    return pixel is not None and projection.has(pixel)


def _edge(projection: Projection) -> Iterator[Pixel]:
    """Yield pixels along the frame's edges."""
    right, top = projection.width - 0.5, projection.height - 0.5
    for step in range(EDGE_SAMPLES):
        part = step / (EDGE_SAMPLES - 1)
        x, y = -0.5 + part * projection.width, -0.5 + part * projection.height
        yield from (Pixel(x, -0.5), Pixel(x, top), Pixel(-0.5, y), Pixel(right, y))


def _middle(projection: Projection) -> Pixel:
    return Pixel((projection.width - 1) / 2, (projection.height - 1) / 2)


def _meridians(projection: Projection, extent: _Extent) -> Iterator[Line | None]:
    step = _step(extent.east_deg - extent.west_deg, RA_STEPS_DEG)
    # Ends before the pole, where lines would merge.
    highest = 90 - 0.02 * (extent.north_deg - extent.south_deg)
    south, north = max(extent.south_deg, -highest), min(extent.north_deg, highest)
    for ra_deg in sorted({ra % 360 for ra in _multiples(extent.west_deg, extent.east_deg, step)}):
        line = [Sky(ra_deg, dec) for dec in _spread(south, north)]
        yield _line(projection, line, _ra_name(ra_deg))


def _parallels(projection: Projection, extent: _Extent) -> Iterator[Line | None]:
    step = _step(extent.north_deg - extent.south_deg, DEC_STEPS_DEG)
    for dec_deg in _multiples(extent.south_deg, extent.north_deg, step):
        if abs(dec_deg) < 90:
            line = [Sky(ra, dec_deg) for ra in _spread(extent.west_deg, extent.east_deg)]
            yield _line(projection, line, _dec_name(dec_deg, step))


def _step(span_deg: float, steps_deg: tuple[float, ...]) -> float:
    """Return the finest step with at most `MAX_LINES` lines."""
    fine = [step for step in steps_deg if span_deg / step <= MAX_LINES]
    return min(fine, default=steps_deg[0])


def _multiples(start: float, end: float, step: float) -> Iterable[float]:
    return (n * step for n in range(math.ceil(start / step), math.floor(end / step) + 1))


def _spread(start: float, end: float) -> Iterable[float]:
    return (start + (end - start) * n / (SAMPLES - 1) for n in range(SAMPLES))


def _line(projection: Projection, sky: list[Sky], name: str) -> Line | None:
    """Return a line's path within the picture; None if it is outside.

    One more sample at each end crosses the edge, where the picture's frame clips it.
    """
    pixels = [projection.pixel(one) for one in sky]
    seen = [pixel is not None and projection.has(pixel) for pixel in pixels]
    if not any(seen):
        return None
    near = [any(seen[max(n - 1, 0) : n + 2]) for n in range(len(seen))]
    first = pixels[seen.index(True)] or _middle(projection)
    pieces, starts = [], True
    for pixel, is_near in zip(pixels, near, strict=True):
        if pixel is None or not is_near:
            starts = True
            continue
        at = place(projection, pixel)
        pieces.append(f"{'M' if starts else 'L'}{at.x:.1f} {at.y:.1f}")
        starts = False
    return Line("".join(pieces), name, place(projection, first), _nearest_edge(projection, first))


def _readable(lines: list[Line], projection: Projection) -> list[Line]:
    """Return the lines, without names that would overlap others."""
    least = NAME_PART * projection.width / 2
    kept: list[Line] = []
    for line in lines:
        named = [other.at for other in kept if other.is_named]
        apart = (math.hypot(line.at.x - at.x, line.at.y - at.y) for at in named)
        kept.append(replace(line, is_named=min(apart, default=least) >= least))
    return kept


def _nearest_edge(projection: Projection, pixel: Pixel) -> str:
    distances = {
        "left": pixel.x,
        "right": projection.width - pixel.x,
        "bottom": pixel.y,
        "top": projection.height - pixel.y,
    }
    return min(distances, key=lambda edge: distances[edge])


def _direction(projection: Projection, pixel: Pixel, step: Sky) -> Place:
    """Return the direction of a small step on the sky."""
    start = projection.sky(pixel)
    # Away from a pole, which a step north must not cross.
    sign = -1 if start.dec_deg * step.dec_deg > 89 else 1
    cosine = max(math.cos(math.radians(start.dec_deg)), 1e-3)
    end = Sky(
        start.ra_deg + ARROW_DEG * step.ra_deg / cosine,
        start.dec_deg + sign * ARROW_DEG * step.dec_deg,
    )
    there = projection.pixel(end)
    if there is None:
        raise ValueError("the projection does not hold within its frame")
    x, y = sign * (there.x - pixel.x), -sign * (there.y - pixel.y)
    length = math.hypot(x, y)
    return Place(x / length, y / length)


def _angle_name(deg: float) -> str:
    if deg >= 1:
        return f"{deg:.0f}°"
    arcmin = deg * 60
    return f"{arcmin:.0f}\N{PRIME}" if arcmin >= 1 else f"{arcmin * 60:.0f}\N{DOUBLE PRIME}"


def _ra_name(ra_deg: float) -> str:
    seconds = round(ra_deg * 240) % 86_400
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    name = f"{hours}h" + (f" {minutes:02d}m" if minutes or rest else "")
    return name + (f" {rest:02d}s" if rest else "")


def _dec_name(dec_deg: float, step_deg: float) -> str:
    arcmin = round(abs(dec_deg) * 60)
    sign = MINUS if dec_deg < 0 and arcmin else "+" if arcmin else ""
    name = f"{sign}{arcmin // 60}°"
    return name if step_deg >= 1 else f"{name} {arcmin % 60:02d}\N{PRIME}"
