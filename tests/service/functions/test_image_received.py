"""cf-image-received: where an image goes, and what is answered to one that goes nowhere."""

import json
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.config import settings
from tests.conftest import forget_storage_client, free_port
from tests.service.support.functions import (
    FOLDER,
    IMAGE_ID,
    PATH,
    SEQUENCE_ID,
    FaultyService,
    Network,
    asks_to_come_again,
    frame,
    push,
    refused,
    run_readme,
    served,
    tables,
)

RAW_PATH = f"{FOLDER}/20181011T134333.CR2"


@pytest.fixture
def client(network: Network, function: Callable[[str], FlaskClient]) -> FlaskClient:
    return function("cf-image-received")


def test_a_fits_image_goes_to_the_database_and_the_queue(
    client: FlaskClient, chain: Network, db: Engine
) -> None:
    generation = chain.upload(PATH, frame(ISO=100))
    answer = client.post("/", json={"bucket_path": PATH})
    assert answer.status_code == 200
    [queued] = chain.queued(settings().pipeline_topic)
    stored = {"bucket": chain.bucket.name, "bucket_path": PATH, "generation": generation}
    assert queued == {"image_id": IMAGE_ID, **stored, "reprocess": False}
    said = answer.get_json()
    assert said["answer"].pop("message_id").isdigit()
    assert said == {
        "image_id": IMAGE_ID,
        **stored,
        "posted_to": "cf-header-to-db",
        "answer": {
            "image_id": IMAGE_ID,
            "sequence_id": SEQUENCE_ID,
            "state": "metadata_received",
            "contradictions": {},
            "header_findings": {},
        },
    }
    assert [image["image_id"] for image in tables(db)["images"]] == [IMAGE_ID]


def test_a_camera_raw_image_is_published(client: FlaskClient, network: Network) -> None:
    generation = network.upload(RAW_PATH, b"II*\0")
    answer = client.post("/", json={"bucket_path": RAW_PATH})
    stored = {"bucket": network.bucket.name, "bucket_path": RAW_PATH, "generation": generation}
    assert answer.status_code == 200
    assert network.queued(settings().raw_topic) == [stored]
    said = answer.get_json()
    assert said.pop("message_id").isdigit()
    assert said == {
        "image_id": IMAGE_ID,
        **stored,
        "published_to": settings().raw_topic,
    }


@pytest.mark.parametrize(
    "field", ["KIC 8462852", "<script>alert('1')<", 'a "b" & c', "Żółw β 象", "50%20 + ?#"]
)
def test_a_field_may_hold_any_signs(
    client: FlaskClient, chain: Network, db: Engine, field: str
) -> None:
    path = PATH.replace("M42", field)
    chain.upload(path, frame())
    answer = client.post("/", json={"bucket_path": path})
    assert answer.status_code == 200, answer.text
    rows = tables(db)
    assert rows["sequences"][0]["field"] == field
    assert rows["images"][0]["bucket_path"] == path
    assert chain.queued(settings().pipeline_topic)[0]["bucket_path"] == path


def test_the_commands_of_the_readme(client: FlaskClient, network: Network) -> None:
    with served(client.application) as url:
        answer = json.loads(run_readme("cf-image-received", IMAGE_RECEIVED_URL=url))
    assert answer["image_id"] == IMAGE_ID
    assert answer["published_to"] == settings().raw_topic


def test_a_push_is_read_like_a_post(client: FlaskClient, network: Network) -> None:
    network.upload(RAW_PATH, b"II*\0")
    assert client.post("/", json=push({"bucket_path": RAW_PATH})).status_code == 200
    assert [image["bucket_path"] for image in network.queued(settings().raw_topic)] == [RAW_PATH]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"bucket_path": "../x.fits"}, "bad_path"),
        ({"bucket_path": PATH}, "object_missing"),
        ({}, "bad_request"),
        ("text", "bad_request"),
    ],
)
def test_a_refused_push_does_not_come_again(
    client: FlaskClient, message: object, reason: str
) -> None:
    assert refused(client.post("/", json=push(message)), 200)[0] == reason


def test_a_push_that_meets_a_passing_fault_comes_again(
    client: FlaskClient, network: Network, set_env: Callable[..., None]
) -> None:
    network.upload(RAW_PATH, b"II*\0")
    set_env(RAW_TOPIC="missing")
    assert asks_to_come_again(client.post("/", json=push({"bucket_path": RAW_PATH})))


@pytest.mark.parametrize(
    ("path", "status", "reason", "named"),
    [
        (f"{FOLDER}/20181011T134333.jpg", 415, "unknown_file_type", ".cr2"),
        (f"{FOLDER}/../20181011T134333.fits", 422, "bad_path", "'..'"),
        (PATH.replace("M42", "M" * 2000), 422, "bad_path", "1024 bytes"),
        (PATH.replace("M42", "M\n42"), 422, "bad_path", "control"),
        (PATH.replace("PAN001", "PAN1"), 422, "bad_path", "unit 'PAN1'"),
        (PATH.replace("14d3bd", "camera"), 422, "bad_path", "camera 'camera'"),
        (PATH.replace("T134202", ""), 422, "bad_path", "'20181011'"),
        (PATH.replace("20181011T134202", "99991231T235959"), 422, "bad_time", "sequence time 9999"),
        ("20181011T134333.fits", 422, "bad_path", "1 parts"),
        ("", 422, "bad_path", "empty"),
        (PATH, 404, "object_missing", PATH),
        (5, 400, "bad_request", "bucket_path"),
        (None, 400, "bad_request", "bucket_path"),
        ("x" * 5000, 400, "bad_request", "bucket_path"),
    ],
)
def test_what_was_wrong_with_a_path_is_answered(
    client: FlaskClient, path: object, status: int, reason: str, named: str
) -> None:
    said = refused(client.post("/", json={"bucket_path": path}), status)
    assert said[0] == reason
    assert named in said[1]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"5", b"\xff\xfe", b"[" * 100_000, b'{"a": NaN}']
)
def test_a_body_that_is_no_message_is_refused(client: FlaskClient, body: bytes) -> None:
    reason, message = refused(client.post("/", data=body, content_type="application/json"), 400)
    assert reason == "bad_request"
    assert "body" in message or "bucket_path" in message


def test_a_body_over_the_limit_is_refused(client: FlaskClient) -> None:
    answer = client.post("/", data=b" " * 2_000_001, content_type="application/json")
    assert refused(answer, 413)[0] == "too_large"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_a_post_is_answered(client: FlaskClient, method: str) -> None:
    assert "POST" in refused(client.open("/", method=method, json={}), 400)[1]


def test_images_of_another_bucket_are_not_received(client: FlaskClient, network: Network) -> None:
    answer = client.post("/", json={"bucket_path": PATH, "bucket": "panoptes-processed"})
    reason, message = refused(answer, 400)
    assert reason == "bad_request"
    assert message == f"bucket: must be {network.bucket.name}, which images are uploaded to"


@pytest.mark.parametrize("named", ["generation", "object_id"])
def test_an_event_of_an_overwritten_file_starts_nothing(
    client: FlaskClient, network: Network, named: str
) -> None:
    old, new = (network.upload(RAW_PATH, data) for data in (b"old", b"new"))
    ids = {"generation": old, "object_id": f"{network.bucket.name}/{RAW_PATH}/{old}"}
    answer = client.post("/", json={"bucket_path": RAW_PATH, named: ids[named]})
    reason, message = refused(answer, 404)
    assert reason == "object_missing"
    assert str(old) in message
    assert str(new) in message
    assert network.queued(settings().raw_topic) == []


def test_the_next_services_refusal_is_answered(client: FlaskClient, chain: Network) -> None:
    chain.upload(PATH, b"no FITS")
    reason, message = refused(client.post("/", json={"bucket_path": PATH}), 422)
    assert reason == "not_fits"
    assert "is text" in message


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_passing_fault_of_the_next_service_is_passed_on(
    client: FlaskClient, network: Network, faulty: FaultyService, status: int
) -> None:
    network.upload(PATH, frame())
    faulty.status = status
    assert asks_to_come_again(client.post("/", json={"bucket_path": PATH}))


def test_the_next_service_is_away(
    client: FlaskClient, network: Network, set_env: Callable[..., None]
) -> None:
    network.upload(PATH, frame())
    set_env(HEADER_TO_DB_URL=f"http://127.0.0.1:{free_port()}")
    assert asks_to_come_again(client.post("/", json={"bucket_path": PATH}))


def test_the_next_service_does_not_answer(
    client: FlaskClient, network: Network, faulty: FaultyService, set_env: Callable[..., None]
) -> None:
    network.upload(PATH, frame())
    set_env(REQUEST_TIMEOUT_S=0.2)
    faulty.silent = True
    assert asks_to_come_again(client.post("/", json={"bucket_path": PATH}))


def test_the_topic_takes_no_message(
    client: FlaskClient, network: Network, set_env: Callable[..., None]
) -> None:
    network.upload(RAW_PATH, b"II*\0")
    set_env(RAW_TOPIC="missing")
    assert asks_to_come_again(client.post("/", json={"bucket_path": RAW_PATH}))


def test_storage_is_away(
    client: FlaskClient, impatient_storage: None, set_env: Callable[..., None]
) -> None:
    set_env(STORAGE_EMULATOR_HOST=f"http://127.0.0.1:{free_port()}")
    forget_storage_client()
    assert asks_to_come_again(client.post("/", json={"bucket_path": PATH}))


@pytest.mark.parametrize("status", [403, 429, 500, 503])
def test_storage_has_a_fault(
    client: FlaskClient,
    impatient_storage: None,
    faulty: FaultyService,
    set_env: Callable[..., None],
    status: int,
) -> None:
    faulty.status = status
    set_env(STORAGE_EMULATOR_HOST=settings().header_to_db_url)
    forget_storage_client()
    assert asks_to_come_again(client.post("/", json={"bucket_path": PATH}))
