"""The Host header makes no address: neither in what the web services write, nor in redirects."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug import Response

from tests.service.support.web_services import add_observation, create_app, rows

PUBLIC = "https://panoptes.example"
EVIL = "evil.example"
HOSTILE = [
    {"Host": EVIL},
    {"Host": f"EVIL.example:{8083}"},
    {"X-Forwarded-Host": EVIL, "X-Forwarded-Server": EVIL, "X-Forwarded-Port": "666"},
    {"Forwarded": f"host={EVIL};proto=https", "X-Original-Host": EVIL, "X-Host": EVIL},
]
SEQUENCE_ID, IMAGE_ID = "PAN001_14d3bd_20181011T134202", "PAN001_14d3bd_20181011T134333"
PARTS = {
    "sequence_id": SEQUENCE_ID,
    "image_id": IMAGE_ID,
    "unit_id": "PAN001",
    "token": "0" * 32,
    "picid": "1000",
    "candidate_id": 1,
    "date": "2018-10-11",
    "day": "2018-10-11",
    "bucket": "raw",
    "service": "sia",
    "catalog": "images",
    "table": "ivoa.obscore",
    "name": "docs.css",
    "filename": "explorer.css",
    "version_asked": "0",
    # What queries of the Virtual Observatory need.
    "ID": f"ivo://panoptes/{IMAGE_ID}",
    "RA": "83.8",
    "DEC": "-5.4",
    "SR": "180",
}
QUERY = ("ID", "RA", "DEC", "SR")
WRITTEN = {
    "observations-data": [
        f"/observations/{SEQUENCE_ID}/files.txt",
        "/vo/sia/query",
        "/vo/scs/images?RA=83.8&DEC=-5.4&SR=180&VERB=3",
        "/vo/sia/capabilities",
        "/vo/scs/capabilities",
    ],
    "observations-explorer": [
        f"/observations/{SEQUENCE_ID}/files.txt",
        f"/observations/{SEQUENCE_ID}",
    ],
}
"""Where whole addresses are written."""


@pytest.fixture
def observed(db: Engine, data_port: int, set_env: Callable[..., None]) -> None:
    set_env(OBSERVATIONS_DATA_URL=f"http://127.0.0.1:{data_port}", TRUSTED_PROXIES=1)
    place = {"ra_deg": 83.8, "dec_deg": -5.4, "state": "sources_extracted"}
    with rows(db) as session:
        assert add_observation(session, images=[place]) == SEQUENCE_ID


def paths(app: Flask) -> list[str]:
    """Return a path of each route that is read."""
    known: dict[str, Any] = {**PARTS, "path": "observations" if is_explorer(app) else "a.jpg"}
    with app.test_request_context():
        return [
            url_for(rule.endpoint, **{part: known[part] for part in {*rule.arguments, *QUERY}})
            for rule in app.url_map.iter_rules()
            if "GET" in (rule.methods or ())
        ]


def is_explorer(app: Flask) -> bool:
    return "pages.image" in app.view_functions


def names_of(answer: Response) -> str:
    """Return all in an answer that could name a host."""
    text = answer.get_data().decode("latin-1")
    return f"{answer.headers}{text}".lower()


@pytest.mark.parametrize("service", WRITTEN)
def test_no_route_writes_an_address_of_the_host_header(
    observed: None, set_env: Callable[..., None], service: str
) -> None:
    set_env(PUBLIC_URL=PUBLIC)
    client = create_app(service).test_client()
    for path in [*paths(client.application), *WRITTEN[service], "/nowhere", "//nowhere"]:
        for headers in HOSTILE:
            answer = client.get(path, headers=headers)
            with answer:
                assert EVIL not in names_of(answer), (path, headers)


@pytest.mark.parametrize("service", WRITTEN)
def test_addresses_begin_with_the_public_one(
    observed: None, set_env: Callable[..., None], service: str
) -> None:
    set_env(PUBLIC_URL=f"{PUBLIC}/")
    client = create_app(service).test_client()
    for path in WRITTEN[service]:
        answer = client.get(path, headers={"Host": EVIL})
        assert answer.status_code == 200, answer.text
        assert f"{PUBLIC}/" in answer.text, path


@pytest.mark.parametrize("service", WRITTEN)
def test_without_a_public_address_only_the_own_machines_names_are_believed(
    observed: None, set_env: Callable[..., None], service: str
) -> None:
    set_env(PUBLIC_URL="")
    client = create_app(service).test_client()
    for path in WRITTEN[service]:
        for host in ("127.0.0.1:8083", "localhost"):
            answer = client.get(path, headers={"Host": host, "X-Forwarded-Host": EVIL})
            assert answer.status_code == 200, answer.text
            assert f"http://{host}/" in answer.text, path
        for host in (EVIL, "localhost.evil.example", "192.0.2.1", "127.0.0.1.evil.example"):
            answer = client.get(path, headers={"Host": host})
            assert answer.status_code == 400, (path, host)
            assert "PUBLIC_URL" in answer.text
            assert EVIL not in names_of(answer)


@pytest.mark.parametrize("host", [EVIL, "EVIL.example", "evil.example:1", "<b>", "", "a/b"])
@pytest.mark.parametrize("path", ["/api", "//api/", "/observations//files.txt"])
def test_a_redirect_leads_to_a_path(explorer: FlaskClient, host: str, path: str) -> None:
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}  # on this machine other names are refused
    answer: Any = explorer.get(path, headers={"Host": host}, environ_base=elsewhere)
    target = answer.headers.get("Location", "/")
    assert target.startswith("/")
    assert not target.startswith("//")
    if path == "/api":
        assert (answer.status_code, target) == (308, "/api/")


def test_a_function_redirects_to_paths_only(function: Callable[[str], FlaskClient]) -> None:
    answer = function("cf-image-received").get("//a//b", headers={"Host": EVIL})
    assert EVIL not in names_of(answer)
