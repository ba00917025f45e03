"""The explorer's maps against astropy's projections and coordinates."""

import math
import re

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st

from observations_explorer.maps import outline, sky_map
from observations_explorer.maps.projection import (
    Hammer,
    Place,
    Zenithal,
    circle,
    galactic_plane,
    great_circle,
    place,
    separation_deg,
    vector,
)

PLACES = st.tuples(st.floats(0, 359.99), st.floats(-89.9, 89.9))
CLOSE_DEG = 1e-8
"""Both compute in double precision: rounding alone."""


def reference(kind: str, centre: Place, at: Place) -> Place:
    """Return where astropy puts a place on a map, x to the right."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = [f"RA---{kind}", f"DEC--{kind}"]
    wcs.wcs.crval = centre
    wcs.wcs.crpix = (0, 0)
    wcs.wcs.cdelt = (-1, 1)
    x, y = wcs.wcs_world2pix([at], 0)[0]
    # astropy counts pixels from 0, and the reference pixel 0 of FITS is its -1.
    return float(x + 1), float(y + 1)


@given(PLACES)
def test_hammer_is_that_of_fits(at: Place) -> None:
    assert Hammer().project(*at) == pytest.approx(
        reference("AIT", (180, 0), at), abs=CLOSE_DEG
    ) or at[0] == pytest.approx(0)


@given(PLACES, PLACES)
def test_zenithal_is_that_of_fits(centre: Place, at: Place) -> None:
    if separation_deg(centre, at) > 179:
        return
    # The angle is taken from a chord, which loses digits far from the centre.
    assert Zenithal(centre).project(*at) == pytest.approx(reference("ZEA", centre, at), abs=1e-5)


def test_east_is_left_and_north_up() -> None:
    for sky in (Hammer(), Zenithal((180.0, 0.0))):
        assert sky.project(190, 0)[0] < 0 < sky.project(170, 0)[0]
        assert sky.project(180, 10)[1] > 0 > sky.project(180, -10)[1]


@given(PLACES, PLACES)
def test_separation_is_that_of_astropy(one: Place, other: Place) -> None:
    first, second = (SkyCoord(*at, unit="deg") for at in (one, other))
    assert separation_deg(one, other) == pytest.approx(first.separation(second).deg, abs=1e-6)


@given(PLACES)
def test_vectors_lead_back(at: Place) -> None:
    assert separation_deg(place(vector(at)), at) < 1e-6


def test_milky_way_has_galactic_latitude_0() -> None:
    plane = np.array(galactic_plane())
    latitudes = SkyCoord(plane[:, 0], plane[:, 1], unit="deg").galactic.b.deg
    assert np.abs(latitudes).max() < 1e-4  # the pole is given to so many digits


@given(PLACES, st.floats(0.1, 120))
def test_circles_have_their_radius(centre: Place, radius_deg: float) -> None:
    for at in circle(centre, radius_deg, 12):
        assert separation_deg(centre, at) == pytest.approx(radius_deg, abs=1e-5)


def test_great_circle_goes_the_shorter_way() -> None:
    assert [round(ra % 360, 6) for ra, _ in great_circle((350, 0), (10, 0), 4)] == [
        350,
        355,
        0,
        5,
    ]


def area(parts: list[list[Place]]) -> float:
    """Return the area of outlines on a map, square degrees."""
    found = 0.0
    for part in parts:
        x, y = np.array(part).T
        found += abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))) / 2
    return found


@pytest.mark.parametrize(
    "centre",
    [(180, 0), (83.8, -5.4), (0, 0), (359.9, 45), (2, -60), (100, 88), (0, 90), (40, -90)],
)
def test_outlines_keep_their_area_wherever_they_are(centre: Place) -> None:
    # A cap of radius r has 2 pi (1 - cos r). Straight lines between 72 places of its edge, and
    # of at most 2 degrees along a cut, lose less than a hundredth.
    parts = outline.whole_sky(circle(centre, 8.0), Hammer())
    cap = 2 * math.pi * (1 - math.cos(math.radians(8))) * math.degrees(1) ** 2
    assert area(parts) == pytest.approx(cap, rel=0.01)
    for x, y in (at for part in parts for at in part):
        assert (x / Hammer.half_width) ** 2 + (y / Hammer.half_height) ** 2 <= 1 + 1e-9


def test_an_outline_across_the_edge_has_two_parts() -> None:
    assert len(outline.whole_sky(circle((0, 30), 5), Hammer())) == 2
    assert len(outline.whole_sky(circle((180, 30), 5), Hammer())) == 1
    assert outline.whole_sky([], Hammer()) == []


def numbers(path: str) -> list[float]:
    return [float(word) for word in re.findall(r"-?\d+(?:\.\d+)?", path)]


@given(st.lists(PLACES, min_size=1, max_size=8))
def test_a_map_shows_all_that_it_is_to_hold(places: list[Place]) -> None:
    shown = sky_map.holding(places)
    for at in places:
        x, y = shown.point(at)
        assert -0.1 <= x <= sky_map.WIDTH + 0.1
        assert -0.1 <= y <= shown.height + 0.1


@pytest.mark.parametrize("centre", [(83.8, -5.4), (0, 0), (359.9, 60), (10, 89.5), (200, -90)])
def test_a_part_of_the_sky_has_a_labelled_grid(centre: Place) -> None:
    shown = sky_map.around(centre, 10)
    assert not shown.is_whole
    assert numbers(shown.grid)
    degrees = [label.words for label in shown.labels if label.words.endswith("°")]
    hours = [label.words for label in shown.labels if "h" in label.words]
    if abs(centre[1]) < 80:
        assert len(degrees) >= 2
        assert len(hours) >= 2


def test_labels_stand_where_they_say() -> None:
    shown = sky_map.around((90.0, 0.0), 10)
    [six] = [label for label in shown.labels if label.words == "6h"]
    # On the meridian of the map's centre, within a pixel.
    assert six.x == pytest.approx(sky_map.WIDTH / 2, abs=1)
    left, right = (next(n for n in shown.labels if n.words == w).x for w in ("6h40", "5h20"))
    assert left < six.x < right


def test_far_places_take_the_whole_sky() -> None:
    assert sky_map.holding([(0, 0), (180, 0)]).is_whole
    assert sky_map.holding([]).is_whole
    assert not sky_map.holding([(359, 0), (1, 0)]).is_whole
