"""observations-data through the explorer: one address for pages and programs."""

import gzip

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from tests.conftest import free_port
from tests.service.support.web_services import add_observation, rows


@pytest.fixture
def sequence_id(db: Engine) -> str:
    with rows(db) as session:
        return add_observation(session, images=[{}] * 40)


def test_query_and_body_are_sent_on(explorer: FlaskClient, sequence_id: str) -> None:
    answer = explorer.get("/api/observations?unit=PAN001&field=m4")
    assert answer.mimetype == "application/json"
    assert [item["sequence_id"] for item in answer.get_json()["items"]] == [sequence_id]
    assert explorer.get("/api/observations?unit=PAN006").get_json()["total"] == 0
    assert explorer.get(f"/api/?sequence_id={sequence_id}").get_json()["total"] == 40


def test_formats_are_chosen_by_address_and_by_header(
    explorer: FlaskClient, sequence_id: str
) -> None:
    csv = explorer.get("/api/observations?format=csv")
    assert csv.mimetype == "text/csv"
    assert sequence_id in csv.text
    votable = explorer.get("/api/observations", headers={"Accept": "application/x-votable+xml"})
    assert votable.mimetype == "application/x-votable+xml"
    assert sequence_id in votable.text


def test_an_unchanged_answer_is_not_sent_again(explorer: FlaskClient, sequence_id: str) -> None:
    first = explorer.get(f"/api/observations/{sequence_id}")
    again = explorer.get(
        f"/api/observations/{sequence_id}", headers={"If-None-Match": first.headers["ETag"]}
    )
    assert (again.status_code, again.data) == (304, b"")


def test_compression_stays(explorer: FlaskClient, sequence_id: str) -> None:
    path = f"/api/observations/{sequence_id}"
    plain, packed = (
        explorer.get(path, headers={"Accept-Encoding": coding}) for coding in ("identity", "gzip")
    )
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.data) < len(plain.data) / 4
    assert gzip.decompress(packed.data) == plain.data


def test_problems_are_sent_on_as_they_are(explorer: FlaskClient, sequence_id: str) -> None:
    answer = explorer.get("/api/observations?limit=0")
    assert answer.status_code == 400
    assert answer.mimetype == "application/problem+json"
    assert answer.get_json(force=True)["parameter"] == "limit"
    assert explorer.get("/api/observations/PAN001_14d3bd_20000101T000000").status_code == 404


@pytest.mark.parametrize("path", ["/api/metrics", "/api/../metrics", "/api/%2e%2e/metrics"])
def test_what_is_not_for_everybody_is_not_sent_on(explorer: FlaskClient, path: str) -> None:
    answer = explorer.get(path)
    assert answer.status_code in (404, 200)
    # The explorer's own counters, where the path leads out of the API: never those behind it.
    assert b"panoptes_figures_readable" not in answer.data


def test_only_reading_is_sent_on(explorer: FlaskClient) -> None:
    answer = explorer.post("/api/")
    assert answer.status_code == 405
    assert answer.mimetype == "application/problem+json"


def test_without_observations_data_a_program_gets_a_problem(
    explorer: FlaskClient, monkeypatch: pytest.MonkeyPatch, set_env: object
) -> None:
    assert callable(set_env)
    set_env(OBSERVATIONS_DATA_URL=f"http://127.0.0.1:{free_port()}")
    answer = explorer.get("/api/observations")
    assert answer.status_code == 503
    assert answer.mimetype == "application/problem+json"
    assert answer.headers["Retry-After"] == "10"


def test_the_pages_own_policy_holds(explorer: FlaskClient, sequence_id: str) -> None:
    answer = explorer.get("/api/observations")
    [policy] = answer.headers.getlist("Content-Security-Policy")
    assert policy.startswith("default-src 'self'")
