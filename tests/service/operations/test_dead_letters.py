"""cf-operations keeps dead letters, whatever they are, and tells their images."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.config import settings
from tests.service.support.functions import (
    IDS,
    IMAGE_ID,
    PATH,
    Network,
    asks_to_come_again,
    frame,
    refused,
    tables,
)
from tests.service.support.operations import (
    CR2,
    add_image,
    change,
    dead_letter,
    history,
    image,
    letters,
)


@pytest.fixture
def operations(network: Network, function: Callable[[str], FlaskClient], db: Engine) -> FlaskClient:
    return function("cf-operations")


def send(client: FlaskClient, push: dict[str, Any]) -> Any:
    answer = client.post("/dead-letter", json=push)
    assert answer.status_code == 200, answer.text
    return answer.json


def pipeline_letter(generation: int = 1, **more: Any) -> dict[str, Any]:
    data = {
        "image_id": IMAGE_ID,
        "bucket": settings().raw_bucket,
        "bucket_path": PATH,
        "generation": generation,
    }
    return dead_letter(
        json.dumps(data).encode(),
        subscription=settings().solver_subscription,
        topic=settings().pipeline_topic,
        **more,
    )


def cr2_letter(subscription: str = "cf-make-fits", **more: Any) -> dict[str, Any]:
    data = {"bucket_path": CR2, "bucket": settings().raw_bucket, "generation": 3}
    topic = settings().raw_topic
    return dead_letter(json.dumps(data).encode(), subscription=subscription, topic=topic, **more)


def upload_letter(path: str = PATH) -> dict[str, Any]:
    stored = {"bucket": settings().raw_bucket, "name": path, "generation": "3", "size": "9"}
    data = json.dumps(stored).encode()
    return dead_letter(data, subscription="storage-events", topic="storage-events", tries=20)


def test_a_solvers_dead_letter_ends_its_image(operations: FlaskClient, db: Engine) -> None:
    add_image(db, state="solving", tries=5, claim=5)
    answer = send(operations, pipeline_letter())
    [letter] = letters(db)
    assert answer == {
        "dead_letter_id": letter["dead_letter_id"],
        "image_id": IMAGE_ID,
        "recorded": True,
    }
    assert (letter["topic"], letter["subscription"], letter["tries"]) == (
        settings().pipeline_topic,
        "gce-plate-solver",
        5,
    )
    assert (letter["image_id"], letter["bucket_path"]) == (IMAGE_ID, PATH)
    assert json.loads(letter["data"])["generation"] == 1
    assert letter["attributes"] == {"traceparent": "00-1-1-01"}  # as it was published
    row = image(db)
    assert (row["state"], row["reason_code"]) == ("error", "tries_exhausted")
    assert row["reason"] == (
        "gce-plate-solver failed 5 times and is not tried again automatically;"
        " no error was recorded"
    )
    assert row["claim"] == 6  # whoever still works on it has lost it
    assert history(db, "gce-plate-solver") == [("error", row["reason"])]


def test_the_last_words_known_are_told(operations: FlaskClient, db: Engine) -> None:
    add_image(db, state="solving")
    change(
        db,
        "INSERT INTO image_events (image_id, service, state, reason_code, reason)"
        " VALUES (:id, 'gce-plate-solver', 'solving', 'damaged_file', 'the disk is full')",
        id=IMAGE_ID,
    )
    send(operations, pipeline_letter())
    assert image(db)["reason"].endswith("from gce-plate-solver: the disk is full")


@pytest.mark.parametrize("state", ["sources_extracted", "unsolved", "skipped", "error"])
def test_an_image_that_has_ended_stays_as_it_is(
    operations: FlaskClient, db: Engine, state: str
) -> None:
    add_image(db, state=state, reason_code="not_solved", reason="clouds")
    send(operations, pipeline_letter())
    row = image(db)
    assert (row["state"], row["reason"]) == (state, "clouds")
    assert len(letters(db)) == 1


def test_a_dead_letter_of_an_older_file_does_not_end_the_newer(
    operations: FlaskClient, db: Engine
) -> None:
    add_image(db, generation=2)
    send(operations, pipeline_letter(generation=1))
    assert image(db)["state"] == "metadata_received"


def test_a_dead_letter_is_recorded_once(operations: FlaskClient, db: Engine) -> None:
    add_image(db)
    send(operations, pipeline_letter())
    change(db, "UPDATE images SET state = 'metadata_received'")
    assert send(operations, pipeline_letter())["recorded"] is False
    assert len(letters(db)) == 1
    assert image(db)["state"] == "metadata_received"  # nor is its image ended twice


def test_a_picture_that_cannot_be_made_does_not_end_an_image_under_way(
    operations: FlaskClient, db: Engine
) -> None:
    add_image(db, state="solving")
    push = pipeline_letter()
    push["message"]["attributes"]["CloudPubSubDeadLetterSourceSubscription"] = "cf-make-jpg-fits"
    send(operations, push)
    assert image(db)["state"] == "solving"
    [(state, words)] = history(db, "cf-make-jpg-fits")
    assert state == "solving"
    assert "cf-make-jpg-fits failed 5 times" in words


def test_a_cr2_that_nobody_could_convert_is_an_image_in_error(
    operations: FlaskClient, db: Engine
) -> None:
    send(operations, cr2_letter())
    row = image(db)
    assert (row["state"], row["reason_code"], row["bucket_path"]) == (
        "error",
        "tries_exhausted",
        CR2,
    )
    assert "cf-make-fits failed 5 times" in row["reason"]
    # What failed first is what is told.
    send(operations, cr2_letter("cf-make-jpg", message_id="8"))
    assert "cf-make-fits" in image(db)["reason"]
    assert len(letters(db)) == 2


def test_a_cr2s_dead_letter_does_not_end_an_image_with_a_fits_file(
    operations: FlaskClient, db: Engine
) -> None:
    add_image(db, state="metadata_received")
    send(operations, cr2_letter("cf-make-rgb-fits"))
    assert image(db)["state"] == "metadata_received"


def test_an_upload_whose_event_died_is_an_image_in_error(
    operations: FlaskClient, db: Engine
) -> None:
    send(operations, upload_letter())
    row = image(db)
    assert (row["state"], row["reason_code"], row["generation"]) == (
        "error",
        "tries_exhausted",
        -1,  # nobody has looked at its file
    )
    assert "cf-bucket-upload failed 20 times" in row["reason"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage \xff\x00",
        b"null",
        b"[" * 100_000,
        b'{"bucket_path": "PAN001/x\\u0000y.cr2"}',
        b'{"bucket_path": "' + b"x" * 4000 + b'"}',
        b'{"image_id": "\\u0000", "bucket": "", "bucket_path": "", "generation": 0}',
        b'{"bucket": "b", "name": "PAN001/14d3bd/20181011T134202/pointing00.cr2", "generation": 1}',
        b'{"bucket_path": "PAN001/14d3bd/00010101T000000/00010101T000000.cr2"}',
        b'{"bucket_path": "PAN001/14d3bd/20181011T134202/20181011T134333.cr2", "generation": '
        + b"9" * 30
        + b"}",
    ],
)
def test_garbage_is_recorded_and_does_not_come_again(
    operations: FlaskClient, db: Engine, data: bytes
) -> None:
    topic = settings().raw_topic
    assert send(operations, dead_letter(data, subscription="cf-make-fits", topic=topic))["recorded"]
    assert letters(db)[0]["data"] == data


def test_what_is_no_message_of_a_dead_letter_subscription_is_kept_too(
    operations: FlaskClient, db: Engine
) -> None:
    push = {
        "message": {"data": "no base64!", "attributes": {"\0": "\0", "n": 7}},
        "subscription": "",
    }
    assert send(operations, push)["recorded"]
    assert not send(operations, push)["recorded"]
    [letter] = letters(db)
    assert (letter["data"], letter["topic"], letter["tries"]) == (b"no base64!", "", None)
    assert letter["attributes"] == {"\\0": "\\0", "n": "7"}


def test_the_largest_message_that_pubsub_takes_is_recorded(
    operations: FlaskClient, db: Engine
) -> None:
    data = b"x" * 10_000_000
    send(operations, dead_letter(data, subscription="s", topic="t"))
    assert letters(db)[0]["data"] == data


@pytest.mark.parametrize("body", [b"", b"no JSON", b"[]", b'{"message": 7}'])
def test_what_nobody_pushes_is_refused(operations: FlaskClient, body: bytes, db: Engine) -> None:
    answer = operations.post("/dead-letter", data=body, content_type="application/json")
    assert refused(answer, 400)[0] == "bad_request"


def test_without_a_database_a_dead_letter_is_not_acknowledged(
    operations: FlaskClient, database_away: Callable[[], None]
) -> None:
    database_away()
    assert asks_to_come_again(operations.post("/dead-letter", json=cr2_letter()))


def test_an_unknown_path_is_told(operations: FlaskClient, db: Engine) -> None:
    reason, words = refused(operations.post("/", json={}), 404)
    paths = "/dead-letter, /sweep, /list, /replay, /tag, /notices"
    assert (reason, words) == ("bad_request", f"post to {paths}")


def test_a_late_fits_file_starts_the_image_anew(
    network: Network,
    operations: FlaskClient,
    function: Callable[[str], FlaskClient],
    db: Engine,
) -> None:
    send(operations, cr2_letter())
    network.upload(PATH, frame(**IDS))
    answer = function("cf-header-to-db").post("/", json={"bucket_path": PATH})
    assert answer.status_code == 200
    [row] = tables(db)["images"]
    assert (row["state"], row["reason"]) == ("metadata_received", None)
