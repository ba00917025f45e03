"""The OpenAPI document of observations-data and its page: true, whole, and made of the code."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Request
from flask.testing import FlaskClient
from openapi_spec_validator import validate
from playwright.sync_api import sync_playwright
from sqlalchemy import Engine
from werkzeug.datastructures import ImmutableMultiDict

from observations_data.open_api import TEXT, Parameter, described, json_spec
from observations_data.open_api.document import document
from observations_data.open_api.page import words_of
from panoptes_network.responses.light_curves import CurveFigures
from panoptes_network.web.request_guard import MAX_BODY_BYTES
from tests.service.support.functions import served
from tests.service.support.viewer_rows import SOLVED_PATH, solved_file
from tests.service.support.web_services import (
    add_observation,
    create_app,
    rows,
    storage_at,
    store,
)

CHROMIUM = Path("/usr/bin/chromium")
PATH_VALUES = {
    "sequence_id": "PAN001_14d3bd_20181011T134202",
    "image_id": "PAN001_14d3bd_20181011T134333",
    "unit_id": "PAN001",
    "date": "2018-10-11",
    "picid": "1",
    "candidate_id": "1",
}
READ_AS_A_WHOLE = ("/vo/", "/observations.csv", "/files/", "/docs")
"""Routes that do not read their parameters one by one; `observations.csv` has those of the list."""


class Recorded(ImmutableMultiDict[str, str]):
    """The parameters of a query that notes which of them are read."""

    read: set[str] = set()  # noqa: RUF012 - of the one request at hand

    def get(self, key: str, *args: Any, **options: Any) -> Any:
        self.read.add(key)
        return super().get(key, *args, **options)

    def __contains__(self, key: object) -> bool:
        self.read.add(str(key))
        return super().__contains__(key)


class RecordedRequest(Request):
    parameter_storage_class = Recorded


@pytest.fixture
def app(db: Engine, storage_port: int) -> Iterator[Flask]:
    with rows(db) as session:
        add_observation(session, images=[{"solved_path": SOLVED_PATH}, {}])
    app = create_app("observations-data")
    app.request_class = RecordedRequest
    with storage_at(storage_port):
        store("panoptes-processed", SOLVED_PATH, solved_file())
        yield app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def said(client: FlaskClient) -> Any:
    return client.get("/openapi.json").get_json()


def operations(said: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in said["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def filled(path: str) -> str:
    for name, value in PATH_VALUES.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def test_the_document_is_valid(said: Any) -> None:
    validate(said)
    assert said["openapi"].startswith("3.1")


def test_every_route_is_described(app: Flask, said: Any) -> None:
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            [path] = [path for path in said["paths"] if matches(app, path, rule.endpoint)]
            assert method.lower() in said["paths"][path]
    for path, _, operation in operations(said):
        assert operation["summary"], path
        for parameter in operation["parameters"]:
            assert parameter["description"], (path, parameter)


def matches(app: Flask, path: str, endpoint: str) -> bool:
    """Return whether a path of the document leads to an endpoint."""
    values = {"bucket": "raw", "name": "docs.css", "catalog": "sources", "service": "sia"}
    for name, value in {**PATH_VALUES, **values, "path": "a/b"}.items():
        path = path.replace(f"{{{name}}}", value)
    found, _ = app.url_map.bind("localhost").match(path)
    return bool(found == endpoint)


def test_a_detrended_light_curve_describes_its_sequences(said: Any) -> None:
    operation = said["paths"]["/sources/{picid}/lightcurve"]["get"]
    ways = operation["responses"]["200"]["content"]["application/json"]["schema"]["anyOf"]
    sequences = [way["properties"]["sequences"]["items"]["properties"] for way in ways]
    [sequence] = [fields for fields in sequences if "files" in fields]
    words = {name: sequence[name].get("description") for name in CurveFigures.__annotations__}
    assert None not in words.values(), words
    assert words["n_good"] == "number of these frames without a bad quality bit"
    assert "light_curves_fits" in sequence["files"]["description"]
    file = sequence["files"]["additionalProperties"]
    assert file["required"] == ["path", "name", "bucket", "url", "n_bytes"]


def test_a_route_without_a_description_is_no_document() -> None:
    app = Flask("test", static_folder=None)
    app.add_url_rule("/new", "new", lambda: "")
    with pytest.raises(LookupError, match="/new is not described"):
        document(app)


def test_a_part_of_the_path_without_a_description_is_no_document() -> None:
    app = Flask("test", static_folder=None)

    @described("Test", json_spec("text", TEXT), path=(Parameter("other", "it", TEXT),))
    def view(name: str) -> str:
        """Say it."""
        return name

    app.add_url_rule("/<name>", "view", view)
    with pytest.raises(LookupError, match="other parts"):
        document(app)


def test_what_is_read_is_what_is_described(client: FlaskClient, said: Any) -> None:
    """Of each route: the names of the query that it looks for, and those of the document."""
    for path, method, operation in operations(said):
        if method != "get" or path.startswith(READ_AS_A_WHOLE):
            continue
        Recorded.read.clear()
        client.get(filled(path))
        named = {part["name"] for part in operation["parameters"] if part["in"] == "query"}
        # What a table is written as is looked for only when there is one.
        assert Recorded.read - {"format"} == named - {"format"}, path


def test_limits_are_those_that_hold(client: FlaskClient, said: Any) -> None:
    checked = set()
    for path, parameter in query_of(said):
        schema, name = parameter["schema"], parameter["name"]
        for edge, beyond in ((schema.get("minimum"), -1), (schema.get("maximum"), 1)):
            if edge is not None:
                checked.add(name)
                assert refused(client, path, name, edge) != name
                assert refused(client, path, name, edge + beyond) == name
    assert {"limit", "min_images", "max_exptime", "radius"} <= checked


def test_choices_are_those_that_hold(client: FlaskClient, said: Any) -> None:
    checked = set()
    for path, parameter in query_of(said):
        name = parameter["name"]
        if choices := parameter["schema"].get("enum"):
            checked.add(name)
            # To sort by distance needs a place.
            known = [refused(client, path, name, choice, ra=1, dec=1) for choice in choices]
            assert name not in known, (path, known)
            assert refused(client, path, name, "none of them") == name
    assert {"state", "sort", "order", "format", "kind"} <= checked


def query_of(said: Any) -> Iterator[tuple[str, Any]]:
    for path, method, operation in operations(said):
        if method == "get" and not path.startswith(("/vo/", "/sources/")):
            for parameter in operation["parameters"]:
                if parameter["in"] == "query":
                    yield path, parameter


def refused(client: FlaskClient, path: str, name: str, value: object, **more: object) -> str | None:
    """Return the parameter that a request is refused for; None where it is not."""
    answer = client.get(filled(path), query_string={**more, name: value})
    assert answer.status_code in {200, 400}, (path, name, answer.text)
    found: str | None = answer.get_json()["parameter"] if answer.status_code == 400 else None
    return found


@pytest.mark.parametrize(
    ("name", "taken", "refused_values"),
    [
        (
            "ra",
            ("0", "360", "360.", "360.000", "23:59:59.9", "24:00:00", "24 00"),
            ("360.1", "361", "24:00:01", "24:01"),
        ),
        (
            "dec",
            ("90", "-90", "+90.00", "-90:00:00.0", "90 00", "89:59:59"),
            ("90.1", "-91", "90:00:01", "90:01"),
        ),
    ],
)
def test_edges_of_the_sky_are_those_that_hold(
    client: FlaskClient,
    said: Any,
    name: str,
    taken: tuple[str, ...],
    refused_values: tuple[str, ...],
) -> None:
    patterns = {part["schema"]["pattern"] for _, part in query_of(said) if part["name"] == name}
    other = {"ra": "dec", "dec": "ra"}[name]
    for pattern in patterns:
        for value in (*taken, *refused_values):
            is_taken = refused(client, "/observations", name, value, **{other: 1}) is None
            assert (value, is_taken) == (value, value in taken)
            assert (value, bool(re.search(pattern, value))) == (value, is_taken)


def test_statuses_of_files_and_of_bodies_are_told(client: FlaskClient, said: Any) -> None:
    file = said["paths"]["/files/{bucket}/{path}"]["get"]["responses"]
    assert {"200", "206", "304", "412", "416"} <= file.keys()
    assert "multipart/byteranges" in file["206"]["content"]
    long = client.post("/", data=b" " * (MAX_BODY_BYTES + 1), content_type="application/json")
    for path, method, operation in operations(said):
        if method == "post":
            assert str(long.status_code) == "413" in operation["responses"], path


def test_the_page_shows_every_operation(client: FlaskClient, said: Any) -> None:
    page = client.get("/docs")
    assert page.mimetype == "text/html"
    for path, _, operation in operations(said):
        assert f'id="{operation["operationId"]}"' in page.text
        assert path in page.text
    assert "<script" not in page.text
    assert "style=" not in page.text


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (
            {"type": "integer", "minimum": 1, "maximum": 5000, "default": 50},
            "whole number, 1 to 5,000, else 50",
        ),
        ({"type": ["number", "null"], "x-unit": "deg"}, "number or null, deg"),
        ({"enum": ["json", "csv"]}, "json, csv"),
        (
            {"anyOf": [{"type": "string", "format": "date"}, {"const": "last"}]},
            "text, date or “last”",
        ),
        ({}, "any value"),
    ],
)
def test_schemas_in_words(schema: dict[str, Any], words: str) -> None:
    assert words_of(schema) == words


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_the_page_in_a_browser(app: Flask, width: int, scheme: Any) -> None:
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}: install Debian's chromium to test the pages")
    complaints: list[str] = []
    with served(app) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": width, "height": 740}, color_scheme=scheme, java_script_enabled=True
        )
        page.on("console", lambda message: complaints.append(message.text))
        page.on("requestfailed", lambda asked: complaints.append(asked.url))
        page.goto(f"{url}/docs")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_role("link", name="/observations.csv").click()
        article = page.locator("article:target")
        assert article.get_by_text("min_images").is_visible()
        rows_of_table = page.locator("details").first
        rows_of_table.locator("summary").click()
        assert rows_of_table.locator("dt").first.is_visible()
        browser.close()
    assert complaints == []


def test_a_listing_has_the_schema_of_its_columns(said: Any) -> None:
    schema = said["components"]["schemas"]["observations"]
    assert schema["properties"]["ra_deg"] == {
        "type": ["number", "null"],
        "description": "mean centre of the solved images, ICRS",
        "x-unit": "deg",
        "x-ucd": "pos.eq.ra;meta.main",
    }
    assert "ra_deg" in schema["required"]
