"""The home page over a real observations-data: the picture of the night, films, counts, links."""

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from panoptes_network import config
from panoptes_network.database.light_curve_models import LightCurveSet
from panoptes_network.states import FileKind, ImageState
from tests.service.support.web_services import FORBIDDEN, START, add_observation, create_app, rows

PICTURED = {FileKind.PICTURE: 9, FileKind.PREVIEW: 5, FileKind.THUMBNAIL: 1}
EXTRACTED = {"state": ImageState.SOURCES_EXTRACTED, "files": PICTURED}


@pytest.fixture
def explorer(db: Engine, data_port: int, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setenv("OBSERVATIONS_DATA_URL", f"http://127.0.0.1:{data_port}/")
    config.settings.cache_clear()
    return create_app("observations-explorer").test_client()


def page(client: FlaskClient, path: str = "/") -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def counts(html: str) -> list[str]:
    return re.findall(r"<dd>([^<]*)</dd>", html.partition('class="counts"')[2])[:4]


def test_an_empty_network_says_what_it_is_and_that_no_picture_came_yet(
    explorer: FlaskClient,
) -> None:
    html = page(explorer)
    assert "look for planets around other stars" in html
    assert "No picture yet" in html
    assert counts(html) == ["0", "0", "0", "0"]
    assert "Newest films" not in html


def test_the_picture_of_the_night_shows_the_most_stars(explorer: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        few, most = ({**EXTRACTED, "n_sources": n} for n in (900, 9012))
        unpictured = {"state": ImageState.SOURCES_EXTRACTED, "n_sources": 20_000}
        add_observation(session, field="M42", images=[few, most, unpictured])
        earlier = START - timedelta(days=2)
        add_observation(session, start=earlier, images=[{**EXTRACTED, "n_sources": 30_000}])
    html = page(explorer)
    [hero] = re.findall(r'<figure class="of-the-night">.*?</figure>', html, re.DOTALL)
    assert "_preview.jpg" in hero
    assert "9\N{NARROW NO-BREAK SPACE}012 stars" in hero
    assert "M42" in hero


def test_a_hostile_field_stays_text(explorer: FlaskClient, db: Engine) -> None:
    hostile = "<script>alert(1)</script> \"quoted\" 'too'"
    with rows(db) as session:
        add_observation(session, field=hostile, images=[EXTRACTED], film_path="a.mp4")
    html = page(explorer)
    assert not re.search(FORBIDDEN, html)
    assert html.count("&lt;script&gt;") >= 3  # alternative text, caption, film


def test_counts_are_those_of_now(explorer: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        first = add_observation(session, images=[EXTRACTED] * 3)
        other = add_observation(session, unit_id="PAN002", camera_id="f5a6b7", images=[EXTRACTED])
        for sequence_id, n_stars in ((first, 4000), (other, 500)):
            session.add(LightCurveSet(sequence_id=sequence_id, n_stars=n_stars))
        session.execute(text("UPDATE light_curve_sets SET made_at = now()"))
    with db.begin() as connection:
        connection.execute(text("UPDATE images SET received_at = now(), updated_at = now()"))
        connection.execute(
            text("UPDATE images SET received_at = now() - interval '2 h' WHERE sequence_id = :id"),
            {"id": other},
        )
    assert counts(page(explorer)) == ["1", "4", "4\N{NARROW NO-BREAK SPACE}500", "0"]


def test_the_newest_films_lead_to_their_observations(explorer: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        filmed = [
            add_observation(
                session, start=START + timedelta(days=n), images=[EXTRACTED], film_path=f"{n}.mp4"
            )
            for n in range(8)
        ]
        add_observation(session, start=START + timedelta(days=9), images=[EXTRACTED])
    found = re.findall(r'href="/observations/([^"#]+)#film"', page(explorer))
    assert found == filmed[:1:-1]


def test_an_address_of_a_search_from_before_leads_to_the_list(explorer: FlaskClient) -> None:
    answer = explorer.get("/?unit=PAN001&near=83.8+-5.4")
    assert (answer.status_code, answer.location) == (
        308,
        "/observations?unit=PAN001&near=83.8+-5.4",
    )


def test_what_other_sites_add_to_a_link_changes_nothing(explorer: FlaskClient) -> None:
    assert "look for planets" in page(explorer, "/?fbclid=abc&utm_source=x")


def test_an_image_from_before_previews_shows_its_picture(explorer: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        old = {FileKind.PICTURE: 9, FileKind.THUMBNAIL: 1}
        add_observation(session, images=[{**EXTRACTED, "files": old, "n_sources": 5}])
    [hero] = re.findall(r'<figure class="of-the-night">.*?</figure>', page(explorer), re.DOTALL)
    assert "134333.jpg" in hero


def test_a_pasted_link_shows_the_picture(explorer: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, field="M42", images=[EXTRACTED])
    for path in ("/", f"/observations/{sequence_id}", "/images/PAN001_14d3bd_20181011T134333"):
        html = page(explorer, path)
        told = dict(re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)">', html))
        assert told["og:image"].startswith("http://localhost/files/processed/"), path
        assert told["og:image"].endswith("_preview.jpg"), path
        assert told["twitter:card"] == "summary_large_image"
        assert told["og:title"]
        assert told["og:description"] == told["description"] != ""
