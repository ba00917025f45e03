"""Parameters that an address does not take, times of day, texts in any form, ids in any case."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from panoptes_client import Network
from panoptes_client.cli import main as client_command
from panoptes_network import config
from tests.service.support.functions import served
from tests.service.support.web_services import (
    START,
    add_observation,
    create_app,
    get,
    problem,
    rows,
)

SEQUENCE_ID = "PAN001_14d3bd_20181011T134202"
ANY_CASE = "pan001_14D3BD_20181011t134202"
ENDPOINTS = {
    "/": "sequence_id",
    "/observations": "unit",
    "/observations.csv": "camera",
    f"/observations/{SEQUENCE_ID}": "format",
    f"/observations/{SEQUENCE_ID}/files.txt": "kind",
    "/units": "format",
    "/units/PAN001/nights": "before",
    "/sources/1": "catalog",
    "/stats": "after",
    "/coverage": "format",
    "/vo/moc": "order",
}
"""Addresses, and a parameter that each takes."""


@pytest.fixture
def data(db: Engine) -> Flask:
    with rows(db) as session:
        add_observation(session, field="Ω Ori, ESTRELLA \u00c1rbol straße", images=[{}])
        later = START + timedelta(hours=2)
        add_observation(session, unit_id="PAN002", camera_id="abcdef", start=later, field="M42")
    return create_app("observations-data")


@pytest.fixture
def client(data: Flask) -> FlaskClient:
    return data.test_client()


@pytest.fixture
def explorer(data: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    with served(data) as url:
        monkeypatch.setenv("OBSERVATIONS_DATA_URL", url)
        config.settings.cache_clear()
        yield create_app("observations-explorer").test_client()
    config.settings.cache_clear()


def test_an_unknown_parameter_is_refused_with_the_nearest(client: FlaskClient) -> None:
    for path, name in ENDPOINTS.items():
        misspelt = name[:-1] + "xq"[name.endswith("x")]
        refused = problem(client, path, 400, **{misspelt: "1"})
        assert refused["parameter"] == misspelt
        assert f"did you mean {name!r}" in refused["detail"], path
    assert "none here" in problem(client, "/health", 400, x="1")["detail"]
    known = problem(client, "/observations", 400, zzz="1")["detail"].partition("known are ")[2]
    assert known.split(", ") == sorted(known.split(", "))
    assert "  " not in known


def test_an_empty_unknown_parameter_is_refused_too(client: FlaskClient) -> None:
    assert problem(client, "/observations", 400, untit="")["parameter"] == "untit"


def test_a_repeated_parameter_is_refused(client: FlaskClient) -> None:
    for path, name in ENDPOINTS.items():
        refused = client.get(f"{path}?{name}=a&{name}=b")
        assert (refused.status_code, refused.json and refused.json["parameter"]) == (400, name)


def test_a_body_has_known_members_of_the_right_kind(client: FlaskClient) -> None:
    for body in ({"sequence": SEQUENCE_ID}, {"sequence_id": 1}, {"sequence_id": None, "x": 1}):
        assert client.post("/", json=body).status_code == 400, body
    for raw in ("[]", "{", "1"):
        assert client.post("/", data=raw, content_type="application/json").status_code == 400
    refused = client.post("/", json={"sequense_id": SEQUENCE_ID}).get_json()
    assert "did you mean 'sequence_id'" in refused["detail"]
    for known in (SEQUENCE_ID, ANY_CASE):
        found = client.post("/", json={"sequence_id": known})
        assert (found.status_code, found.get_json()["total"]) == (200, 1)


def test_the_virtual_observatory_ignores_unknown_parameters(client: FlaskClient) -> None:
    for path in (
        "/vo/sia/query?POS=CIRCLE+83.8+-5.4+1&NEW=1&POS=CIRCLE+0+0+1",
        "/vo/scs/sources?RA=1&DEC=1&SR=0&NEW=1",
        "/vo/sia/capabilities?x=1",
    ):
        assert client.get(path).status_code == 200, path


def test_pages_refuse_unknown_parameters(explorer: FlaskClient) -> None:
    page = explorer.get("/observations?untit=PAN001")
    assert page.status_code == 400
    assert "did you mean &#39;unit&#39;?" in page.text
    assert explorer.get("/observations?unit=PAN001&unit=PAN002").status_code == 400
    assert explorer.get("/units?x=1").status_code == 400
    # The reader of a link that was shared did not write these.
    added = "utm_source=x&fbclid=y&fbclid=z&gad_source=1&gad_campaignid=2&srsltid=a&_gl=b&_ga=c"
    shared = explorer.get(f"/observations?unit=PAN001&{added}&li_fat_id=d&ttclid=e&epik=f")
    assert shared.status_code == 200
    assert SEQUENCE_ID in shared.text
    assert explorer.get("/api/observations?untit=1").status_code == 400


def test_the_client_knows_its_filters(data: Flask) -> None:
    with served(data) as url, Network(url) as network:
        with pytest.raises(TypeError, match="did you mean 'unit'"):
            network.observations(untit="PAN001")  # type: ignore[call-arg]
        moment = START + timedelta(minutes=1)
        assert list(network.observations(before=moment)["sequence_id"]) == [SEQUENCE_ID]
        misspelt = CliRunner().invoke(client_command, ["--url", url, "search", "--untit", "x"])
        assert (misspelt.exit_code, "--unit" in misspelt.stderr) == (2, True)
        misspelt = CliRunner().invoke(client_command, ["--url", url, "serch"])
        assert (misspelt.exit_code, "Did you mean 'search'?" in misspelt.stderr) == (2, True)


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("ω ORI", 1),
        ("estrella", 1),
        ("A\u0301RBOL", 1),  # decomposed
        ("\u00e1rbol", 1),
        ("\uff25\uff33\uff34\uff32\uff25\uff2c\uff2c\uff21", 1),  # of full width
        ("STRASSE", 1),
        ("m42", 1),
        ("%", 0),
        ("\uff05", 0),  # would become a wildcard
        ("_", 0),
    ],
)
def test_a_field_is_found_however_it_is_written(
    client: FlaskClient, field: str, found: int
) -> None:
    assert get(client, "/observations", field=field)["total"] == found


def test_ids_are_found_in_any_case(client: FlaskClient) -> None:
    assert get(client, "/observations", unit="pan002", camera="ABCDEF")["total"] == 1


def test_an_index_leads_to_a_field(db: Engine, client: FlaskClient) -> None:
    query = "SELECT FROM sequences WHERE field_folded = fold_text('M42')"
    with db.begin() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = " ".join(connection.scalars(text(f"EXPLAIN {query}")))
    assert "sequences_field_folded" in plan


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"after": "2018-10-11"}, 2),
        ({"before": "2018-10-11"}, 2),
        ({"before": "2018-10-10"}, 0),
        ({"after": "2018-10-11T13:42:02Z"}, 2),
        ({"after": "2018-10-11T13:42:02.000001Z"}, 1),
        ({"before": "2018-10-11T13:42:02"}, 1),
        ({"before": "2018-10-11T13:42:01"}, 0),
        ({"before": "2018-10-11T14:42+01:00"}, 0),
        ({"before": "2018-10-11T14:43 01:00"}, 1),  # a plus sign that a form made a space
        ({"after": "2018-10-11t14:00z", "before": "2018-10-12"}, 1),
    ],
)
def test_a_time_of_day(client: FlaskClient, parameters: dict[str, str], found: int) -> None:
    assert get(client, "/observations", **parameters)["total"] == found


@pytest.mark.parametrize(
    "when",
    ["2018-10-11T25:00Z", "2018-13-11T00:00", "2018-10-11T", "2018-10-11T00:00+99:00", "now"],
)
def test_what_is_no_time(client: FlaskClient, when: str) -> None:
    for name in ("after", "before"):
        refused = problem(client, "/observations", 400, **{name: when})
        assert (refused["parameter"], "2018-10-11T13:42:02Z" in refused["detail"]) == (name, True)


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        (f"/observations/{ANY_CASE}", f"/observations/{SEQUENCE_ID}"),
        (f"/observations/{ANY_CASE}/?format=csv", f"/observations/{SEQUENCE_ID}?format=csv"),
        ("/units/", "/units"),
        ("/units/pan001/nights//", "/units/PAN001/nights"),
        ("/health/", "/health"),
    ],
)
def test_addresses_lead_on(client: FlaskClient, path: str, canonical: str) -> None:
    redirected = client.get(path)
    assert (redirected.status_code, redirected.headers["Location"]) == (308, canonical)
    assert client.get(path, follow_redirects=True).status_code == 200


def test_pages_lead_on(explorer: FlaskClient) -> None:
    for path, canonical in (
        (f"/observations/{ANY_CASE}/", f"/observations/{SEQUENCE_ID}"),
        ("/units/pan001", "/units/PAN001"),
        ("/sky/", "/sky"),
        (f"/api/observations/{ANY_CASE}/", f"/api/observations/{SEQUENCE_ID}"),
    ):
        redirected = explorer.get(path)
        assert (redirected.status_code, redirected.headers["Location"]) == (308, canonical)
        assert explorer.get(canonical).status_code == 200


@pytest.mark.parametrize("path", ["//example.com/", "/%5cexample.com/", "/nothing/", "/%0d%0ax/"])
def test_no_address_leads_elsewhere(client: FlaskClient, explorer: FlaskClient, path: str) -> None:
    for service in (client, explorer):
        answer = service.get(path)
        location = answer.headers.get("Location", "/")
        assert location.startswith("/")
        assert not location.startswith(("//", "/\\"))
