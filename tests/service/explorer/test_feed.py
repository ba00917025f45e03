"""A unit's Atom feed, read by a feed reader, over a real observations-data."""

import re
from datetime import UTC, date, datetime
from typing import Any

import feedparser
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.database.models import Unit
from panoptes_network.database.notice_models import Notice
from tests.service.support.web_services import rows

FEED = "/units/PAN001/feed.atom"
HOSTILE = "<script>alert(1)</script> & \x01 Köln"


@pytest.fixture
def unit(db: Engine) -> None:
    with rows(db) as session:
        session.add(Unit(unit_id="PAN001"))


def add_notices(db: Engine, *days: int, kind: str = "night", **columns: Any) -> None:
    with rows(db) as session:
        for day in days:
            session.add(
                Notice(
                    unit_id="PAN001",
                    night=date(2018, 10, day),
                    kind=kind,
                    title=f"PAN001, night of 2018-10-{day}: 3 images",
                    n_images=3,
                    made_at=datetime(2018, 10, day + 1, 9, tzinfo=UTC),
                    **columns,
                )
            )


def read(client: FlaskClient, path: str = FEED) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "application/atom+xml"
    parsed = feedparser.parse(answer.data)
    assert not parsed.bozo, parsed.bozo_exception
    assert parsed.version == "atom10"
    return parsed


def test_an_entry_for_each_night(explorer: FlaskClient, db: Engine, unit: None) -> None:
    add_notices(db, 11, 12)
    add_notices(db, 12, kind="silence")
    found = read(explorer)
    nights = [entry.link.rpartition("/")[2] for entry in found.entries]
    assert nights == ["2018-10-12", "2018-10-12", "2018-10-11"]
    assert found.feed.updated == "2018-10-13T09:00:00Z"
    first = found.entries[-1]
    assert first.title == "PAN001, night of 2018-10-11: 3 images"
    assert "processed as expected" in first.summary
    assert len({entry.id for entry in found.entries}) == 3


def test_what_the_standard_requires(explorer: FlaskClient, db: Engine, unit: None) -> None:
    """RFC 4287, 4.1.1 and 4.1.2: of each feed and of each entry."""
    add_notices(db, 11)
    found = read(explorer)
    assert found.feed.author == "PANOPTES Network"
    links = {link.rel: link.href for link in found.feed.links}
    assert links.keys() == {"self", "alternate"}
    assert all(href.startswith("http") for href in links.values())
    for part in (found.feed, *found.entries):
        assert re.fullmatch("urn:uuid:[0-9a-f-]{36}", part.id)
        assert part.title
        assert re.fullmatch(r"[0-9-]{10}T[0-9:]{8}Z", part.updated)


def test_ids_stay_when_the_address_changes(
    explorer: FlaskClient, db: Engine, unit: None, set_env: Any
) -> None:
    add_notices(db, 11)
    [before] = read(explorer).entries
    set_env(PUBLIC_URL="https://elsewhere.example")
    [after] = read(explorer).entries
    assert after.id == before.id
    assert after.link == "https://elsewhere.example/units/PAN001/nights/2018-10-11"


def test_any_text_is_shown_as_text(explorer: FlaskClient, db: Engine, unit: None) -> None:
    finding = {"severity": "problem", "what": HOSTILE, "action": HOSTILE}
    add_notices(db, 11, findings=[finding])
    raw = explorer.get(FEED).data.decode()
    assert "&lt;b&gt;&amp;lt;script&amp;gt;alert(1)" in raw
    [entry] = read(explorer).entries
    assert "<script" not in entry.summary
    assert "&lt;script&gt;" in entry.summary
    assert "Köln" in entry.summary


def test_a_reader_asks_again(explorer: FlaskClient, db: Engine, unit: None) -> None:
    add_notices(db, 11)
    first = explorer.get(FEED)
    for headers in (
        {"If-None-Match": first.headers["ETag"]},
        {"If-Modified-Since": first.headers["Last-Modified"]},
    ):
        assert explorer.get(FEED, headers=headers).status_code == 304
    add_notices(db, 12)
    for headers in (
        {"If-None-Match": first.headers["ETag"]},
        {"If-Modified-Since": first.headers["Last-Modified"]},
    ):
        assert explorer.get(FEED, headers=headers).status_code == 200


def test_a_unit_without_nights_and_one_that_there_is_not(explorer: FlaskClient, unit: None) -> None:
    found = read(explorer)
    assert found.entries == []
    assert found.feed.title == "PAN001: nights"
    answer = explorer.get("/units/PAN999/feed.atom")
    assert answer.status_code == 404
    assert "no unit" in answer.text


def test_the_unit_page_names_its_feed(explorer: FlaskClient, unit: None) -> None:
    page = explorer.get("/units/PAN001").text
    assert (
        f'<link rel="alternate" type="application/atom+xml" title="PAN001: nights" href="{FEED}"'
        in page
    )
    assert f'<a href="{FEED}">' in page
