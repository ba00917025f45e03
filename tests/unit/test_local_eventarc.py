import base64
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from cloudevents.http import from_http
from flask.testing import FlaskClient

from local import eventarc
from panoptes_network import config

PATH = "PAN001/Żółw “β” 100%/14d3bd/20181011T134202/20181011T134333.fits.fz"
RESOURCE = {"bucket": "panoptes-raw", "name": PATH, "generation": "7", "size": "12"}


class Function(HTTPServer):
    """Stands where the function does: keeps what it gets, answers with `status`."""

    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[tuple[dict[str, str], bytes]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Function

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((dict(self.headers.items()), body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Stay silent."""


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Iterator[Function]:
    with Function() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("BUCKET_UPLOAD_URL", f"http://127.0.0.1:{server.server_port}")
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    monkeypatch.setenv("RAW_BUCKET", "panoptes-raw")
    config.settings.cache_clear()
    yield eventarc.create_app().test_client()
    config.settings.cache_clear()


def _push(bucket: str = "panoptes-raw") -> dict[str, Any]:
    return {
        "message": {
            "messageId": "42",
            "attributes": {
                "bucketId": bucket,
                "objectId": PATH,
                "eventType": "OBJECT_FINALIZE",
                "eventTime": "2018-10-11T13:50:00.1Z",
            },
            "data": base64.b64encode(json.dumps(RESOURCE).encode()).decode(),
        },
        "subscription": "projects/p/subscriptions/storage-events",
    }


def test_a_notification_becomes_the_cloud_event_of_eventarc(
    client: FlaskClient, function: Function
) -> None:
    assert client.post("/", json=_push()).status_code == 200
    # The CloudEvents SDK, the same that functions-framework reads events with, is the judge.
    event = from_http(*function.received[0])
    assert {**event.get_attributes(), "time": ""} == {
        "id": "42",
        "specversion": "1.0",
        "type": "google.cloud.storage.object.v1.finalized",
        "source": "//storage.googleapis.com/projects/_/buckets/panoptes-raw",
        "subject": event["subject"],
        "bucket": "panoptes-raw",
        "datacontenttype": "application/json",
        "time": "",
    }
    assert str(event["time"]).startswith("2018-10-11T13:50:00.1")
    assert event.get_data() == RESOURCE


def test_a_subject_of_any_script_is_sent_percent_encoded(
    client: FlaskClient, function: Function
) -> None:
    client.post("/", json=_push())
    # Section 3.1.3.2 of the HTTP binding: UTF-8, each byte that is no printable ASCII encoded,
    # and so space, double quote and percent.
    assert function.received[0][0]["ce-subject"] == (
        "objects/PAN001/%C5%BB%C3%B3%C5%82w%20%E2%80%9C%CE%B2%E2%80%9D%20100%25"
        "/14d3bd/20181011T134202/20181011T134333.fits.fz"
    )


@pytest.mark.parametrize("status", [204, 400, 500, 503])
def test_the_answer_of_the_function_decides_on_redelivery(
    client: FlaskClient, function: Function, status: int
) -> None:
    function.status = status
    assert client.post("/", json=_push()).status_code == status


def test_other_buckets_have_no_trigger(client: FlaskClient, function: Function) -> None:
    assert client.post("/", json=_push("panoptes-processed")).status_code == 204
    assert function.received == []


def test_a_function_that_is_away_is_tried_again(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUCKET_UPLOAD_URL", "http://127.0.0.1:1")
    assert client.post("/", json=_push()).status_code == 503


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"message": 1}', b'{"message": {"data": 1}}']
)
def test_what_is_no_notification_does_not_come_again(
    client: FlaskClient, function: Function, body: bytes
) -> None:
    assert client.post("/", data=body, content_type="application/json").status_code == 204
    assert function.received == []
