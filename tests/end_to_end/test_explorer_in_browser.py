"""The explorer's pages in a real Chromium, over both services under waitress."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine, delete

from panoptes_network.database.models import Image, ImageEvent, Sequence
from tests.end_to_end.browsing import DARK, LIGHT, NO_SCRIPT, PHONE, guarded_page, in_modes
from tests.end_to_end.explored import EXTRACTED, HOSTILE, UNSOLVED, has_no_sideways_scroll
from tests.service.support.web_services import (
    START,
    add_observation,
    rows,
)

EXPLORER = Path(__file__).parents[2] / "observations-explorer"
VENDOR = EXPLORER / "observations_explorer" / "static" / "vendor"
TABULATOR = VENDOR / "tabulator-tables" / "tabulator.min.js"
ATLAS = VENDOR / "aladin-lite" / "aladin.js"


@pytest.fixture
def observation_id(db: Engine) -> str:
    """Id of an observation whose field tries to be HTML."""
    with rows(db) as session:
        return add_observation(session, field=HOSTILE, images=[EXTRACTED, UNSOLVED, EXTRACTED])


@pytest.fixture
def two_units(db: Engine, observation_id: str) -> None:
    """Three observations of two units on the sky, in place of that with the hostile field."""
    elsewhere = {**EXTRACTED, "ra_deg": 10.7, "dec_deg": 41.3}
    places: list[tuple[str, str, dict[str, Any]]] = [
        ("PAN001", "M42", EXTRACTED),
        ("PAN006", "M31", elsewhere),
        ("PAN001", "Tycho", {**UNSOLVED}),
    ]
    with rows(db) as session:
        session.execute(delete(ImageEvent))
        session.execute(delete(Image))
        session.execute(delete(Sequence))
    with rows(db) as session:
        for hour, (unit, field, image) in enumerate(places):
            camera = "ee04d1" if unit == "PAN006" else "14d3bd"
            start = START + timedelta(hours=hour)
            add_observation(
                session, unit_id=unit, camera_id=camera, start=start, field=field, images=[image]
            )


@pytest.fixture
def page(
    request: pytest.FixtureRequest, browser: Browser, explorer_url: str, observation_id: str
) -> Iterator[Page]:
    """A page that must stay on its own origin and out of trouble until the test ends."""
    with guarded_page(browser, explorer_url, request.param) as opened:
        yield opened


@in_modes(LIGHT, PHONE, NO_SCRIPT)
def test_from_the_list_to_an_observation(page: Page, observation_id: str) -> None:
    page.goto("/observations")
    expect(page.get_by_role("heading", level=1)).to_have_text("Observations")
    expect(page.locator("caption")).to_have_text("1 observation, newest first")
    assert has_no_sideways_scroll(page)
    page.get_by_role("link", name=HOSTILE).click()
    assert page.url.endswith(f"/observations/{observation_id}")
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    assert page.title() == f"{HOSTILE} · PANOPTES Network"
    assert page.get_by_text("only 3 stars were found").first.is_visible()
    assert page.locator(
        "svg[aria-label^='Star width'], [role=img][aria-label^='Star width']"
    ).first.is_visible()
    assert has_no_sideways_scroll(page)


@in_modes(LIGHT, NO_SCRIPT)
def test_history_opens(page: Page, observation_id: str) -> None:
    page.goto(f"/observations/{observation_id}")
    first = page.locator("ol.history").first
    assert not first.is_visible()
    page.locator("tbody summary").first.press("Enter")
    assert first.is_visible()
    assert "gce-plate-solver" in first.inner_text()


@in_modes(LIGHT, PHONE, NO_SCRIPT)
def test_from_the_units_to_a_night(page: Page, observation_id: str) -> None:
    page.goto("/observations")
    page.get_by_role("link", name="Units").click()
    page.get_by_role("link", name="PAN001", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("PAN001")
    assert has_no_sideways_scroll(page)
    page.get_by_role("link", name="3 images on 11 October 2018").click()
    expect(page).to_have_url(re.compile(re.escape("/units/PAN001/nights/2018-10-11") + "$"))
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_contain_text("Night of 11 October 2018")
    assert page.get_by_role("heading", name="Findings").is_visible()
    assert has_no_sideways_scroll(page)


@in_modes(LIGHT, DARK, PHONE, NO_SCRIPT)
def test_marks_of_a_night_lead_to_their_images(page: Page, observation_id: str) -> None:
    page.goto("/units/PAN001/nights/2018-10-11")
    marks = page.locator("svg .mark")
    boxes = [mark.bounding_box() for mark in marks.all()]
    assert len(boxes) == 3
    lefts = [box["x"] for box in boxes if box]
    assert lefts == sorted(lefts)
    # Colours are those of the states, in light and in dark.
    colours = [mark.evaluate("mark => getComputedStyle(mark).fill") for mark in marks.all()]
    assert colours[0] == colours[2] != colours[1]
    assert page.locator("svg circle").first.is_visible()
    marks.nth(1).click()
    page.wait_for_url(f"**/observations/{observation_id}#PAN001_14d3bd_20181011T134543")


@in_modes(LIGHT, PHONE)
def test_an_empty_night(page: Page, observation_id: str) -> None:
    page.goto("/units/PAN001/nights/2018-10-14")
    assert page.get_by_text("Was the sky clear?").is_visible()
    assert has_no_sideways_scroll(page)
    page.get_by_role("link", name="11 October 2018").click()
    page.wait_for_url("**/units/PAN001/nights/2018-10-11")


@in_modes(LIGHT, NO_SCRIPT)
def test_search_and_pages_by_links_alone(page: Page, db: Engine) -> None:
    with rows(db) as session:
        for hour in range(1, 60):
            add_observation(session, start=START - timedelta(hours=hour))
    page.goto("/observations")
    page.get_by_role("searchbox", name="Unit").fill("pan001")
    page.get_by_label("Field").fill("m42")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("caption")).to_have_text("59 observations found, newest first")
    expect(page.locator("tbody tr")).to_have_count(50)
    page.get_by_role("link", name="Older").click()
    page.wait_for_url("**cursor=**")
    expect(page.locator("tbody tr")).to_have_count(9)
    page.get_by_role("link", name="Newest").click()
    page.wait_for_url(lambda url: "cursor" not in url)
    expect(page.locator("tbody tr")).to_have_count(50)


@in_modes(LIGHT, PHONE, NO_SCRIPT)
def test_a_name_leads_on_by_the_keyboard(page: Page, two_units: None) -> None:
    page.goto("/status")
    box = page.get_by_role("searchbox", name="Find a star")
    box.fill("pan006")
    box.press("Enter")
    page.wait_for_url("**/units/PAN006")
    box.fill("Orionn")
    box.press("Enter")
    page.get_by_role("link", name="Orion", exact=True).click()
    page.wait_for_url("**/observations?near=Orion&radius=*")
    expect(page.locator("tbody tr")).to_have_count(1)


@in_modes(LIGHT, PHONE, NO_SCRIPT)
def test_filters_are_set_and_removed(page: Page, two_units: None) -> None:
    page.goto("/observations")
    page.get_by_text("More filters").click()
    page.get_by_label("Near").fill("83.8 -5.4")
    page.get_by_label("With an image").select_option("complete")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**near=**")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert page.get_by_label("With an image").is_visible()
    chips = page.get_by_label("Filters that are set").get_by_role("link")
    words = [" ".join(chip.inner_text().split()) for chip in chips.all()]
    assert words[0].startswith("Near 83.8 -5.4 within 15°")
    assert words[1].startswith("With an image complete")
    assert has_no_sideways_scroll(page)
    chips.filter(has_text="Near").click()
    page.wait_for_url(lambda url: "near=" not in url)
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_label("Map and counts").get_by_role("link", name="PAN006").click()
    page.wait_for_url("**unit=PAN006**")
    expect(page.locator("tbody tr")).to_have_count(1)


@in_modes(LIGHT, NO_SCRIPT)
def test_heads_sort(page: Page, two_units: None) -> None:
    page.goto("/observations")
    names = page.locator("tbody th a")
    page.get_by_role("link", name="Field").click()
    page.wait_for_url("**sort=field**")
    assert names.all_inner_texts() == ["M31", "M42", "Tycho"]
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("Field")
    page.get_by_role("link", name="Field").click()
    page.wait_for_url("**order=desc**")
    assert names.all_inner_texts() == ["Tycho", "M42", "M31"]


@in_modes(LIGHT, PHONE, NO_SCRIPT)
def test_map_and_list_point_at_each_other(page: Page, two_units: None) -> None:
    page.goto("/observations")
    mark = page.locator("svg.map a").first
    assert mark.is_visible()
    name = mark.get_attribute("data-sequence")
    row = page.locator(f'tr[data-sequence="{name}"]')
    if page.evaluate("document.documentElement.clientWidth") > 1000:
        assert page.locator("svg.map").bounding_box()["x"] > row.bounding_box()["x"]  # type: ignore[index]
    row.locator("th a").focus()
    mark = page.locator(f'svg.map a[data-sequence="{name}"]')
    has_script = "lit" in (mark.get_attribute("class") or "")
    assert has_script == ("lit" in (row.get_attribute("class") or ""))
    row.locator("th a").press("Enter")
    page.wait_for_url(f"**/observations/{name}")


def test_a_search_says_that_it_is_on_its_way(
    browser: Browser, explorer_url: str, two_units: None
) -> None:
    with guarded_page(browser, explorer_url, LIGHT) as page:
        page.goto("/observations")
        # The search is kept from leaving, as a slow network does.
        page.evaluate("addEventListener('submit', event => event.preventDefault())")
        page.get_by_label("Field").fill("M31")
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_role("status")).to_have_text("Searching…")
        assert page.locator("main").get_attribute("aria-busy") == "true"
        # The address is to say only what is searched for.
        assert page.get_by_role("searchbox", name="Unit").is_disabled()
        assert page.get_by_label("Field").is_enabled()
        page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow'))")
        expect(page.get_by_role("status")).to_have_count(0)
        assert page.get_by_role("searchbox", name="Unit").is_enabled()


@in_modes(LIGHT, PHONE)
def test_hostile_words_do_nothing(page: Page, db: Engine) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    with rows(db) as session:
        later = START + timedelta(hours=1)
        add_observation(session, start=later, field=hostile, images=[EXTRACTED], tags=[hostile])
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    page.goto("/observations")
    assert page.get_by_role("link", name=hostile).first.is_visible()
    page.get_by_label("Field").fill(hostile)
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**field=**")
    assert page.get_by_label("Filters that are set").get_by_text(hostile).is_visible()
    for path in ("/sky", "/stats", "/status", "/units", "/about"):
        page.goto(path)
        assert has_no_sideways_scroll(page)


@in_modes(LIGHT, NO_SCRIPT)
def test_first_tab_skips_to_the_content(page: Page) -> None:
    page.goto("/observations")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**#content")
    expect(page.locator("main")).to_be_focused()


def test_unknown_observation(browser: Browser, explorer_url: str, db: Engine) -> None:
    page = browser.new_page()
    answer = page.goto(f"{explorer_url}/observations/PAN001_14d3bd_20000101T000000")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("Not Found")
    page.close()


def test_a_table_is_arranged(browser: Browser, explorer_url: str, two_units: None) -> None:
    if not TABULATOR.exists():
        pytest.skip("Tabulator was not fetched: `local/setup` does")
    with guarded_page(browser, explorer_url, LIGHT) as page:
        page.goto("/units")
        page.get_by_role("button", name="Sort and arrange").press("Enter")
        rows_shown = page.locator(".tabulator-row")
        rows_shown.nth(1).wait_for()
        assert [row.inner_text()[:6] for row in rows_shown.all()] == ["PAN001", "PAN006"]
        head = page.get_by_role("columnheader", name="Images", exact=True)
        head.press("Enter")
        assert head.get_attribute("aria-sort") == "ascending"
        assert [row.inner_text()[:6] for row in rows_shown.all()] == ["PAN006", "PAN001"]
        page.get_by_role("checkbox", name="Images", exact=True).uncheck()
        assert not head.is_visible()
        page.get_by_role("link", name="PAN006", exact=True).click()
        page.wait_for_url("**/units/PAN006")


@in_modes(LIGHT, PHONE)
def test_no_page_needs_what_may_not_have_been_fetched(page: Page, explorer_url: str) -> None:
    page.route("**/vendor/**", lambda route: pytest.fail(route.request.url))
    for path in ("/", "/observations", "/sky", "/units", "/stats", "/status", "/about"):
        page.goto(path)
        assert page.get_by_role("heading", level=1).is_visible()


def test_the_sky_atlas_asks_no_other_host(
    browser: Browser, explorer_url: str, db: Engine, two_units: None
) -> None:
    if not ATLAS.exists():
        with guarded_page(browser, explorer_url, NO_SCRIPT) as page:
            page.goto("/sky")
            expect(page.get_by_role("link", name="atlas")).to_have_count(0)
        pytest.skip("Aladin Lite was not fetched: `make aladin` does")
    context = browser.new_context(base_url=explorer_url)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/sky")
    page.get_by_role("link", name="Open in the sky atlas").click()
    page.locator("#atlas[data-drawn]").wait_for()
    page.wait_for_timeout(1000)
    own = (explorer_url, "data:", "blob:")
    assert [url for url in asked if not url.startswith(own)] == []
    context.close()
