"""The parameter POS: circles, ranges and polygons on the sky, in SIA 2.0 syntax."""

from collections.abc import Callable

from observations_data.virtual_observatory.dali import MAX_VALUES, Query, UsageFault, numbers
from observations_data.virtual_observatory.regions import Circle, Polygon, Range, Region


def regions(query: Query) -> list[Region]:
    """Return the regions in POS; empty without it.

    Raises
    ------
    UsageFault
        For an invalid region.
    """
    return [_region(value) for value in query.texts("POS")]


def _region(value: str) -> Region:
    shape, _, coordinates = value.partition(" ")
    found = numbers("POS", coordinates)
    if shape.upper() not in _SHAPES:
        raise UsageFault("POS must be CIRCLE, RANGE or POLYGON and its coordinates in degrees")
    return _SHAPES[shape.upper()](found)


def _circle(coordinates: list[float]) -> Circle:
    if len(coordinates) != 3:
        raise UsageFault("POS CIRCLE has a right ascension, a declination and a radius")
    ra_deg, dec_deg, radius_deg = coordinates
    _check(ra_deg, 0, 360, "right ascension")
    _check(dec_deg, -90, 90, "declination")
    _check(radius_deg, 0, 180, "radius")
    return Circle(ra_deg, dec_deg, radius_deg)


def _range(coordinates: list[float]) -> Range:
    if len(coordinates) != 4:
        raise UsageFault("POS RANGE has two right ascensions and two declinations")
    west, east = (min(max(ra_deg, 0.0), 360.0) for ra_deg in _ends(coordinates[:2], 0, 360))
    south, north = (min(max(dec_deg, -90.0), 90.0) for dec_deg in _ends(coordinates[2:], -90, 90))
    if south > north:
        raise UsageFault("POS RANGE has its lower declination first")
    # From a greater right ascension to a lesser one, the range crosses 0h.
    return Range((west, east if east >= west else east + 360), (south, north))


def _polygon(coordinates: list[float]) -> Polygon:
    if len(coordinates) < 6 or len(coordinates) % 2 or len(coordinates) > 2 * MAX_VALUES:
        raise UsageFault(f"POS POLYGON has 3 to {MAX_VALUES} right ascensions and declinations")
    for ra_deg, dec_deg in zip(coordinates[::2], coordinates[1::2], strict=True):
        _check(ra_deg, 0, 360, "right ascension")
        _check(dec_deg, -90, 90, "declination")
    found = Polygon(tuple(coordinates[::2]), tuple(coordinates[1::2]))
    if found.cone is None:
        raise UsageFault("POS POLYGON must fit into half of the sky")
    return found


_SHAPES: dict[str, Callable[[list[float]], Region]] = {
    "CIRCLE": _circle,
    "RANGE": _range,
    "POLYGON": _polygon,
}


def _ends(bounds: list[float], minimum: float, maximum: float) -> list[float]:
    """Return the bounds of a range; infinite ones are limited to the sky."""
    for bound in bounds:
        if bound not in {float("-inf"), float("inf")}:
            _check(bound, minimum, maximum, "end of a range")
    return bounds


def _check(number: float, minimum: float, maximum: float, what: str) -> None:
    if not minimum <= number <= maximum:
        raise UsageFault(f"POS has {what} that is not from {minimum:g} to {maximum:g} degrees")
