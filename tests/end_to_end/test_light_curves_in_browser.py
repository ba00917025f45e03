"""Light curves and candidates in a real Chromium, with and without JavaScript."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine

from tests.end_to_end.browsing import LIGHT, NO_SCRIPT, PHONE, guarded_page
from tests.service.support.light_curve_rows import FRAMES, Curves, add_light_curves, transit
from tests.service.support.star_fields import StarField, add_stars
from tests.service.support.web_services import add_observation, rows, storage_at

NIGHT = Curves()
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
    chart = page.get_by_role("group", name=re.compile("Relative flux, all colours: 150 frames"))
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
