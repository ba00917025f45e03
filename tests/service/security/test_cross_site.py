"""Pages of other sites change nothing through a reader's browser: forms, text, foreign origins."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from local.eventarc import create_app as create_eventarc
from tests.service.functions.test_bucket_upload import HEADERS as EVENT
from tests.service.security.test_authentication import FUNCTIONS
from tests.service.support.functions import refused
from tests.service.support.web_services import create_app

OPERATIONS = ("/dead-letter", "/sweep", "/list", "/replay", "/tag")
PATHS = [(service, "/") for service in FUNCTIONS] + [("cf-operations", path) for path in OPERATIONS]
SIMPLE = ("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x")
"""What a browser sends to another site without asking (Fetch standard), or without a type."""
FOREIGN = ("https://evil.example", "http://localhost", "null", "", "https://panoptes.example.evil")


class Unread(BytesIO):
    """A body that must not be read."""

    def read(self, *_: object) -> bytes:
        raise AssertionError("the body has been read")


def send(client: FlaskClient, path: str, **headers: str) -> TestResponse:
    body = {"wsgi.input": Unread(), "CONTENT_LENGTH": "2"}
    attributes = {name: value for name, value in EVENT.items() if name.startswith("ce-")}
    return client.post(path, headers={**attributes, **headers}, environ_overrides=body)


@pytest.mark.parametrize(("service", "path"), PATHS)
def test_a_function_takes_json_from_no_other_site(
    function: Callable[[str], FlaskClient], service: str, path: str
) -> None:
    client = function(service)
    for kind in SIMPLE:
        reason, words = refused(send(client, path, **{"Content-Type": kind}), 415)
        assert reason == "bad_request"
        assert "application/json" in words
    for origin in FOREIGN:
        answer = send(client, path, Origin=origin, **{"Content-Type": "application/json"})
        assert refused(answer, 403)[0] == "forbidden"


def test_only_the_function_of_events_takes_the_type_of_events(
    function: Callable[[str], FlaskClient],
) -> None:
    kind = {"Content-Type": "application/cloudevents+json"}
    assert refused(send(function("cf-image-received"), "/", **kind), 415)[0] == "bad_request"
    answer = function("cf-bucket-upload").post("/", data=b"{", headers=kind)
    assert answer.status_code == 400


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_may_be_named_in_any_way(function: Callable[[str], FlaskClient], kind: str) -> None:
    answer = function("cf-image-received").post("/", data=b"{}", headers={"Content-Type": kind})
    assert "bucket_path" in refused(answer, 400)[1]


@pytest.fixture
def data(db: Engine, set_env: Callable[..., None]) -> FlaskClient:
    set_env(PUBLIC_URL="https://panoptes.example/api")
    return create_app("observations-data").test_client()


def test_the_data_service_takes_json_from_no_other_site(data: FlaskClient) -> None:
    def status(**headers: str) -> Any:
        return send(data, "/", **headers).status_code

    assert {status(**{"Content-Type": kind}) for kind in SIMPLE} == {415}
    json = {"Content-Type": "application/json"}
    assert {status(Origin=origin, **json) for origin in FOREIGN} == {403}
    # Where there is nothing to send to, that is the answer.
    assert data.post("/observations").status_code == 405
    assert data.post("/nowhere").status_code == 404


def test_the_data_service_takes_json_from_its_own_pages_and_programs(data: FlaskClient) -> None:
    for headers in ({}, {"Origin": "https://panoptes.example"}):
        assert data.post("/", json={"sequence_id": "x"}, headers=headers).status_code == 200


def test_queries_of_the_virtual_observatory_may_be_forms(data: FlaskClient) -> None:
    form = {"POS": "CIRCLE 83.8 -5.4 1"}
    foreign = {"Origin": "https://aladin.example"}
    assert data.post("/vo/sia/query", data=form, headers=foreign).status_code == 200


def test_the_local_sender_of_events_takes_json_from_no_other_site() -> None:
    client = create_eventarc().test_client()
    assert send(client, "/", **{"Content-Type": "text/plain"}).status_code == 415
    json = {"Content-Type": "application/json"}
    assert send(client, "/", Origin="https://evil.example", **json).status_code == 403
