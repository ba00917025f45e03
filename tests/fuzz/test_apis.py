"""Each service's HTTP interface, asked for whatever its document allows, and for what it does not.

With database, storage and broker there, no request may be answered by any 5xx: a function says
503 of a fault of its own, too.
"""

import base64
import json
import math
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from pydantic import BaseModel
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import Engine

from make_rgb_fits import RgbRequest
from panoptes_network import config
from panoptes_network.events import FilmRequest, HeaderRequest, ImageObject
from panoptes_network.states import FileKind, ImageState
from tests.fuzz import api_documents
from tests.service.support.functions import IMAGE_ID, PATH, SEQUENCE_ID, Network, frame, served
from tests.service.support.operations import add_image, add_letters
from tests.service.support.raw_frames import cr2_frames
from tests.service.support.star_fields import StarField, add_stars
from tests.service.support.viewer_rows import SOLVED_PATH, solved_file
from tests.service.support.web_services import add_observation, create_app, rows, storage_at, store

EXAMPLES = int(os.environ.get("API_EXAMPLES", "4"))
"""Requests to each operation, of either kind: those its document allows, and others.

A share of what `make fuzz` sends.
"""

CHECKS = [content_type_conformance, response_schema_conformance, status_code_conformance]
[(CR2_FRAME, CR2)] = cr2_frames()
CR2_PATH = CR2_FRAME.object_path.path
FUNCTIONS: dict[str, tuple[type[BaseModel], dict[str, str]]] = {
    "cf-image-received": (ImageObject, {"bucket_path": PATH}),
    "cf-header-to-db": (HeaderRequest, {"bucket_path": PATH}),
    "cf-make-fits": (ImageObject, {"bucket_path": CR2_PATH}),
    "cf-make-jpg": (ImageObject, {"bucket_path": PATH}),
    "cf-make-rgb-fits": (RgbRequest, {"bucket_path": CR2_PATH}),
    "cf-make-timelapse": (FilmRequest, {"sequence_id": SEQUENCE_ID}),
}
"""What each takes, and something that it can work on."""


def ask(document: dict[str, Any], app: Any) -> None:
    """Send requests to each operation of a document and check what is answered."""
    schema = schemathesis.openapi.from_dict(document)
    schema.app = app
    # An error in the document raises.
    operations = [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]
    assert operations
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            if mode is GenerationMode.NEGATIVE and not _takes_anything(operation):
                continue
            _drive(operation.as_strategy(generation_mode=mode))


def _takes_anything(operation: Any) -> bool:
    return bool(operation.query or operation.body or operation.headers)


def _drive(cases: Any) -> None:
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def check(case: Case[Any]) -> None:
        # Compressed bytes would be taken for the content.
        response = case.call(headers={"Accept-Encoding": "identity"})
        assert response.status_code < 500, response.text
        case.validate_response(response, checks=CHECKS)
        if "json" in response.headers.get("content-type", [""])[0]:
            json.loads(response.content, parse_constant=pytest.fail)

    check()


@pytest.fixture
def images(db: Engine, storage_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """An observation of two images, and the names by which one asks for it."""
    monkeypatch.setenv("RATE_LIMIT", "100000 per second")
    files = {FileKind.CR2: 5, FileKind.THUMBNAIL: 3}
    two: list[dict[str, Any]] = [
        {"files": files, "ra_deg": math.nan, "solved_path": SOLVED_PATH},
        {"state": ImageState.UNSOLVED, "reason_code": "blank_frame", "reason": "a \u202e <b>"},
    ]
    with rows(db) as session:
        sequence_id = add_observation(session, images=two)
        add_stars(session, sequence_id, StarField())
    config.settings.cache_clear()
    with storage_at(storage_port):
        store(config.settings().raw_bucket, f"{PATH}.fz", b"12345")
        store(config.settings().processed_bucket, SOLVED_PATH, solved_file())
        yield [sequence_id, IMAGE_ID, f"{PATH}.fz"]


def _cursor(start: str) -> str:
    """Return a cursor of observations by time, falling."""
    said = json.dumps(["time", "desc", start, "x"])
    return base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")


KNOWN = {
    "unit": ["PAN001", "pan001"],
    "unit_id": ["PAN001", "pan001"],
    "field": ["m4", "%", "_", "\\"],
    "date": ["2018-10-11", "0001-01-01", "9999-12-31", "2018-02-30"],
    "before": ["2018-10-12", "0001-01-01"],
    "picid": ["1000", "1001"],
    "name": ["M42", "TIC 1000", "NGC 7000"],
    "ra": ["83.8", "05:35:17.3", "360"],
    "dec": ["-5.4", "-05:23:28", "90"],
    "ID": ["ivo://panoptes/raw?PAN001_14d3bd_20181011T134333"],
    "cursor": [
        _cursor("2018-10-11T13:42:02+00:00"),
        _cursor("0001-01-01T00:00:00+23:59"),  # before the year 1 in UTC
    ],
}
"""Values that lead somewhere, or just beyond."""


def test_observations_data(images: list[str]) -> None:
    sequence_id, image_id, file_path = images
    app = create_app("observations-data")
    said = app.test_client().get("/openapi.json").get_json()
    named = {**KNOWN, "sequence_id": [sequence_id], "image_id": [image_id]}
    ask(api_documents.with_known(said, file_path, **named), app)


@pytest.mark.parametrize("service", FUNCTIONS)
def test_a_function(chain: Network, function: Callable[..., FlaskClient], service: str) -> None:
    chain.upload(PATH, frame(ISO=100))
    chain.upload(CR2_PATH, CR2)
    model, known = FUNCTIONS[service]
    ask(api_documents.function(model, **known), function(service).application)


def test_operations(chain: Network, db: Engine, function: Callable[..., FlaskClient]) -> None:
    chain.upload(PATH, frame(ISO=100))
    add_image(db, state=ImageState.ERROR, reason_code="no_catalog", reason="no stars")
    add_letters(function("cf-operations"))
    document = api_documents.operations(IMAGE_ID, config.settings().raw_topic)
    ask(document, function("cf-operations").application)


def test_bucket_upload(chain: Network, function: Callable[..., FlaskClient]) -> None:
    chain.upload(PATH, frame(ISO=100))
    ask(api_documents.bucket_upload(PATH), function("cf-bucket-upload").application)


def test_explorer(images: list[str], set_env: Callable[..., None]) -> None:
    with served(create_app("observations-data")) as url:
        set_env(OBSERVATIONS_DATA_URL=url)
        ask(api_documents.explorer(*images), create_app("observations-explorer"))


def test_every_page_of_the_explorer_is_asked_for() -> None:
    app = create_app("observations-explorer")
    routes = app.url_map.bind("localhost")
    paths = api_documents.explorer("a", "b", "c/d")["paths"]
    asked = {
        routes.match(path.replace("{bucket}", "raw"), method=method.upper())[0]
        for path, methods in paths.items()
        for method in methods
    }
    assert asked == {rule.endpoint for rule in app.url_map.iter_rules()} - {"static", "metrics"}
