"""Light curves and candidates in a real Chromium, with and without JavaScript."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine

from tests.end_to_end.browsing import LIGHT, NO_SCRIPT, PHONE, guarded_page, in_modes
from tests.service.support.light_curve_rows import FRAMES, Curves, add_light_curves, transit
from tests.service.support.star_fields import StarField, add_stars
from tests.service.support.web_services import START, add_observation, rows, storage_at

NIGHT = Curves()
FIRST = Curves(first_picid=2000, start=START + timedelta(seconds=92))
SECOND = Curves(
    first_picid=2000,
    camera_id="ee04d1",
    start=FIRST.start + timedelta(seconds=70),
    n_frames=60,
    seed=14,
)
"""Another star's curves from both cameras of a unit; the frames lie between each other."""
STAR_OF_BOTH = "/sources/2000?catalog=tic"
SOLVED = {"state": "sources_extracted"}


@pytest.fixture(scope="module")
def sequence_id(
    module_db: Engine, storage_port: int, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """A sequence in whose light curves a transit was found."""
    with rows(module_db) as session:
        sequence_id = add_observation(session, images=[SOLVED] * 2)
        add_stars(session, sequence_id, StarField())
        with storage_at(storage_port):
            add_light_curves(session, sequence_id, NIGHT, tmp_path_factory.mktemp("curves"))
        session.add(transit(sequence_id, mid_bjd_tdb=float(NIGHT.bjd_tdb[FRAMES // 2])))
    return sequence_id


@pytest.fixture(scope="module")
def both_cameras(
    module_db: Engine, storage_port: int, tmp_path_factory: pytest.TempPathFactory
) -> int:
    """Light curves of one star from two cameras; their number of frames."""
    folder = tmp_path_factory.mktemp("both")
    with rows(module_db) as session, storage_at(storage_port):
        for curves in (FIRST, SECOND):
            sequence_id = add_observation(
                session,
                camera_id=curves.camera_id,
                start=curves.start - timedelta(seconds=91),
                images=[SOLVED],
            )
            add_light_curves(session, sequence_id, curves, folder)
    return FIRST.n_frames + SECOND.n_frames


@pytest.fixture(params=[LIGHT, PHONE, NO_SCRIPT])
def page(
    request: pytest.FixtureRequest, browser: Browser, explorer_url: str, sequence_id: str
) -> Iterator[Page]:
    """A page that must stay on its own origin and out of trouble until the test ends."""
    with guarded_page(browser, explorer_url, request.param) as opened:
        yield opened


def test_from_an_observation_to_a_transit_and_its_colours(page: Page, sequence_id: str) -> None:
    page.goto(f"/observations/{sequence_id}")
    page.locator(".rms .mark").first.click()
    page.wait_for_url("**/sources/1000?**")
    page.get_by_role("link", name="Candidates", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Candidates")
    picture = page.get_by_role("img", name="Light curve of TIC 1000")
    picture.scroll_into_view_if_needed()
    # One that cannot be read has no width, or makes this fail.
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 180
    page.get_by_role("link", name="TIC 1000").click()
    chart = page.get_by_role("group", name=re.compile("Brightness, .* all colours: 150 frames"))
    expect(chart.locator(".transit").last).to_be_visible()
    box, figure = chart.bounding_box(), page.locator(".panel-of").bounding_box()
    assert box is not None
    assert figure is not None
    # Words keep their size, and nothing stands out of its figure.
    assert figure["x"] < box["x"] < box["x"] + box["width"] < figure["x"] + figure["width"]
    tick = chart.locator("text").first.bounding_box()
    assert tick is not None
    assert tick["height"] == pytest.approx(14, abs=4)
    page.get_by_role("link", name="Raw", exact=True).click()
    page.get_by_role("link", name="Green").click()
    page.wait_for_url("**method=raw&colour=g**")
    shown = page.get_by_role("group", name=re.compile("Flux, ADU, green: 150 frames"))
    expect(shown).to_be_visible()
    expect(shown.locator(".transit")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_two_cameras_differ_by_colour_and_shape(page: Page, both_cameras: int) -> None:
    page.goto(STAR_OF_BOTH)
    legend = page.get_by_role("list", name="Cameras")
    expect(legend.get_by_role("listitem")).to_have_text(
        ["Camera PAN001 14d3bd", "Camera PAN001 ee04d1"]
    )
    circles = page.locator(".chart .field circle.mark")
    diamonds = page.locator(".chart .field path.mark.series-1")
    expect(circles).to_have_count(FRAMES)
    expect(diamonds).to_have_count(SECOND.n_frames)
    fills = {
        marks.first.evaluate("mark => getComputedStyle(mark).fill") for marks in (circles, diamonds)
    }
    assert len(fills) == 2
    # It stands where its measurement lies: within the chart.
    field, diamond = page.locator(".chart .field").bounding_box(), diamonds.last.bounding_box()
    assert field is not None
    assert diamond is not None
    assert field["x"] < diamond["x"] < field["x"] + field["width"]
    assert field["y"] < diamond["y"] < field["y"] + field["height"]
    assert 6 < diamond["width"] < 11
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@in_modes(LIGHT, PHONE)
def test_points_are_reached_by_keys(page: Page, both_cameras: int) -> None:
    page.goto(STAR_OF_BOTH)
    chart = page.get_by_role("application", name=re.compile("^Brightness.*Arrow keys"))
    chart.focus()
    reading = page.locator(".reading")
    expect(reading).to_contain_text("Arrow keys")
    page.keyboard.press("ArrowRight")
    time = f"{FIRST.middles[0]:%Y-%m-%d %H:%M:%S} UTC"
    start = rf"Point 1 of {both_cameras}: [0-9.]+ ± 0.40 % at {time}, BJD .*"
    expect(reading).to_have_text(re.compile(start + "; camera PAN001 14d3bd$"))
    page.keyboard.press("ArrowRight")
    expect(reading).to_have_text(re.compile(f"Point 2 of {both_cameras}: .*ee04d1$"))
    expect(page.locator(".mark.current")).to_have_count(1)
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")
    expect(reading).to_contain_text(f"Point {both_cameras} of {both_cameras}: ")
    page.keyboard.press("Home")
    expect(reading).to_contain_text("Point 1 of")
    # One stop of the Tab key.
    page.keyboard.press("Tab")
    expect(page.locator(".mark.current")).to_have_count(0)
    assert not page.evaluate("document.querySelector('.chart').contains(document.activeElement)")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/images/{FIRST.image_ids[0]}")


@in_modes(LIGHT)
def test_the_figure_is_saved_as_svg_and_png(page: Page, both_cameras: int, tmp_path: Path) -> None:
    page.goto(STAR_OF_BOTH)
    with page.expect_download() as saved:
        page.get_by_role("link", name="SVG").click()
    assert saved.value.suggested_filename == "TIC-2000-light-curve.svg"
    drawn = Path(saved.value.path()).read_text()
    assert drawn.count('class="mark"') == both_cameras
    assert "Camera PAN001 ee04d1" in drawn
    with page.expect_download() as saved:
        page.get_by_role("button", name="PNG").click()
    assert saved.value.suggested_filename == "TIC-2000-light-curve.png"
    saved.value.save_as(tmp_path / "figure.png")
    with Image.open(tmp_path / "figure.png") as picture:
        assert picture.size == (2000, 920)
        colours = {colour for _, colour in picture.convert("RGB").getcolors(2_000_000) or []}
    # Paper, ink, and no empty picture.
    assert {(255, 255, 255), (26, 32, 54)} <= colours
