"""Which footprints meet a region: held against mocpy, which counts cells of the sky."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import Latitude, Longitude, SkyCoord
from mocpy import MOC
from numpy.typing import NDArray

from observations_data.virtual_observatory.regions import Circle, Polygon, Range, Region
from panoptes_network.sky.directions import unit_vectors
from tests.service.support.sky_rows import footprint

ORDER = 9
RNG = np.random.default_rng(20181011)
CENTRES = [
    *((ra, dec) for ra in (0.0, 120.0, 359.9) for dec in (-90.0, -84.0, 0.0, 40.0, 86.0, 90.0)),
    *zip(RNG.uniform(0, 360, 60), np.degrees(np.arcsin(RNG.uniform(-1, 1, 60))), strict=True),
]
CORNERS = np.array([
    footprint(centre, rotation)
    for centre, rotation in zip(CENTRES, RNG.uniform(0, 360, len(CENTRES)), strict=True)
]).reshape(-1, 4, 2)  # fmt: skip
FOOTPRINTS = unit_vectors(CORNERS[..., 0], CORNERS[..., 1])
Covers = list[tuple[MOC, MOC]]


@pytest.fixture(scope="module")
def covers() -> Covers:
    """Return of each footprint the cells that cover it, and those all inside of it."""
    polygons = np.ascontiguousarray(CORNERS.transpose(0, 2, 1).reshape(-1, 4))
    found = MOC.from_polygons(polygons, max_depth=ORDER)
    return [(cover, cover.contracted()) for cover in found]


def cells(ra_deg: float, dec_deg: float, radius_deg: float) -> MOC:
    return MOC.from_cone(
        lon=Longitude(ra_deg, u.deg),
        lat=Latitude(dec_deg, u.deg),
        radius=radius_deg * u.deg,
        max_depth=ORDER,
    )


def cone(ra_deg: float, dec_deg: float, radius_deg: float) -> tuple[Region, MOC]:
    if radius_deg < 150:
        return Circle(ra_deg, dec_deg, radius_deg), cells(ra_deg, dec_deg, radius_deg)
    # mocpy leaves out parts of the largest cones; what they leave out is a small one.
    left_out = cells((ra_deg + 180) % 360, -dec_deg, 180 - radius_deg)
    return Circle(ra_deg, dec_deg, radius_deg), left_out.contracted().complement()


def zone(west: float, east: float, south: float, north: float) -> tuple[Region, MOC]:
    # mocpy's zones end before 360 degrees, and do not go across 0h.
    parts = [(west, min(east, 360 - 1e-9))] + ([(0, east - 360)] if east > 360 else [])
    covers = [
        MOC.from_zone(SkyCoord([[first, south], [last, north]], unit="deg"), max_depth=ORDER)
        for first, last in parts
    ]
    return Range((west, east), (south, north)), covers[0].union(*covers)


def star(ra_deg: float, dec_deg: float, radii_deg: NDArray[np.float64]) -> tuple[Region, MOC]:
    """A polygon with as many points as radii, in equal steps around a centre: not convex."""
    centre = SkyCoord(ra_deg, dec_deg, unit="deg")
    turns = np.arange(len(radii_deg)) * 360 / len(radii_deg)
    points = centre.directional_offset_by(turns * u.deg, radii_deg * u.deg)
    cover = MOC.from_polygon_skycoord(points, max_depth=ORDER)
    return Polygon(tuple(points.ra.deg), tuple(points.dec.deg)), cover


def check(covers: Covers, region: Region, cover: MOC) -> int:
    """Hold the answers against cells that cover all of a shape, and those all inside of it."""
    met = region.meets(FOOTPRINTS)
    inside = cover.contracted()
    for corners, is_met, (around, within) in zip(CORNERS, met, covers, strict=True):
        if is_met:
            assert not around.intersection(cover).empty(), corners
        else:
            assert within.intersection(inside).empty(), corners
    return int(met.sum())


@pytest.mark.parametrize("place", [(0, 90), (10, -90), (360, 0), (0, 45), (180, 84), (119, -3)])
@pytest.mark.parametrize("radius_deg", [0.2, 5, 60, 120, 179])
def test_circles(covers: Covers, place: tuple[float, float], radius_deg: float) -> None:
    assert check(covers, *cone(*place, radius_deg)) > 0 or radius_deg < 60


@pytest.mark.parametrize(
    "bounds",
    [
        (0, 360, 85, 90),
        (0, 360, -90, -88),
        (0, 360, -1, 1),
        (350, 370, -89, 89),
        (100, 250, 40, 89),
        (1, 359, 80, 81),
        (119, 119.5, -60, 60),
        (340, 380, 83, 90),
        (120, 120.1, 40, 40.1),
    ],
)
def test_ranges(covers: Covers, bounds: tuple[float, float, float, float]) -> None:
    assert check(covers, *zone(*bounds)) > 0


@pytest.mark.parametrize("place", [(0, 90), (359, -88), (0, 0), (200, 30)])
@pytest.mark.parametrize("radii_deg", [[0.5, 0.5, 0.5], [40, 3] * 4, [20, 70, 5, 60, 10]])
def test_polygons(covers: Covers, place: tuple[float, float], radii_deg: list[float]) -> None:
    check(covers, *star(*place, np.array(radii_deg, dtype=float)))


@pytest.mark.parametrize("shape", [Circle(0, 0, 180), Range((0, 360), (-90, 90))])
def test_the_whole_sky_holds_all(shape: Region) -> None:
    assert shape.meets(FOOTPRINTS).all()


@pytest.mark.parametrize(
    "shape",
    [Circle(0, 0, 180), Range((0, 360), (-90, 90)), Polygon((0.0, 10.0, 5.0), (0.0, 0.0, 9.0))],
)
def test_an_unknown_footprint_meets_nothing(shape: Region) -> None:
    unknown = np.full((2, 4, 3), np.nan)
    unknown[1, :3] = FOOTPRINTS[0, :3]
    assert not shape.meets(unknown[:1]).any()
    assert shape.meets(np.empty((0, 4, 3))).shape == (0,)


def test_a_polygon_of_more_than_half_the_sky_has_no_cone() -> None:
    assert Polygon((0.0, 120.0, 240.0), (-10.0, -10.0, -10.0)).cone is not None
    assert Polygon((0.0, 90.0, 180.0, 270.0), (0.0, 0.0, 0.0, 0.0)).cone is None
