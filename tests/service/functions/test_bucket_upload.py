"""cf-bucket-upload: which events it hands on, and which it lets come again."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from panoptes_network.config import settings
from tests.conftest import free_port
from tests.service.support.functions import (
    FOLDER,
    IDS,
    IMAGE_ID,
    PATH,
    SEQUENCE_ID,
    FaultyService,
    Network,
    frame,
    only,
    run_readme,
    served,
    tables,
)

PICTURE = f"{FOLDER}/20181011T134333.jpg"
RESOURCE = {"bucket": "panoptes-raw", "name": PATH, "generation": "1476122482"}
HEADERS = {
    "ce-id": "42",
    "ce-specversion": "1.0",
    "ce-type": "google.cloud.storage.object.v1.finalized",
    "ce-source": "//storage.googleapis.com/projects/_/buckets/panoptes-raw",
    "content-type": "application/json",
}


@pytest.fixture
def client(function: Callable[[str], FlaskClient]) -> FlaskClient:
    return function("cf-bucket-upload")


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    """What the function has logged."""
    return lambda: [vars(one) for one in caplog.records if one.name == "cf-bucket-upload"]


def deliver(client: FlaskClient, resource: object, **headers: str) -> TestResponse:
    return client.post("/", data=json.dumps(resource), headers={**HEADERS, **headers})


@pytest.mark.parametrize(
    "suffix",
    [
        *(".cr2", ".CR2", ".fits", ".Fits", ".fits.fz", ".FITS.FZ", ".fz", ".fit", ".fits.gz"),
        *(".cr3", ".nef", ".dng", ".txt", ".zip", ".png", "", "/"),
    ],
)
def test_an_image_and_a_stranger_are_handed_on(
    client: FlaskClient, faulty: FaultyService, log: Callable[[], Any], suffix: str
) -> None:
    path = f"{FOLDER}/20181011T134333{suffix}"
    assert deliver(client, {**RESOURCE, "name": path}).status_code == 200
    image = {"bucket_path": path, "bucket": "panoptes-raw", "generation": 1476122482}
    assert faulty.received == [image]
    [line] = log()
    assert (line["levelname"], line["bucket_path"], line["event_id"]) == ("INFO", path, "42")


@pytest.mark.parametrize(
    "name",
    [f"{FOLDER}/20181011T134333.jpg", f"{FOLDER}/notes.JSON", f"{FOLDER}.mp4", "PAN001/M42/"],
)
def test_what_lies_beside_images_is_left_alone_with_one_log_line(
    client: FlaskClient, faulty: FaultyService, log: Callable[[], Any], name: str
) -> None:
    assert deliver(client, {**RESOURCE, "name": name, "size": "0"}).status_code == 200
    assert faulty.received == []
    [line] = log()
    assert line["message"] == "ignored: not an image"
    assert (line["levelname"], line["bucket_path"]) == ("INFO", name)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 401, 403, 408, 425, 429])
@pytest.mark.parametrize("body", [b'{"error": {"reason": "try_again"}}', b"<html>", b""])
def test_a_passing_fault_asks_for_the_event_again(
    client: FlaskClient, faulty: FaultyService, status: int, body: bytes
) -> None:
    faulty.status, faulty.body = status, body
    assert deliver(client, RESOURCE).status_code == 500


@pytest.mark.parametrize("status", [400, 404, 413, 415, 422])
@pytest.mark.parametrize(
    "body", [b'{"error": {"reason": "bad_path", "message": "x"}}', b"[1]", b""]
)
def test_a_refused_image_does_not_come_again(
    client: FlaskClient,
    faulty: FaultyService,
    log: Callable[[], Any],
    status: int,
    body: bytes,
) -> None:
    faulty.status, faulty.body = status, body
    assert deliver(client, RESOURCE).status_code == 200
    [line] = log()
    assert line["levelname"] == "ERROR"
    assert line["reason_code"] == ("bad_path" if b"bad_path" in body else "bad_request")


def test_a_service_that_is_away_asks_for_the_event_again(
    client: FlaskClient, set_env: Callable[..., None]
) -> None:
    set_env(IMAGE_RECEIVED_URL=f"http://127.0.0.1:{free_port()}")
    assert deliver(client, RESOURCE).status_code == 500


def test_a_service_that_does_not_answer_asks_for_the_event_again(
    client: FlaskClient, faulty: FaultyService, set_env: Callable[..., None]
) -> None:
    set_env(REQUEST_TIMEOUT_S=0.2)
    faulty.silent = True
    assert deliver(client, RESOURCE).status_code == 500


def test_the_log_is_json_on_stdout_as_cloud_logging_reads_it(
    capsys: pytest.CaptureFixture[str], function: Callable[[str], FlaskClient]
) -> None:
    deliver(function("cf-bucket-upload"), {**RESOURCE, "name": PICTURE})
    said, request = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert datetime.fromisoformat(said.pop("time")).utcoffset() == timedelta(0)
    trace = {field: said.pop(f"logging.googleapis.com/{field}") for field in ("trace", "spanId")}
    assert said == {
        "severity": "INFO",
        "message": "ignored: not an image",
        "name": "cf-bucket-upload",
        "service": "cf-bucket-upload",
        "bucket_path": PICTURE,
        "generation": 1476122482,
        "event_id": "42",
    }
    assert request["message"] == "POST /: 200"
    assert {field: request[f"logging.googleapis.com/{field}"] for field in trace} == trace


@pytest.mark.parametrize(
    ("resource", "named"),
    [
        ({"bucket": "b", "generation": "1"}, "name: "),
        ({"bucket": "b", "name": PATH}, "generation: "),
        ({**RESOURCE, "generation": "new"}, "generation: "),
        ({**RESOURCE, "name": "x" * 5000 + ".fits"}, "name: "),
        ([], "the body: "),
        (None, "the body: "),
    ],
)
def test_an_event_of_no_object_ends_with_the_wrong_part_in_the_log(
    client: FlaskClient, log: Callable[[], Any], resource: object, named: str
) -> None:
    assert deliver(client, resource).status_code == 200
    [line] = log()
    assert line["message"].startswith(named)
    assert (line["levelname"], line["reason_code"]) == ("ERROR", "bad_request")


def test_an_event_that_is_not_json_ends_in_the_log(
    client: FlaskClient, log: Callable[[], Any]
) -> None:
    assert client.post("/", data=b"{", headers=HEADERS).status_code == 200
    [line] = log()
    assert line["reason_code"] == "bad_request"


def test_what_is_no_cloud_event_is_refused(client: FlaskClient) -> None:
    assert client.post("/", json=RESOURCE).status_code == 400


def test_the_commands_of_the_readme(function: Callable[[str], FlaskClient]) -> None:
    # The object of the README lies beside images: it is handed on to nobody.
    with served(function("cf-bucket-upload").application) as url:
        assert run_readme("cf-bucket-upload", BUCKET_UPLOAD_URL=url, RAW_BUCKET="b") == "OK"


def event_of(network: Network, path: str, data: bytes) -> dict[str, Any]:
    return {
        "bucket": network.bucket.name,
        "name": path,
        "generation": str(network.upload(path, data)),
    }


def test_the_same_event_three_times_leaves_the_same_rows_as_once(
    client: FlaskClient, chain: Network, db: Engine
) -> None:
    event = event_of(chain, PATH, frame(ISO=100))
    assert deliver(client, event).status_code == 200
    once = tables(db)
    assert [image["image_id"] for image in once["images"]] == [IMAGE_ID]
    for _ in range(2):
        assert deliver(client, event).status_code == 200
    assert tables(db) == once
    # Each delivery queues the image while it waits; the worker takes it once.
    queued = chain.queued(settings().pipeline_topic)
    assert queued == 3 * [{**queued[0], "image_id": IMAGE_ID, "bucket_path": PATH}]


SPELLINGS = {
    "upper case": "pan001/M42/14D3BD/20181011t134202/20181011t134333.FIT",
    "ISO 8601": "PAN001/M42/14d3bd/20181011T134202Z/2018-10-11T13:43:33.250Z.fits",
    "one folder more": "PAN001/M42/north/14d3bd/20181011T134202/20181011T134333.fts",
    "the whole id": "PAN001/M42/14d3bd/20181011T134202/PAN001_14d3bd_20181011T134333.fits",
    "an id, no folders": "PAN001_14d3bd_20181011T134333.fits",
    "ids in the header": "somewhere/night.fits",
    "a folder that is no camera": "PAN001/M42/canon/20181011T134202/20181011T134333.fits",
}


@pytest.mark.parametrize("path", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_an_image_is_known_wherever_its_meaning_is_certain(
    client: FlaskClient, chain: Network, db: Engine, path: str
) -> None:
    chain.upload(PATH, frame())
    for event in (event_of(chain, PATH, frame()), event_of(chain, path, frame(**IDS))):
        assert deliver(client, event).status_code == 200
    only(tables(db)["sequences"], sequence_id=SEQUENCE_ID)
    # The second is the newer file of the same image, and is read where it lies.
    only(tables(db)["images"], image_id=IMAGE_ID, sequence_id=SEQUENCE_ID, bucket_path=path)
    assert [image["bucket_path"] for image in chain.queued(settings().pipeline_topic)] == [
        PATH,
        path,
    ]


REFUSALS = {
    "PAN001/M42/14d3bd/20181011T134202/20181011T134333.cr3": "unknown_file_type",
    "PAN001/notes.txt": "unknown_file_type",
    "night": "unknown_file_type",
    "PAN001/M42/14d3bd/20181011T134202/20181011T134360.cr2": "bad_path",
    "PAN001/14d3bd/20181011T134333.fits": "no_identity",
    "PAN002/night.fits": "no_identity",
    "PAN001//14d3bd/20181011T134202/20181011T134333.fits": "bad_path",
    "PAN001/M42/14d3bd/00010101T000000/00010101T000000.cr2": "bad_time",
    "PAN001/darks/14d3bd/dark_001.fits": "dark_frame",
}


@pytest.mark.parametrize("path", REFUSALS)
def test_what_becomes_no_image_is_recorded_once_for_each_generation(
    client: FlaskClient, chain: Network, db: Engine, path: str
) -> None:
    cards = IDS if path.startswith("PAN002") else {}
    events = [event_of(chain, path, frame(**cards)) for _ in range(2)]
    for event in [events[1]] * 2:
        assert deliver(client, event).status_code == 200
    row = only(tables(db)["image_events"], bucket_path=path, image_id=None)
    assert row["reason_code"] == REFUSALS[path]
    assert row["message_id"] == f"generation {events[1]['generation']}"
    assert deliver(client, event_of(chain, path, frame(**cards))).status_code == 200
    assert len(tables(db)["image_events"]) == 2


def test_an_upload_that_was_deleted_at_once_is_recorded(
    client: FlaskClient, chain: Network, db: Engine
) -> None:
    event = event_of(chain, PATH, frame())
    chain.bucket.blob(PATH).delete()
    for _ in range(2):
        assert deliver(client, event).status_code == 200
    only(tables(db)["image_events"], bucket_path=PATH, reason_code="object_missing")


def test_a_fault_at_the_end_of_the_chain_brings_the_first_event_again(
    client: FlaskClient, chain: Network, set_env: Callable[..., None]
) -> None:
    event = event_of(chain, PATH, frame())
    set_env(PIPELINE_TOPIC="missing")
    assert deliver(client, event).status_code == 500


def test_a_refusal_at_the_end_of_the_chain_ends_the_event(
    client: FlaskClient, chain: Network, log: Callable[[], Any]
) -> None:
    assert deliver(client, event_of(chain, PATH, b"no FITS")).status_code == 200
    assert [line["reason_code"] for line in log()] == ["not_fits"]
