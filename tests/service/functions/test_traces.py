"""One search finds all that happened to an image: the same trace in each line and message."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from panoptes_network.config import settings
from panoptes_network.telemetry import trace
from panoptes_network.telemetry.trace import Trace
from tests.service.functions.test_bucket_upload import RESOURCE, deliver
from tests.service.support.functions import (
    FOLDER,
    IMAGE_ID,
    PATH,
    FaultyService,
    Network,
    create_function,
    frame,
    push,
    served,
)

ID, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{ID}-{SPAN}-01"
TRACE = "logging.googleapis.com/trace"
OURS = ("cf-bucket-upload", "cf-image-received", "cf-header-to-db")

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """What has been logged since, but for the access lines of the tests' servers."""

    def read() -> list[dict[str, Any]]:
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [line for line in found if line["name"] != "werkzeug"]

    return read


@pytest.fixture
def start(
    chain: Network, function: Callable[[str], FlaskClient], set_env: Callable[..., None]
) -> Iterator[Callable[[], FlaskClient]]:
    """Start cf-bucket-upload, with all that comes after it; its log is the test's."""
    with served(create_function("cf-image-received")) as url:
        set_env(IMAGE_RECEIVED_URL=url)
        yield lambda: function("cf-bucket-upload")


def upload(chain: Network, path: str = PATH) -> dict[str, Any]:
    generation = str(chain.upload(path, frame()))
    return {"bucket": chain.bucket.name, "name": path, "generation": generation}


def attributes(network: Network, topic: str) -> list[dict[str, str]]:
    """Take what waits on a topic: the attributes of each message."""
    path = f"projects/{settings().google_cloud_project}/subscriptions/{topic}"
    with pytest.warns(DeprecationWarning, match="return_immediately"):
        answer = network.subscriber.pull(
            subscription=path, max_messages=100, return_immediately=True
        )
    return [dict(received.message.attributes) for received in answer.received_messages]


@pytest.mark.parametrize("given", [{"ce-traceparent": PARENT}, {"traceparent": PARENT}, {}])
def test_an_upload_is_followed_by_one_trace(
    start: Callable[[], FlaskClient], chain: Network, lines: Lines, given: dict[str, str]
) -> None:
    client, event = start(), upload(chain)
    lines()
    assert deliver(client, event, **given).status_code == 200
    [message] = attributes(chain, settings().pipeline_topic)
    carried = Trace.from_parent(message["traceparent"])
    assert carried is not None
    if given:
        assert carried.trace_id == ID
    logged = lines()
    assert {line["service"] for line in logged} == set(OURS)
    project = settings().google_cloud_project
    assert {line[TRACE] for line in logged} == {f"projects/{project}/traces/{carried.trace_id}"}
    assert {line["logging.googleapis.com/spanId"] for line in logged} == {carried.span_id}
    assert all(line["severity"] and line["message"] and line["time"] for line in logged)
    requests = {line["service"]: line for line in logged if "duration_s" in line}
    assert requests.keys() == set(OURS)
    assert all(0 <= line["duration_s"] < 60 for line in requests.values())
    assert {line["bucket_path"] for line in requests.values()} == {PATH}
    assert requests["cf-header-to-db"]["image_id"] == IMAGE_ID
    assert requests["cf-image-received"]["image_id"] == IMAGE_ID


def test_each_upload_begins_a_trace_of_its_own(
    start: Callable[[], FlaskClient], chain: Network, lines: Lines
) -> None:
    client, event = start(), upload(chain)
    lines()
    for _ in range(3):
        assert deliver(client, event).status_code == 200
    assert len({line[TRACE] for line in lines()}) == 3


def test_a_camera_raw_file_takes_its_trace_to_the_converters(
    start: Callable[[], FlaskClient], chain: Network
) -> None:
    event = upload(chain, f"{FOLDER}/20181011T134333.cr2")
    assert deliver(start(), event, **{"ce-traceparent": PARENT}).status_code == 200
    assert attributes(chain, settings().raw_topic) == [{"traceparent": PARENT}]


def pushed(message: object, carried: object) -> dict[str, Any]:
    envelope = push(message)
    envelope["message"]["attributes"] = carried
    return envelope


def test_a_push_goes_on_with_the_trace_of_its_message(
    chain: Network, function: Callable[[str], FlaskClient], lines: Lines
) -> None:
    client = function("cf-image-received")
    google = {"X-Cloud-Trace-Context": f"{'a' * 32}/1;o=1"}
    body = pushed({"bucket_path": "../x"}, {"traceparent": PARENT})
    lines()
    assert client.post("/", json=body, headers=google).status_code == 200
    refusal, request = lines()
    assert (refusal["message_id"], refusal["reason_code"]) == ("7", "bad_path")
    assert (request["status"], request["reason_code"]) == (200, "bad_path")
    assert ID in refusal[TRACE]
    assert ID in request[TRACE]


@pytest.mark.parametrize("carried", [None, {}, {"traceparent": "x"}, {"traceparent": 5}])
def test_a_push_without_a_trace_has_the_requests(
    network: Network, function: Callable[[str], FlaskClient], lines: Lines, carried: object
) -> None:
    client = function("cf-image-received")
    google = {"X-Cloud-Trace-Context": f"{ID}/1;o=1"}
    lines()
    answer = client.post("/", json=pushed({"bucket_path": "../x"}, carried), headers=google)
    assert answer.status_code == 200
    assert all(ID in line[TRACE] for line in lines())


@pytest.mark.parametrize(
    "value",
    ["no-trace", PARENT + '", "severity": "EMERGENCY', "\u00e9" * 50, "0" * 10_000, "{}", "%0a"],
)
def test_a_hostile_trace_is_ignored(
    network: Network, function: Callable[[str], FlaskClient], lines: Lines, value: str
) -> None:
    client = function("cf-image-received")
    headers = {"traceparent": value, "X-Cloud-Trace-Context": value}
    lines()
    assert client.post("/", json={"bucket_path": "../x"}, headers=headers).status_code == 422
    for line in lines():
        assert value not in json.dumps(line)
        assert line["severity"] in {"INFO", "WARNING"}
        prefix, _, trace_id = line[TRACE].rpartition("/")
        assert prefix == f"projects/{settings().google_cloud_project}/traces"
        assert Trace.from_cloud(trace_id) is not None


def test_both_headers_go_to_the_next_service(
    function: Callable[[str], FlaskClient], faulty: FaultyService
) -> None:
    client = function("cf-bucket-upload")
    assert deliver(client, RESOURCE, **{"ce-traceparent": PARENT}).status_code == 200
    [headers] = faulty.headers
    assert headers[trace.PARENT] == PARENT
    assert headers[trace.CLOUD] == f"{ID}/{int(SPAN, 16)};o=1"
    assert "Authorization" not in headers


def test_a_fault_is_logged_with_its_trace_and_without_the_callers_token(
    function: Callable[[str], FlaskClient], faulty: FaultyService, lines: Lines
) -> None:
    client = function("cf-bucket-upload")
    faulty.status = 500
    token = {"Authorization": "Bearer eyJhbGciOiJSUzI1NiJ9.eyJlbWFpbCI6ImEifQ.c2lnbmF0dXJl"}
    lines()
    answer = deliver(client, RESOURCE, **{"ce-traceparent": PARENT}, **token)
    assert answer.status_code == 500
    logged = lines()
    assert [line["severity"] for line in logged] == ["ERROR", "WARNING"]
    assert "TransientError" in logged[0]["exc_info"]
    assert all(ID in line[TRACE] for line in logged)
    assert "eyJ" not in json.dumps(logged)


def test_what_is_no_event_is_refused_without_its_headers(
    function: Callable[[str], FlaskClient], lines: Lines
) -> None:
    client = function("cf-bucket-upload")
    answer = client.post("/", json=RESOURCE, headers={"Authorization": "Bearer s3cret-token"})
    assert answer.status_code == 400
    assert answer.get_json()["error"]["reason"] == "bad_request"
    assert "s3cret" not in answer.text + json.dumps(lines())
