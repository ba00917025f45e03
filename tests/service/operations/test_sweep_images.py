"""cf-operations queues the images again whose message was lost, and no others."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.config import settings
from panoptes_network.operations import sweep_images
from tests.service.support.functions import (
    IMAGE_ID,
    PATH,
    SEQUENCE_ID,
    Network,
    asks_to_come_again,
    tables,
)
from tests.service.support.operations import (
    add_image,
    ask,
    change,
    history,
    image,
    let_time_pass,
)

GRACE_S, LEASE_S = 300.0, 900.0
OTHER = IMAGE_ID.replace("134333", "140000")


@pytest.fixture
def operations(network: Network, function: Callable[[str], FlaskClient], db: Engine) -> FlaskClient:
    return function("cf-operations")


def swept(client: FlaskClient, **body: Any) -> tuple[int, int]:
    answer = ask(client, "/sweep", **body)
    return answer["sent"], answer["given_up"]


def was_taken(db: Engine, image_id: str, *, queued_s_ago: float, taken_s_ago: float) -> None:
    """Write that a solver took an image that had been queued at that time."""
    for state, age_s in (("metadata_received", queued_s_ago), ("solving", taken_s_ago)):
        change(
            db,
            "INSERT INTO image_events (image_id, service, state, at)"
            " VALUES (:id, 'gce-plate-solver', :state, now() - make_interval(secs => :age_s))",
            id=image_id,
            state=state,
            age_s=age_s,
        )


@pytest.mark.parametrize(
    ("state", "age_s"),
    [
        ("metadata_received", GRACE_S),
        ("solving", LEASE_S),
        ("solved", LEASE_S),
        ("sources_detected", LEASE_S),
    ],
)
def test_an_image_that_hangs_is_queued_again(
    network: Network, operations: FlaskClient, db: Engine, state: str, age_s: float
) -> None:
    add_image(db, state=state, age_s=age_s - 60)
    assert swept(operations) == (0, 0)
    let_time_pass(db, 61)
    assert swept(operations) == (1, 0)
    [message] = network.queued(settings().pipeline_topic)
    assert message == {
        "image_id": IMAGE_ID,
        "bucket": settings().raw_bucket,
        "bucket_path": PATH,
        "generation": 1,
        "reprocess": False,
    }
    [(noted, words)] = history(db)
    assert noted == state
    assert words.startswith("queued again: nothing had happened since 20")
    assert image(db)["state"] == state
    assert swept(operations) == (0, 0)  # not before the lease
    let_time_pass(db, LEASE_S + 1)
    assert swept(operations) == (1, 0)


@pytest.mark.parametrize("state", ["sources_extracted", "unsolved", "skipped", "error"])
def test_an_image_that_has_ended_is_left_alone(
    operations: FlaskClient, db: Engine, state: str
) -> None:
    add_image(db, state=state, age_s=1e6)
    assert swept(operations) == (0, 0)


@pytest.mark.parametrize("columns", [{"generation": 0, "bucket_path": None}, {"generation": -1}])
def test_an_image_without_a_file_is_left_alone(
    operations: FlaskClient, db: Engine, columns: dict[str, Any]
) -> None:
    add_image(db, age_s=1e6, **columns)
    assert swept(operations) == (0, 0)


def test_an_image_that_waits_behind_others_is_left_alone(
    operations: FlaskClient, db: Engine
) -> None:
    add_image(db, age_s=2000)
    was_taken(db, OTHER, queued_s_ago=2500, taken_s_ago=10)
    assert swept(operations) == (0, 0)
    # Later ones have been taken: its own message is lost.
    was_taken(db, OTHER, queued_s_ago=1000, taken_s_ago=5)
    assert swept(operations) == (1, 0)


def test_with_silent_solvers_a_waiting_image_is_queued_again(
    operations: FlaskClient, db: Engine
) -> None:
    add_image(db, age_s=2000)
    was_taken(db, OTHER, queued_s_ago=5000, taken_s_ago=1000)
    assert swept(operations) == (1, 0)


def test_a_poison_image_is_given_up_after_five_times(
    network: Network, operations: FlaskClient, db: Engine
) -> None:
    add_image(db, state="solving", age_s=LEASE_S + 1, claim=3)
    for _ in range(5):
        assert swept(operations) == (1, 0)
        # A solver takes it, and is killed.
        change(db, "UPDATE images SET updated_at = clock_timestamp()")
        let_time_pass(db, LEASE_S + 1)
    assert swept(operations) == (0, 1)
    row = image(db)
    assert (row["state"], row["reason_code"], row["claim"]) == ("error", "tries_exhausted", 4)
    assert row["reason"].startswith("sent again 5 times without result")
    assert len(network.queued(settings().pipeline_topic)) == 5
    let_time_pass(db, LEASE_S + 1)
    assert swept(operations) == (0, 0)


def test_no_image_is_given_up_while_all_solvers_are_away(
    operations: FlaskClient, db: Engine
) -> None:
    add_image(db, age_s=LEASE_S + 1)
    for _ in range(5):
        assert swept(operations) == (1, 0)
        let_time_pass(db, LEASE_S + 1)
    for _ in range(3):
        assert swept(operations) == (0, 0)
        let_time_pass(db, LEASE_S + 1)
    assert image(db)["state"] == "metadata_received"
    # They are back, and take what came after it.
    was_taken(db, OTHER, queued_s_ago=600, taken_s_ago=5)
    assert swept(operations) == (0, 1)


def test_a_newer_file_begins_anew(operations: FlaskClient, db: Engine) -> None:
    add_image(db, age_s=LEASE_S + 1)
    for _ in range(5):
        swept(operations)
        let_time_pass(db, LEASE_S + 1)
    assert swept(operations) == (0, 0)
    change(db, "UPDATE images SET generation = 2, updated_at = now() - interval '1 hour'")
    assert swept(operations) == (1, 0)


def test_an_operators_replay_begins_anew(operations: FlaskClient, db: Engine) -> None:
    add_image(db, age_s=LEASE_S + 1)
    for _ in range(5):
        swept(operations)
        let_time_pass(db, LEASE_S + 1)
    ask(operations, "/replay", image_id=IMAGE_ID)
    assert swept(operations) == (1, 0)


def test_a_dry_run_queues_and_writes_nothing(
    network: Network, operations: FlaskClient, db: Engine
) -> None:
    add_image(db, age_s=LEASE_S + 1)
    assert swept(operations, dry_run=True) == (1, 0)
    assert tables(db)["image_events"] == []
    assert network.queued(settings().pipeline_topic) == []


def test_all_pages_are_looked_at(
    network: Network, operations: FlaskClient, db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_images, "PAGE_SIZE", 3)
    for second in range(10, 18):
        add_image(db, IMAGE_ID.replace("134333", f"1343{second}"), age_s=LEASE_S + 1)
    assert swept(operations) == (8, 0)
    assert len(network.queued(settings().pipeline_topic)) == 8


def test_while_the_broker_is_away_nothing_counts_as_sent(
    operations: FlaskClient, db: Engine, set_env: Callable[..., None]
) -> None:
    add_image(db, age_s=LEASE_S + 1)
    topic = settings().pipeline_topic
    set_env(PIPELINE_TOPIC="gone")
    for _ in range(6):
        assert asks_to_come_again(operations.post("/sweep", json={}))
    assert tables(db)["image_events"] == []
    set_env(PIPELINE_TOPIC=topic)
    assert swept(operations) == (1, 0)


def test_a_bad_request_is_refused(operations: FlaskClient) -> None:
    assert operations.post("/sweep", json={"dry": True}).status_code == 400


def test_images_of_a_time_that_cannot_be_right_end_with_that_reason(
    network: Network, operations: FlaskClient, db: Engine
) -> None:
    good, first, last = (IMAGE_ID.replace("2018", year) for year in ("2018", "0001", "9999"))
    misdated = SEQUENCE_ID.replace("2018", "1969")
    of_misdated = IMAGE_ID.replace("134333", "150000")
    for image_id in (good, first, last):
        add_image(db, image_id, state="sources_extracted", n_sources=5, rms_arcsec=1.0)
    add_image(db, of_misdated, sequence_id=misdated)
    change(
        db,
        "UPDATE sequences SET start_time = '1969-12-31 23:59:59Z' WHERE sequence_id = :id",
        id=misdated,
    )
    assert ask(operations, "/sweep", dry_run=True)["given_up"] == 3
    answer = ask(operations, "/sweep")
    assert (answer["sent"], answer["given_up"]) == (0, 3), answer
    assert swept(operations) == (0, 0)
    assert image(db, good)["state"] == "sources_extracted"
    for image_id, year in ((first, "0001"), (last, "9999"), (of_misdated, "1969")):
        row = image(db, image_id)
        assert (row["state"], row["reason_code"]) == ("error", "bad_time")
        assert f"time {year}" in row["reason"]
        assert (row["n_sources"], row["rms_arcsec"]) == (None, None)
    assert len(history(db)) == 3
    refusals = ask(operations, "/replay", reason_code="bad_time")
    assert (refusals["replayed"], refusals["not_replayed"]) == (0, 3)


def test_an_image_that_let_others_go_first_is_not_lost(operations: FlaskClient, db: Engine) -> None:
    """Later ones of other units were taken meanwhile: as it should be."""
    was_taken(db, OTHER, queued_s_ago=60, taken_s_ago=30)
    add_image(db, age_s=2 * GRACE_S)
    change(db, "UPDATE images SET put_off_at = now()")
    assert swept(operations) == (0, 0)
    change(db, "UPDATE images SET put_off_at = NULL")
    assert swept(operations) == (1, 0)


def test_a_fault_in_one_step_of_the_sweep_stops_no_other(
    network: Network, operations: FlaskClient, db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(report: object) -> None:
        raise ValueError("a row that nobody foresaw")

    monkeypatch.setattr("panoptes_network.operations.sweep.sweep_times", fails)
    add_image(db, state="metadata_received", age_s=GRACE_S + 1)
    answer = operations.post("/sweep", json={})
    assert asks_to_come_again(answer)
    assert len(network.queued(settings().pipeline_topic)) == 1
