"""cf-operations lists what failed and sends it again; so does the command panoptes-operate."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.config import settings
from panoptes_network.operations import replay
from panoptes_network.operations.cli import main
from tests.conftest import free_port
from tests.service.functions import (
    IDS,
    IMAGE_ID,
    PATH,
    SEQUENCE_ID,
    Network,
    asks_to_come_again,
    frame,
    refused,
    tables,
)
from tests.service.operations import (
    CR2,
    add_image,
    ask,
    change,
    dead_letter,
    history,
    image,
    letters,
    queued,
)

IN_THE_MORNING = "PAN001_14d3bd_20181012T040000"
NEXT_NIGHT = "PAN001_14d3bd_20181012T130000"
OTHER_UNIT = "PAN002_ee04d1_20181011T140000"


@pytest.fixture
def operations(chain: Network, function: Callable[[str], FlaskClient], db: Engine) -> FlaskClient:
    return function("cf-operations")


@pytest.fixture
def failed(operations: FlaskClient, db: Engine) -> list[str]:
    """Four images that failed, and one that did not; in the order in which they were written."""
    add_image(db, IMAGE_ID, state="error", reason_code="no_catalog", reason="no stars")
    add_image(
        db,
        IN_THE_MORNING,
        state="unsolved",
        reason_code="not_solved",
        reason="clouds",
        sequence_id="PAN001_14d3bd_20181012T035900",
    )
    add_image(db, NEXT_NIGHT, state="error", reason_code="no_catalog", reason="no stars")
    add_image(db, OTHER_UNIT, state="error", reason_code="tries_exhausted", reason="5 times")
    add_image(db, "PAN001_14d3bd_20181011T150000", state="sources_extracted")
    return [IMAGE_ID, IN_THE_MORNING, NEXT_NIGHT, OTHER_UNIT]


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
        ({"bucket": None, "bucket_path": None, "generation": 0}, "only headers are known of it"),
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


def add_letter(client: FlaskClient, image_id: str, number: int, **more: Any) -> None:
    unit, camera, time = image_id.split("_")
    path = f"{unit}/M42/{camera}/20181011T134202/{time}.cr2"
    data = {"bucket_path": path, "bucket": settings().raw_bucket, "generation": number}
    push = dead_letter(
        json.dumps(data).encode(),
        subscription="cf-make-fits",
        topic=settings().raw_topic,
        message_id=str(number),
        **more,
    )
    ask(client, "/dead-letter", **push)


@pytest.fixture
def given_up(operations: FlaskClient) -> list[str]:
    """Three dead letters, by their images."""
    images = [IMAGE_ID, NEXT_NIGHT, OTHER_UNIT]
    for number, image_id in enumerate(images):
        add_letter(operations, image_id, number)
    return images


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
    [("gone", b"x", "there is no topic gone"), ("", b"x", "does not say"), ("t", b"", "not say")],
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


def operate(*arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(main, arguments, input=answer)


def test_the_command_lists(failed: list[str]) -> None:
    done = operate("list", "--night", "2018-10-11")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0].split() == ["image", "state", "reason", "words"]
    assert f"{IMAGE_ID}  error     no_catalog       no stars" in lines
    assert lines[-1] == "3 images"


def test_the_command_replays(chain: Network, failed: list[str]) -> None:
    done = operate("replay", "--reason", "no_catalog", "--dry-run")
    assert done.output.splitlines() == [IMAGE_ID, NEXT_NIGHT, "2 would be sent again, 0 cannot be"]
    assert queued(chain) == ([], [])
    done = operate("replay", "--reason", "no_catalog")
    assert done.output.splitlines() == [IMAGE_ID, NEXT_NIGHT, "2 sent again, 0 cannot be"]
    assert len(queued(chain)[1]) == 2


def test_the_command_asks_before_it_sends_many(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    for second in range(10, 31):
        add_image(db, IMAGE_ID.replace("134333", f"1343{second}"), state="error")
    for answer in ("", "n\n"):
        done = operate("replay", "--unit", "PAN001", answer=answer)
        assert done.exit_code == 1
        assert "Send 21 again?" in done.output
    assert queued(chain) == ([], [])
    assert operate("replay", "--unit", "PAN001", answer="y\n").exit_code == 0
    assert operate("replay", "--unit", "PAN001", "--yes").exit_code == 0
    assert len(queued(chain)[1]) == 42


def test_the_command_shows_and_sends_dead_letters(chain: Network, given_up: list[str]) -> None:
    shown = operate("dead-letters").output.splitlines()
    assert shown[-1] == "3 dead letters"
    assert IMAGE_ID in shown[-2]
    assert "cf-make-fits failed 5 times" in shown[1]
    assert operate("dead-letters", "--limit", "1").output.splitlines()[-1] == (
        "3 dead letters, 1 shown"
    )
    done = operate("replay", "--dead-letters")
    assert done.output.splitlines()[-1] == "3 sent again, 0 cannot be"
    assert len(queued(chain)[0]) == 3
    assert operate("dead-letters").output.splitlines()[-1] == "0 dead letters"


def test_the_command_sweeps(
    chain: Network, operations: FlaskClient, db: Engine, set_env: Callable[..., None]
) -> None:
    set_env(SWEEP_GRACE_S=0.0001)
    chain.upload(PATH, frame(**IDS))
    add_image(db, OTHER_UNIT, state="solving", age_s=5000)
    done = operate("sweep", "--dry-run")
    assert done.output.splitlines()[-2] == "1 objects, 2 would be sent again,"
    done = operate("sweep")
    assert done.output.splitlines() == [
        f"{OTHER_UNIT}  sent again",
        f"{IMAGE_ID}  sent again",
        "1 objects, 2 sent again,",
        "0 given up, 0 not taken",
    ]
    assert len(tables(db)["images"]) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["replay"],
        ["replay", "--night", "soon"],
        ["replay", "--state", "lost"],
        ["replay", "--dead-letters", "--state", "error"],
        ["list", "--unit", "M42"],
    ],
)
def test_the_command_refuses_bad_input(operations: FlaskClient, arguments: list[str]) -> None:
    done = operate(*arguments)
    assert done.exit_code == 2
    assert "Error" in done.output


def test_the_command_says_what_is_away(
    operations: FlaskClient, database_away: Callable[[], None]
) -> None:
    database_away()
    done = operate("list", "--unit", "PAN001")
    assert done.exit_code == 1
    assert "the database is away" in done.output
    assert free_port()


def test_the_commands_help_has_examples() -> None:
    assert "panoptes-operate replay --reason tries_exhausted --dry-run" in operate("--help").output


def test_replaying_twice_is_harmless(
    chain: Network, operations: FlaskClient, failed: list[str], db: Engine
) -> None:
    ask(operations, "/replay", image_id=IMAGE_ID)
    change(db, "DELETE FROM image_events")  # as if it had ended before it was noted
    ask(operations, "/replay", image_id=IMAGE_ID)
    first, second = queued(chain)[1]
    assert first == second
