"""The page of candidates, as a reader of its HTML sees it."""

import html as html_text
import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.database.light_curve_models import LightCurveSet
from tests.service.support.light_curve_rows import transit
from tests.service.support.web_services import FORBIDDEN, add_observation, rows

HOSTILE = "<b>V1234 Cyg</b>"


def page(client: FlaskClient, path: str, status: int = 200) -> str:
    """Return a page without what its policy refuses."""
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    assert not re.search(FORBIDDEN, answer.text)
    return answer.text


def words(html: str) -> str:
    return " ".join(html_text.unescape(re.sub("<[^>]+>", " ", html)).split())


@pytest.fixture
def found(db: Engine) -> str:
    """Three candidates: a transit, a known variable, and one with something against it."""
    against = {"colours_agree": 1, "neighbours_alike": 2, "is_near_edge": True}
    with rows(db) as session:
        sequence_id = add_observation(session, images=[{}])
        session.add(LightCurveSet(sequence_id=sequence_id))
        session.flush()
        session.add(transit(sequence_id))
        session.add(
            transit(
                sequence_id,
                1001,
                kind="variable",
                depth=None,
                depth_err=None,
                duration_h=None,
                mid_bjd_tdb=None,
                amplitude=0.12,
                period_d=0.4,
                gaia_mag=9.1,
                significance=30.0,
                known_name=HOSTILE,
                known_kind="EW",
                vetting={},
            )
        )
        session.add(
            transit(
                sequence_id,
                1002,
                gaia_mag=9.2,
                significance=7.0,
                false_alarm_probability=0.0004,
                vetting=against,
            )
        )
    return sequence_id


def listed(html: str) -> list[str]:
    return re.findall(r'rowspan="2"><a href="/sources/(\d+)', html)


def test_candidates_are_listed_the_most_significant_first(
    explorer: FlaskClient, found: str
) -> None:
    html = page(explorer, "/candidates")
    assert listed(html) == ["1001", "1000", "1002"]
    assert HOSTILE not in html
    told = words(html)
    assert f"known: {HOSTILE} EW" in told
    assert "12.00 % amplitude" in told
    assert "1.00 ± 0.10 % 2.50 h" in told
    assert "Failed: 1 of 3 colours agree" in told
    assert "Failed: 2 neighbours dim with it" in told
    assert "Failed: near the edge of the frame" in told
    assert "< 0.1 %" in told
    assert re.search('<a href="/candidates" aria-current="page">Candidates</a>', html)
    assert f"/sources/1000?catalog=tic&amp;sequence_id={found}" in html
    [csv, *_] = re.findall(r'href="(/api/candidates\?format=csv[^"]*)"', html)
    assert len(explorer.get(csv).text.splitlines()) == 4


def test_candidates_are_filtered_and_sorted(explorer: FlaskClient, found: str) -> None:
    for query, picids in (
        ("kind=transit", ["1000", "1002"]),
        ("known=true", ["1001"]),
        ("known=false", ["1000", "1002"]),
        ("max_false_alarm=0.1", ["1002"]),
        ("max_false_alarm=0,5", ["1001", "1000", "1002"]),
        ("min_mag=9.05&max_mag=9.15", ["1001"]),
        ("unit=pan001", ["1001", "1000", "1002"]),
        (f"sequence_id={found}", ["1001", "1000", "1002"]),
        ("sort=mag", ["1000", "1001", "1002"]),
        ("sort=mag&order=desc", ["1002", "1001", "1000"]),
        ("sort=false_alarm", ["1002", "1000", "1001"]),
    ):
        assert listed(page(explorer, f"/candidates?{query}")) == picids, query
    nothing = page(explorer, "/candidates?unit=PAN999")
    assert "No candidate matches all filters." in words(nothing)


def test_heads_lead_to_the_other_order_and_keep_the_filters(
    explorer: FlaskClient, found: str
) -> None:
    html = page(explorer, "/candidates?kind=transit")
    assert '<a class="sort" href="?kind=transit&amp;sort=depth&amp;order=desc">' in html
    assert '<a class="sort" href="?kind=transit&amp;sort=significance&amp;order=asc">' in html
    assert html.count('aria-sort="descending"') == 1


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("kind=x", "kind must be"),
        ("max_false_alarm=x", "“Max. false alarms (%)” must be a number from 0 to 100"),
        ("max_false_alarm=101", "“Max. false alarms (%)” must be a number from 0 to 100"),
        ("min_mag=nan", "“G from” must be a number from -2 to 30"),
        ("sort=x", "sort must be"),
        ("cursor=x", "cursor must be"),
        ("depth=1", "depth"),
    ],
)
def test_a_wrong_search_is_explained_in_the_forms_words(
    explorer: FlaskClient, query: str, said: str
) -> None:
    assert said in words(page(explorer, f"/candidates?{query}", 400))


def test_no_candidates_yet(explorer: FlaskClient) -> None:
    assert "No candidates yet" in page(explorer, "/candidates")


def test_pages_of_candidates_follow_each_other(explorer: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        for number in range(30):
            session.add(transit(None, 2000 + number, significance=5 + number))
    first = page(explorer, "/candidates?min_mag=1")
    assert "30 candidates, 25 on this page" in words(first)
    [following] = re.findall(r'rel="next" href="(\?[^"]+)"', first)
    second = page(explorer, f"/candidates{html_text.unescape(following)}")
    assert len(listed(second)) == 5
    assert not set(listed(first)) & set(listed(second))
