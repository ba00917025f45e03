"""cf-operations lists what failed and sends it again."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.config import settings
from panoptes_network.operations import replay
from tests.service.support.functions import (
    IDS,
    IMAGE_ID,
    PATH,
    SEQUENCE_ID,
    Network,
    asks_to_come_again,
    frame,
    refused,
)
from tests.service.support.operations import (
    CR2,
    add_failed_images,
    add_image,
    add_letters,
    ask,
    change,
    dead_letter,
    history,
    image,
    letters,
    queued,
)


@pytest.fixture
def operations(chain: Network, function: Callable[[str], FlaskClient], db: Engine) -> FlaskClient:
    return function("cf-operations")


@pytest.fixture
def failed(operations: FlaskClient, db: Engine) -> list[str]:
    return add_failed_images(db)


FILTERS: list[tuple[dict[str, Any], Sequence[int]]] = [
    ({"image_id": IMAGE_ID}, [0]),
    ({"sequence_id": SEQUENCE_ID}, [0, 2]),
    ({"unit_id": "PAN001"}, [0, 1, 2]),
    ({"unit_id": "PAN003"}, []),
    ({"night": "2018-10-11"}, [0, 1, 3]),
    ({"night": "2018-10-12"}, [2]),
    ({"reason_code": "no_catalog"}, [0, 2]),
    ({"state": "unsolved"}, [1]),
    ({"unit_id": "PAN001", "night": "2018-10-11", "reason_code": "no_catalog"}, [0]),
]


@pytest.mark.parametrize(("filters", "wanted"), FILTERS)
def test_images_are_listed_and_replayed_by_each_filter(
    chain: Network,
    operations: FlaskClient,
    failed: list[str],
    filters: dict[str, Any],
    wanted: Sequence[int],
) -> None:
    expected = [failed[number] for number in wanted]
    listed = ask(operations, "/list", **filters)
    assert listed["count"] == len(expected)
    assert {one["image_id"] for one in listed["images"]} == set(expected)
    planned = ask(operations, "/replay", **filters, dry_run=True)
    assert (planned["replayed"], planned["images"]) == (len(expected), expected)
    assert queued(chain) == ([], [])
    done = ask(operations, "/replay", **filters)
    assert done == {
        "dry_run": False,
        "replayed": len(expected),
        "not_replayed": 0,
        "images": expected,
        "problems": [],
    }
    raw, pipeline = queued(chain)
    assert raw == []
    assert [message["image_id"] for message in pipeline] == expected
    assert all(message["reprocess"] for message in pipeline)


def test_a_list_says_why(operations: FlaskClient, failed: list[str]) -> None:
    [one] = ask(operations, "/list", image_id=IMAGE_ID)["images"]
    assert one.pop("updated_at").endswith("Z")
    assert one == {
        "image_id": IMAGE_ID,
        "sequence_id": SEQUENCE_ID,
        "state": "error",
        "reason_code": "no_catalog",
        "reason": "no stars",
        "bucket_path": PATH,
        "tries": 0,
    }
    limited = ask(operations, "/list", night="2018-10-11", limit=1)
    assert (limited["count"], len(limited["images"])) == (3, 1)


def test_an_image_named_or_a_state_can_be_any(
    chain: Network, operations: FlaskClient, failed: list[str], db: Engine
) -> None:
    good = "PAN001_14d3bd_20181011T150000"
    assert ask(operations, "/replay", image_id=good)["replayed"] == 1
    assert ask(operations, "/replay", state="sources_extracted")["images"] == [good]
    assert [message["image_id"] for message in queued(chain)[1]] == [good, good]
    assert history(db) == [("sources_extracted", "sent again by an operator")] * 2
    assert image(db, good)["state"] == "sources_extracted"


def test_a_limit_and_batches(
    chain: Network, operations: FlaskClient, failed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "BATCH", 2)
    assert ask(operations, "/replay", unit_id="PAN001", limit=1)["images"] == failed[:1]
    assert ask(operations, "/replay", unit_id="PAN001", limit=3)["images"] == failed[:3]
    assert ask(operations, "/replay", unit_id="PAN001")["images"] == failed[:3]


def test_an_image_known_by_its_cr2_only_goes_to_the_converters(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    add_image(db, state="error", generation=-1, bucket_path=CR2)
    assert ask(operations, "/replay", unit_id="PAN001")["replayed"] == 1
    assert queued(chain) == ([{"bucket_path": CR2, "bucket": settings().raw_bucket}], [])


def test_an_image_whose_upload_was_never_looked_at_comes_in_anew(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    generation = chain.upload(PATH, frame(**IDS))
    add_image(db, state="error", generation=-1)
    assert ask(operations, "/replay", unit_id="PAN001")["replayed"] == 1
    assert (image(db)["state"], image(db)["generation"]) == ("metadata_received", generation)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"bucket": None, "bucket_path": None, "generation": 0}, "only its headers arrived"),
        ({"generation": -1}, "there is no object"),
    ],
)
def test_what_cannot_be_sent_is_said(
    operations: FlaskClient, db: Engine, columns: dict[str, Any], words: str
) -> None:
    add_image(db, state="error", **columns)
    done = ask(operations, "/replay", unit_id="PAN001")
    assert (done["replayed"], done["not_replayed"]) == (0, 1)
    assert words in done["problems"][0]
    assert history(db) == []


@pytest.fixture
def given_up(operations: FlaskClient) -> list[str]:
    return add_letters(operations)


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({}, [0, 1, 2]),
        ({"image_id": IMAGE_ID}, [0]),
        ({"sequence_id": SEQUENCE_ID}, [0, 1]),
        ({"unit_id": "PAN002"}, [2]),
        ({"night": "2018-10-11"}, [0, 2]),
        ({"night": "2018-10-11", "unit_id": "PAN001"}, [0]),
    ],
)
def test_dead_letters_are_listed_and_replayed_by_each_filter(
    chain: Network,
    operations: FlaskClient,
    given_up: list[str],
    db: Engine,
    filters: dict[str, Any],
    wanted: list[int],
) -> None:
    known = {row["image_id"]: row["dead_letter_id"] for row in letters(db)}
    expected = [known[given_up[number]] for number in wanted]
    listed = ask(operations, "/list", dead_letters=True, **filters)
    assert {one["dead_letter_id"] for one in listed["dead_letters"]} == set(expected)
    planned = ask(operations, "/replay", dead_letters=True, **filters, dry_run=True)
    assert planned["dead_letters"] == expected
    assert queued(chain) == ([], [])
    done = ask(operations, "/replay", dead_letters=True, **filters)
    assert (done["replayed"], done["dead_letters"]) == (len(wanted), expected)
    raw, _ = queued(chain)
    assert [message["generation"] for message in raw] == wanted
    replayed = [row["dead_letter_id"] for row in letters(db) if row["replayed_at"]]
    assert replayed == expected
    # They have been, and are not listed or sent again.
    assert ask(operations, "/list", dead_letters=True, **filters)["count"] == 0
    assert ask(operations, "/replay", dead_letters=True, **filters)["replayed"] == 0


def test_a_solvers_dead_letter_takes_its_image_up_again(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    add_image(db, state="solving")
    data = {"image_id": IMAGE_ID, "bucket": "b", "bucket_path": PATH, "generation": 1}
    push = dead_letter(
        json.dumps(data).encode(),
        subscription=settings().solver_subscription,
        topic=settings().pipeline_topic,
    )
    ask(operations, "/dead-letter", **push)
    assert ask(operations, "/replay", dead_letters=True)["replayed"] == 1
    assert queued(chain) == ([], [{**data, "reprocess": True}])


def test_the_attributes_of_a_dead_letter_are_sent_too(
    chain: Network, operations: FlaskClient, given_up: list[str]
) -> None:
    ask(operations, "/replay", dead_letters=True, image_id=IMAGE_ID)
    name = f"projects/{settings().google_cloud_project}/subscriptions/{settings().raw_topic}"
    [received] = chain.subscriber.pull(subscription=name, max_messages=1).received_messages
    assert dict(received.message.attributes) == {"traceparent": "00-1-1-01"}


@pytest.mark.parametrize(
    ("topic", "data", "words"),
    [
        ("gone", b"x", "the topic gone no longer"),
        ("", b"x", "it has no topic"),
        ("t", b"", "no content"),
    ],
)
def test_a_dead_letter_that_cannot_be_sent_stays(
    operations: FlaskClient, db: Engine, topic: str, data: bytes, words: str
) -> None:
    push = dead_letter(data, subscription="s", topic=topic)
    push["message"]["attributes"].pop("traceparent")
    ask(operations, "/dead-letter", **push)
    done = ask(operations, "/replay", dead_letters=True)
    assert (done["replayed"], done["not_replayed"]) == (0, 1)
    assert words in done["problems"][0]
    assert letters(db)[0]["replayed_at"] is None


@pytest.mark.parametrize("path", ["/list", "/replay"])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "at least one filter"),
        ({"dry_run": True}, ""),
        ({"limit": 3}, "at least one filter"),
        ({"image_id": "a\0b"}, "image_id"),
        ({"sequence_id": "\0", "dead_letters": True}, "sequence_id"),
        ({"unit": "PAN001"}, "unit"),
        ({"unit_id": "%"}, "unit_id"),
        ({"night": "yesterday"}, "night"),
        ({"night": "0001-01-01"}, "night"),
        ({"state": "lost"}, "state"),
        ({"reason_code": "lost"}, "reason_code"),
        ({"unit_id": "PAN001", "limit": 0}, "limit"),
        ({"dead_letters": True, "state": "error"}, "dead letters have no state"),
    ],
)
def test_a_bad_request_is_refused(
    operations: FlaskClient, path: str, body: dict[str, Any], words: str
) -> None:
    reason, said = refused(operations.post(path, json=body), 400)
    assert reason == "bad_request"
    assert words in said


def test_while_the_broker_is_away_a_replay_asks_to_come_again(
    operations: FlaskClient, failed: list[str], db: Engine, set_env: Callable[..., None]
) -> None:
    set_env(PIPELINE_TOPIC="gone")
    assert asks_to_come_again(operations.post("/replay", json={"image_id": IMAGE_ID}))
    assert history(db) == []


def test_replaying_twice_is_harmless(
    chain: Network, operations: FlaskClient, failed: list[str], db: Engine
) -> None:
    ask(operations, "/replay", image_id=IMAGE_ID)
    change(db, "DELETE FROM image_events")  # as if it had ended before it was noted
    ask(operations, "/replay", image_id=IMAGE_ID)
    first, second = queued(chain)[1]
    assert first == second
