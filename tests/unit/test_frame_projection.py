"""The network's own projection against astropy.wcs, and what is drawn with it over a picture."""

import re
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

from observations_explorer.maps.image_overlay import Line, overlay, place
from panoptes_network.pictures.render import colour_planes, measure_look, render
from panoptes_network.sky.projection import Pixel, Projection, Sky
from simulator import Observation, simulate
from simulator.optics import field_wcs

WIDTH, HEIGHT = 5208, 3476
FIELDS = [
    (83.822, -5.391, 0.7),
    (0.2, 1.0, 200.0),
    (301.564, 44.457, 90.0),
    (120.0, 88.0, 30.0),
    (10.0, 89.99, 0.0),
    (250.0, -87.5, 45.0),
]
"""Right ascension and declination of the middle, and rotation: across 0h, and over both poles."""


def cards_of(wcs: WCS) -> dict[str, Any]:
    """Return a projection as observations-data gives it."""
    header = wcs.to_header(relax=True)
    cards: dict[str, Any] = {
        name: value for name, value in header.items() if re.match("CRPIX|CRVAL|[AB]_", name)
    }
    for axis in (1, 2):
        cards[f"NAXIS{axis}"] = wcs.pixel_shape[axis - 1]
        for other in (1, 2):
            cards[f"CD{axis}_{other}"] = float(wcs.wcs.cd[axis - 1, other - 1])
    return cards


@pytest.fixture(params=FIELDS, ids=str)
def wcs(request: pytest.FixtureRequest) -> WCS:
    ra_deg, dec_deg, rotation_deg = request.param
    return field_wcs(ra_deg, dec_deg, rotation_deg, WIDTH, HEIGHT)


@pytest.fixture
def projection(wcs: WCS) -> Projection:
    return Projection.of_cards(cards_of(wcs))


def test_directions_agree_with_astropy(wcs: WCS, projection: Projection) -> None:
    x, y = (np.ravel(one) for one in np.meshgrid(np.linspace(0, 5207, 7), np.linspace(0, 3475, 5)))
    expected = SkyCoord(*wcs.all_pix2world(x, y, 0), unit="deg")
    own = [projection.sky(Pixel(*pixel)) for pixel in zip(x, y, strict=True)]
    found = SkyCoord([sky.ra_deg for sky in own], [sky.dec_deg for sky in own], unit="deg")
    # Both compute in doubles; a milliarcsecond is a ten thousandth of a pixel.
    assert expected.separation(found).arcsec.max() < 1e-3


def test_pixels_lead_back(projection: Projection) -> None:
    for x in (0.0, 1000.0, 2603.5, 5207.0):
        for y in (0.0, 700.5, 3475.0):
            pixel = projection.pixel(projection.sky(Pixel(x, y)))
            # The steps end below a millionth of a pixel; rounding at a pole takes a little more.
            assert pixel == pytest.approx((x, y), abs=1e-4)


def test_the_far_side_of_the_sky_is_nowhere(projection: Projection) -> None:
    middle = projection.sky(Pixel(2603.5, 1737.5))
    assert projection.pixel(Sky(middle.ra_deg + 180, -middle.dec_deg)) is None
    assert projection.pixel(Sky(middle.ra_deg, middle.dec_deg - 60)) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("CRVAL1", None), ("CD1_1", "x"), ("NAXIS1", True), ("A_3_0", float("nan"))],
)
def test_cards_that_are_no_projection(name: str, value: object) -> None:
    cards = {**cards_of(field_wcs(10, 20, 0, WIDTH, HEIGHT)), name: value}
    with pytest.raises(ValueError, match=f"{name} is not a number"):
        Projection.of_cards(cards)


def test_cards_that_squeeze_the_sky_to_a_line() -> None:
    cards = {**cards_of(field_wcs(10, 20, 0, WIDTH, HEIGHT))}
    cards |= {"CD1_1": 1.0, "CD1_2": 2.0, "CD2_1": 2.0, "CD2_2": 4.0}
    with pytest.raises(ValueError, match="no inverse"):
        Projection.of_cards(cards)


def test_places_in_the_picture() -> None:
    projection = Projection.of_cards(cards_of(field_wcs(10, 20, 0, WIDTH, HEIGHT)))
    # The first superpixel, whose centre is mosaic pixel 0.5, is the picture's lowest at the left.
    corner = place(projection, Pixel(0.5, 0.5))
    assert (corner.x, corner.y) == (0.5, HEIGHT / 2 - 0.5)
    corner = place(projection, Pixel(WIDTH - 0.5, HEIGHT - 0.5))
    assert (corner.x, corner.y) == (WIDTH / 2, 0)


def points(line: Line) -> list[tuple[float, float]]:
    numbers = [float(number) for number in re.findall(r"-?\d+\.\d", line.path)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def sky_at(wcs: WCS, x: float, y: float) -> SkyCoord:
    """Return what a place in the picture shows, by astropy."""
    return SkyCoord(*wcs.all_pix2world(2 * x - 0.5, 2 * (HEIGHT // 2 - y) - 0.5, 0), unit="deg")


def degrees(name: str) -> float:
    """Return a grid line's value, degrees."""
    sign = -1 if "\N{MINUS SIGN}" in name else 1
    parts = [float(number) for number in re.findall(r"\d+", name)]
    value = sum(part / 60.0**n for n, part in enumerate(parts))
    return float(sign * value * (15 if "h" in name else 1))


def test_grid_lines_follow_the_sky(wcs: WCS, projection: Projection) -> None:
    lines = overlay(projection).lines
    assert {"h" in line.name for line in lines} == {True, False}
    for line in lines:
        for x, y in points(line):
            if not (0 <= x <= WIDTH // 2 and 0 <= y <= HEIGHT // 2):
                continue
            sky = sky_at(wcs, x, y)
            on_line = (
                SkyCoord(degrees(line.name), sky.dec.deg, unit="deg")
                if "h" in line.name
                else SkyCoord(sky.ra.deg, degrees(line.name), unit="deg")
            )
            # Paths are written to a tenth of a picture pixel, at worst 0.07 of 20.6 arcsec.
            assert sky.separation(on_line).arcsec < 2


def test_lines_are_named_within_the_picture(projection: Projection) -> None:
    drawn = overlay(projection)
    assert 4 <= len(drawn.lines) <= 40
    for line in drawn.lines:
        assert 0 <= line.at.x <= drawn.width
        assert 0 <= line.at.y <= drawn.height
    names = [line.name for line in drawn.lines]
    assert len(set(names)) == len(names)


def test_the_compass_points_north_and_east(wcs: WCS, projection: Projection) -> None:
    drawn = overlay(projection)
    middle = sky_at(wcs, drawn.width / 2, drawn.height / 2)
    # So near a pole north turns by a lot within the ten pixels.
    slack_deg = 40 if abs(middle.dec.deg) > 89.9 else 2
    for direction, expected_deg in ((drawn.north, 0), (drawn.east, 90)):
        # Ten picture pixels along the arrow: 206 arcsec, over which the sky hardly bends
        # but near a pole.
        there = sky_at(wcs, drawn.width / 2 + 10 * direction.x, drawn.height / 2 + 10 * direction.y)
        turn = (middle.position_angle(there).deg - expected_deg + 180) % 360 - 180
        assert abs(turn) < slack_deg


def test_the_bar_is_as_long_as_it_says(wcs: WCS) -> None:
    wcs = field_wcs(83.8, -5.4, 0.7, WIDTH, HEIGHT)
    drawn = overlay(Projection.of_cards(cards_of(wcs)))
    assert drawn.bar.name == "2°"
    left, right = (drawn.width / 2 + side * drawn.bar.length / 2 for side in (-1, 1))
    ends = [sky_at(wcs, x, drawn.height / 2) for x in (left, right)]
    # The lens makes the scale vary by 0.4 percent over the frame.
    assert ends[0].separation(ends[1]).deg == pytest.approx(2, rel=0.005)


def test_stars_of_the_picture_lie_where_the_projection_says() -> None:
    frame = next(iter(simulate(Observation(width=600, height=400, suffix=".fits"))))
    planes = colour_planes(frame.data)
    picture = render(planes, measure_look(planes, (1.0, 1.0, 1.0))).mean(axis=2)
    projection = Projection.of_cards(cards_of(frame.truth.wcs))
    brightest = [star for star in frame.truth.stars if not star["saturated"]][:30]
    found = 0
    for star in brightest:
        pixel = projection.pixel(Sky(star["ra_deg"], star["dec_deg"]))
        assert pixel is not None
        assert pixel == pytest.approx((star["x"], star["y"]), abs=1e-3)
        at = place(projection, pixel)
        column, row = int(at.x), int(at.y)
        if not (4 <= column < 296 and 4 <= row < 196):
            continue
        around = picture[row - 3 : row + 4, column - 3 : column + 4]
        # The brightest pixel is the star's own or, as it trails and shares pixels, one beside.
        peak = np.unravel_index(np.argmax(around), around.shape)
        assert max(abs(int(peak[0]) - 3), abs(int(peak[1]) - 3)) <= 1
        found += 1
    assert found >= 20
