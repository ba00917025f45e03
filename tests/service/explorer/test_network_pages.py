"""The pages of the whole network: its sky, statistics, status, and what PANOPTES is."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.states import ImageState
from tests.service.support.web_services import START, add_observation, rows

DONE: dict[str, Any] = {"state": ImageState.SOURCES_EXTRACTED, "exptime_s": 120.0}
FAILED = {"state": ImageState.UNSOLVED, "reason_code": "too_few_sources", "reason": "only 3 stars"}


def page(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.parametrize(
    "path", ["/observations", "/candidates", "/sky", "/units", "/stats", "/status", "/about"]
)
def test_an_empty_network_has_all_pages(explorer: FlaskClient, path: str) -> None:
    html = page(explorer, path)
    current = re.findall(r'<a href="([^"]*)" aria-current="page">', html)
    assert current == [path]


def place(ra_deg: float, dec_deg: float) -> dict[str, Any]:
    return {**DONE, "ra_deg": ra_deg, "dec_deg": dec_deg}


@pytest.mark.parametrize(
    ("ra_deg", "dec_deg"),
    [(83.8, -5.4), (0, 0), (359.99, 12), (360, -45), (123, 89.99), (10, 90), (200, -90), (180, 0)],
)
def test_each_place_is_in_one_cell_that_leads_to_it(
    explorer: FlaskClient, db: Engine, ra_deg: float, dec_deg: float
) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, images=[place(ra_deg, dec_deg)] * 2)
    html = page(explorer, "/sky")
    cells = re.findall(r'<a href="(/observations\?near=[^"]*)" aria-label="([^"]*)"', html)
    [(address, words)] = cells
    assert words.startswith("1 observations, 2 images around")
    assert f'data-sequence="{sequence_id}"' in page(explorer, address.replace("&amp;", "&"))


def test_cells_have_nearly_the_same_area(explorer: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        for n, dec_deg in enumerate(range(-85, 90, 10)):
            start = START + timedelta(hours=n)
            add_observation(session, start=start, images=[place(7, dec_deg)])
    cells = explorer.get("/api/coverage").get_json()["items"]
    assert len(cells) == 18
    heights = [cell["dec_max_deg"] - cell["dec_min_deg"] for cell in cells]
    assert heights == [10] * 18
    assert all(cell["ra_min_deg"] <= 7 < cell["ra_max_deg"] for cell in cells)
    assert sum(cell["exposure_s"] for cell in cells) == 18 * 120


def test_status_says_what_waits_and_what_failed(explorer: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, images=[DONE, {}, FAILED, FAILED])
        old = {**FAILED, "updated_at": datetime.now(UTC) - timedelta(days=2)}
        add_observation(session, start=START + timedelta(days=1), images=[old])
    html = page(explorer, "/status")
    assert "images are being processed" in html
    assert "<b>2 images</b>" in html
    assert "Too few stars" in html
    assert re.search(r"Failed within 24 hours</dt><dd>2<", html)
    told = explorer.get("/api/status").get_json()
    assert told["states"]["unsolved"] == 3
    assert told["last_day"] == {"metadata_received": 1, "sources_extracted": 1, "unsolved": 2}
    assert [(one["reason_code"], one["count"]) for one in told["failures"]] == [
        ("too_few_sources", 2)
    ]


def test_status_of_a_network_at_rest(explorer: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, images=[DONE])
    html = page(explorer, "/status")
    assert "everything is processed" in html
    assert "Nothing failed." in html


def test_statistics_add_up(explorer: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, images=[DONE] * 3)
        add_observation(session, unit_id="PAN006", camera_id="ee04d1", images=[DONE])
        add_observation(session, start=START - timedelta(days=2), images=[DONE, FAILED])
    html = page(explorer, "/stats")
    assert re.search(r"Images</dt><dd>6<", html)
    # Four frames of 2 minutes and one more two days before.
    assert re.search(r"Time on sky</dt><dd>10 min<", html)
    bars = re.findall(r'<rect class="block c(\d)"[^>]* height="([\d.]+)%"><title>([^<]*)<', html)
    assert bars[:3] == [
        ("0", "75.00", "11 October 2018, PAN001: 3"),
        ("1", "25.00", "11 October 2018, PAN006: 1"),
        ("0", "50.00", "9 October 2018, PAN001: 2"),
    ]
    assert "No images from these nights" in page(
        explorer, "/stats?after=2017-01-01&before=2017-02-01"
    )
    earlier = re.findall(r'href="(/stats\?[^"]*)">Earlier', html)
    assert earlier == ["/stats?after=2018-04-15&amp;before=2018-07-13"]
    assert explorer.get("/stats?after=tomorrow").status_code == 400


def test_about_says_where_programs_ask(explorer: FlaskClient) -> None:
    html = page(explorer, "/about")
    for path in re.findall(r'href="(/api/[^"]+)"', html):
        assert explorer.get(path).status_code == 200
