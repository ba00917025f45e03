"""Each of the explorer's pages by axe-core, and how it looks: light, dark, on a phone.

The pictures lie in build/screenshots afterwards.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import Engine

from panoptes_network.states import ImageState
from tests.end_to_end.browsing import DARK, LIGHT, PHONE, guarded_page
from tests.service.support.light_curve_rows import Curves, add_light_curves, transit
from tests.service.support.star_fields import StarField, add_catalog_star, add_stars
from tests.service.support.web_services import START, add_observation, rows, storage_at

ROOT = Path(__file__).parents[2]
AXE = ROOT / "observations-explorer" / "node_modules" / "axe-core" / "axe.min.js"
SCREENSHOTS = ROOT / "build" / "screenshots"
SERIOUS = ("serious", "critical")
CURVES = Curves()

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
    "statistics": "/stats",
    "status": "/status",
    "about": "/about",
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
