"""The page of observations over a real observations-data: filters, facets, sorting, the map."""

import html as html_text
import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.states import ImageState
from tests.service.support.web_services import START, add_observation, rows

HOSTILE = "<img src=x onerror=alert(1)>"


class Active(HTMLParser):
    """Collects what a browser would run, or fetch from elsewhere, of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            is_foreign = name in ("src", "href") and not (value or "").startswith(("/", "?", "#"))
            if is_foreign or name.startswith("on") or name == "style":
                self.found.append(f"{tag} {name}={value}")


def frame(ra_deg: float, dec_deg: float, **columns: Any) -> dict[str, Any]:
    """Return the columns of a solved image, of some 2 by 2 degrees."""
    footprint = [ra_deg - 1, dec_deg - 1, ra_deg + 1, dec_deg - 1]
    footprint += [ra_deg + 1, dec_deg + 1, ra_deg - 1, dec_deg + 1]
    place = {"ra_deg": ra_deg, "dec_deg": dec_deg, "footprint_deg": footprint}
    return {"state": ImageState.SOURCES_EXTRACTED, **place, **columns}


@pytest.fixture
def observations(db: Engine) -> dict[str, str]:
    """Ids of four observations by what is special with them."""
    with rows(db) as session:
        return {
            "orion": add_observation(session, images=[frame(83.8, -5.4)] * 3, tags=["nebula"]),
            "later": add_observation(
                session, start=START + timedelta(days=400), field="M31", images=[frame(10.7, 41.3)]
            ),
            "other": add_observation(
                session,
                unit_id="PAN006",
                camera_id="ee04d1",
                field=HOSTILE,
                images=[{"state": ImageState.ERROR, "reason_code": "truncated"}] * 2,
            ),
            "near": add_observation(
                session,
                unit_id="PAN006",
                camera_id="ee04d1",
                start=START + timedelta(hours=1),
                field=None,
                images=[frame(88.8, -5.4)],
            ),
        }


def shown(client: FlaskClient, parameters: dict[str, str], status: int = 200) -> str:
    answer = client.get("/observations", query_string=parameters)
    assert answer.status_code == status, answer.text
    return answer.text


def ids(html: str) -> list[str]:
    """Return the observations of the page's list, in its order."""
    return re.findall(r'<tr data-sequence="([^"]+)"', html)


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({}, ["later", "near", "orion", "other"]),
        ({"unit": "PAN006"}, ["near", "other"]),
        ({"camera": "14d3bd"}, ["later", "orion"]),
        ({"field": "m4"}, ["orion"]),
        ({"near": "83.8 -5.4"}, ["near", "orion"]),
        ({"near": "83.8 -5.4", "radius": "2"}, ["orion"]),
        ({"near": "5h35m12s -5d24m", "radius": "2"}, ["orion"]),
        ({"near": "M42", "radius": "2"}, ["orion"]),
        ({"after": "2019-01-01"}, ["later"]),
        ({"before": "2018-10-11"}, ["near", "orion", "other"]),
        ({"min_images": "2"}, ["orion", "other"]),
        ({"max_images": "1"}, ["later", "near"]),
        ({"min_exptime": "121"}, []),
        ({"state": "error"}, ["other"]),
        ({"tag": "nebula"}, ["orion"]),
    ],
)
def test_filters(
    explorer: FlaskClient,
    observations: dict[str, str],
    parameters: dict[str, str],
    found: list[str],
) -> None:
    assert sorted(ids(shown(explorer, parameters))) == sorted(observations[n] for n in found)


@pytest.mark.parametrize(
    ("parameters", "ordered"),
    [
        ({"min_images": "2", "sort": "images"}, ["orion", "other"]),
        ({"min_images": "2", "sort": "images", "order": "asc"}, ["other", "orion"]),
        ({"max_images": "1"}, ["later", "near"]),
        ({"max_images": "1", "sort": "time", "order": "asc"}, ["near", "later"]),
        ({"camera": "14d3bd", "sort": "field", "order": "asc"}, ["later", "orion"]),
        ({"camera": "14d3bd", "sort": "field", "order": "desc"}, ["orion", "later"]),
        ({"near": "83.8 -5.4", "sort": "distance"}, ["orion", "near"]),
        ({"near": "83.8 -5.4", "sort": "distance", "order": "desc"}, ["near", "orion"]),
    ],
)
def test_orders(
    explorer: FlaskClient,
    observations: dict[str, str],
    parameters: dict[str, str],
    ordered: list[str],
) -> None:
    assert ids(shown(explorer, parameters)) == [observations[name] for name in ordered]


def test_links_of_heads_facets_and_chips_lead_on(
    explorer: FlaskClient, observations: dict[str, str]
) -> None:
    html = shown(explorer, {"tag": "nebula", "unit": "PAN001"})
    [chip] = re.findall(r'<a href="\?([^"]*)" title="Remove[^>]*><span[^>]*>Tag', html)
    assert ids(explorer.get("/observations?" + html_text.unescape(chip)).text) == [
        observations["later"],
        observations["orion"],
    ]
    html = shown(explorer, {})
    [error] = re.findall(r'<a href="\?([^"]*)">error <', html)
    assert ids(explorer.get("/observations?" + error).text) == [observations["other"]]
    [year] = re.findall(r'<a href="\?([^"]*)">2019 <', html)
    assert ids(explorer.get("/observations?" + html_text.unescape(year)).text) == [
        observations["later"]
    ]
    [head] = re.findall(r'<a class="sort" href="\?([^"]*)">Field', html)
    html = explorer.get("/observations?" + html_text.unescape(head)).text
    assert 'aria-sort="ascending"><a class="sort" href="?sort=field&amp;order=desc">' in html


def test_map_and_rows_name_the_same_observations(
    explorer: FlaskClient, observations: dict[str, str]
) -> None:
    html = shown(explorer, {"near": "83.8 -5.4"})
    marks = re.findall(r'<a href="/observations/[^"]*" tabindex="-1" data-sequence="([^"]+)"', html)
    assert sorted(marks) == sorted(ids(html))
    assert '<path class="cone" d="M' in html
    assert html.count('<path class="footprint" d="M') == 2
    # East of Orion is left of it: the labels of hours grow to the left.
    hours = {
        words: float(x)
        for x, words in re.findall(r'<text class="tick" x="(\d+)"[^>]*>(\d+h\d*)<', html)
    }
    assert hours["6h"] < hours["5h"]


def test_distance_is_that_on_the_sky(explorer: FlaskClient, observations: dict[str, str]) -> None:
    html = shown(explorer, {"near": "83.8 -5.4", "sort": "distance"})
    # 5 degrees of right ascension at declination -5.4: 4.98 degrees, by astropy.
    assert re.findall(r'data-label="Distance" class="number">([^<]*)<', html) == ["0.00°", "4.98°"]


def test_hostile_words_stay_words(explorer: FlaskClient, observations: dict[str, str]) -> None:
    for parameters in ({}, {"field": HOSTILE}, {"near": HOSTILE}, {"tag": HOSTILE, "sort": "time"}):
        answer = explorer.get("/observations", query_string=parameters)
        assert answer.status_code in (200, 400)
        assert Active(answer.text).found == []


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"radius": "999", "near": "1 1"}, "“Within” must be"),
        ({"near": "400 1"}, "The right ascension in “Near” must be"),
        ({"near": "nowhere at all"}, "“Near” must be"),
        ({"after": "yesterday"}, "“From” must be"),
        ({"min_images": "-1"}, "“Images at least” must be"),
        ({"state": "lost"}, "“With an image” must be"),
        ({"sort": "shoe"}, "sort"),
        ({"cursor": "x"}, "cursor"),
        ({"unit": "PAN\a"}, "“Unit” must be"),
    ],
)
def test_a_search_that_cannot_be_says_why_and_keeps_its_form(
    explorer: FlaskClient, observations: dict[str, str], parameters: dict[str, str], words: str
) -> None:
    html = shown(explorer, parameters, status=400)
    assert words in html.split('role="alert">')[1].split("<")[0]
    assert '<form class="filters"' in html
    assert ids(html) == []


@pytest.mark.parametrize(
    ("after", "field"),
    [("2018-10-11", "date"), ("2018-10-11 13:42", "text"), ("2018-10-11T13:42:02Z", "text")],
)
def test_a_time_stays_in_the_form(
    explorer: FlaskClient, observations: dict[str, str], after: str, field: str
) -> None:
    html = shown(explorer, {"after": after})
    assert f'<input type="{field}" name="after" value="{after}"' in html
    assert '<input type="date" name="before" value=""' in html


def test_nothing_found_names_the_filters(
    explorer: FlaskClient, observations: dict[str, str]
) -> None:
    html = shown(explorer, {"unit": "PAN999"})
    assert "Nothing found" in html
    assert "PAN999" in html.split('class="chips"')[1].split("</ul>")[0]
