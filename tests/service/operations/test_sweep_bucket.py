"""cf-operations compares the raw bucket with the database and sends again what got lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.config import settings
from panoptes_network.operations import report, sweep, sweep_bucket
from tests.conftest import free_port
from tests.service.operations.sweeps import LEASE_S, balance, swept
from tests.service.support.functions import (
    FOLDER,
    IDS,
    IMAGE_ID,
    PATH,
    Network,
    asks_to_come_again,
    frame,
    tables,
)
from tests.service.support.operations import (
    CR2,
    add_file,
    add_image,
    ask,
    change,
    dead_letter,
    history,
    image,
    let_time_pass,
    rows,
)


def test_an_upload_whose_event_got_lost_is_taken_in(
    chain: Network, sweeper: FlaskClient, db: Engine
) -> None:
    generation = chain.upload(PATH, frame(**IDS))
    answer = ask(sweeper, "/sweep")
    assert answer == {
        "dry_run": False,
        "objects": 1,
        "whole_bucket": True,
        "sent": 1,
        "given_up": 0,
        "failed": 0,
        "letters_closed": 0,
        "products_deleted": 0,
        "images": {"sent": [IMAGE_ID], "given_up": []},
        "problems": [],
        "balance": balance(lost=1, lost_paths=[PATH]),
    }
    assert (image(db)["state"], image(db)["generation"]) == ("metadata_received", generation)
    [message] = chain.queued(settings().pipeline_topic)
    assert (message["image_id"], message["generation"]) == (IMAGE_ID, generation)
    assert history(db) == [
        ("metadata_received", "sent again: the file had no result"),
    ]
    let_time_pass(db, LEASE_S + 1)
    change(db, "UPDATE images SET state = 'sources_extracted'")
    for kind in ("picture", "preview", "thumbnail"):
        add_file(db, kind, generation)
    assert swept(sweeper) == (0, 0, 0)  # it is known now, and shown


def test_a_newer_upload_of_a_known_image_is_taken_in(
    chain: Network, sweeper: FlaskClient, db: Engine
) -> None:
    add_image(db, state="sources_extracted", generation=1)
    generation = chain.upload(PATH, frame(**IDS))
    assert swept(sweeper) == (1, 0, 0)
    assert (image(db)["state"], image(db)["generation"]) == ("metadata_received", generation)


def test_a_young_upload_is_left_to_its_event(
    chain: Network, sweeper: FlaskClient, set_env: Callable[..., None]
) -> None:
    set_env(SWEEP_GRACE_S=300)
    chain.upload(PATH, frame(**IDS))
    assert swept(sweeper) == (0, 0, 0)


def test_a_refused_file_is_not_sent_again(chain: Network, sweeper: FlaskClient, db: Engine) -> None:
    chain.upload(PATH, b"no FITS")
    assert swept(sweeper) == (0, 0, 1)
    assert (image(db)["state"], image(db)["reason_code"]) == ("error", "not_fits")
    let_time_pass(db, LEASE_S + 1)
    assert swept(sweeper) == (0, 0, 0)


def test_an_upload_whose_event_died_is_taken_in_all_the_same(
    chain: Network, sweeper: FlaskClient, db: Engine
) -> None:
    generation = chain.upload(PATH, frame(**IDS))
    data = f'{{"bucket": "{settings().raw_bucket}", "name": "{PATH}", "generation": {generation}}}'
    push = dead_letter(data.encode(), subscription="storage-events", topic="storage-events")
    ask(sweeper, "/dead-letter", **push)
    assert image(db)["state"] == "error"
    assert swept(sweeper) == (1, 0, 0)
    assert (image(db)["state"], image(db)["reason"]) == ("metadata_received", None)


def test_a_dry_run_sends_and_writes_nothing(
    chain: Network, sweeper: FlaskClient, db: Engine
) -> None:
    chain.upload(PATH, frame(**IDS))
    assert swept(sweeper, dry_run=True) == (1, 0, 0)
    assert tables(db)["images"] == tables(db)["image_events"] == []
    assert swept(sweeper) == (1, 0, 0)


def test_while_a_service_is_away_nothing_counts_as_sent(
    chain: Network, sweeper: FlaskClient, db: Engine, set_env: Callable[..., None]
) -> None:
    chain.upload(PATH, frame(**IDS))
    url = settings().image_received_url
    set_env(IMAGE_RECEIVED_URL=f"http://127.0.0.1:{free_port()}")
    for _ in range(6):
        assert asks_to_come_again(sweeper.post("/sweep", json={}))
    assert tables(db)["image_events"] == []
    set_env(IMAGE_RECEIVED_URL=url)
    assert swept(sweeper) == (1, 0, 0)


def test_while_the_broker_is_away_nothing_counts_as_sent(
    chain: Network,
    sweeper: FlaskClient,
    db: Engine,
    set_env: Callable[..., None],
) -> None:
    generation = chain.upload(CR2, b"CR2")
    add_image(db, state="sources_extracted", from_cr2=True)
    add_file(db, "cr2", generation)
    topic = settings().raw_topic
    set_env(RAW_TOPIC="gone")
    assert asks_to_come_again(sweeper.post("/sweep", json={}))
    assert tables(db)["image_events"] == []
    set_env(RAW_TOPIC=topic)
    assert swept(sweeper) == (1, 0, 0)


def test_storage_away_asks_to_come_again(
    chain: Network, sweeper: FlaskClient, storage_away: Callable[[], None]
) -> None:
    storage_away()
    assert asks_to_come_again(sweeper.post("/sweep", json={}))


def position(db: Engine) -> str | None:
    """Return where the next sweep begins."""
    found = {row["bucket"]: row["position"] for row in rows(db, "SELECT * FROM sweeps")}
    return found.get(settings().raw_bucket)


def test_a_sweep_goes_on_where_the_last_one_stopped(
    chain: Network, sweeper: FlaskClient, db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_bucket, "PAGE_SIZE", 2)
    paths = [f"{FOLDER}/20181011T1343{second}.fits" for second in range(10, 17)]
    for path in paths:
        chain.upload(path, frame())
    monkeypatch.setattr(report, "MAX_AT_ONCE", 3)
    answers = []
    for _ in range(3):
        answers.append(ask(sweeper, "/sweep"))
        change(db, "UPDATE images SET state = 'sources_extracted'")
    assert [(one["objects"], one["sent"]) for one in answers] == [(4, 3), (4, 3), (1, 1)]
    assert [one["whole_bucket"] for one in answers] == [False, False, True]
    assert position(db) is None
    assert len(tables(db)["images"]) == 7
    assert len(history(db)) == 7


def test_a_sweep_without_time_left_sends_nothing_and_notes_where_it_was(
    chain: Network, sweeper: FlaskClient, db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain.upload(PATH, frame(**IDS))
    monkeypatch.setattr(sweep, "BUDGET_S", 0)
    assert swept(sweeper) == (0, 0, 0)
    assert position(db) == PATH
    assert tables(db)["image_events"] == []
    monkeypatch.setattr(sweep, "BUDGET_S", 40)
    assert swept(sweeper) == (1, 0, 0)


def test_two_sweeps_at_once_send_nothing_twice(
    chain: Network, sweeper: FlaskClient, db: Engine
) -> None:
    for second in range(10, 20):
        chain.upload(f"{FOLDER}/20181011T1343{second}.cr2", b"CR2")
    app = sweeper.application
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: swept(app.test_client()), range(4)))
    assert sum(sent for sent, _, _ in answers) == 10
    assert len(chain.queued(settings().raw_topic)) == 10
