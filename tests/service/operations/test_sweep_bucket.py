"""cf-operations compares the raw bucket with the database and sends again what got lost."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.config import settings
from panoptes_network.database import gone as gone_objects
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.gone import note_gone_objects
from panoptes_network.database.images import record_refusal
from panoptes_network.database.refusals import standing
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.operations import report, sweep, sweep_bucket
from tests.conftest import free_port
from tests.service.support.functions import (
    FOLDER,
    IDS,
    IMAGE_ID,
    PATH,
    FaultyService,
    Network,
    asks_to_come_again,
    frame,
    tables,
)
from tests.service.support.operations import (
    CR2,
    PRODUCTS,
    add_file,
    add_image,
    ask,
    change,
    dead_letter,
    history,
    image,
    let_time_pass,
    queued,
    rows,
)

LEASE_S = 1000.0


@pytest.fixture
def operations(
    chain: Network,
    function: Callable[[str], FlaskClient],
    db: Engine,
    set_env: Callable[..., None],
) -> FlaskClient:
    """The service, beside a network of cf-image-received and cf-header-to-db; no grace."""
    set_env(SWEEP_GRACE_S=0.0001, SWEEP_LEASE_S=LEASE_S)
    return function("cf-operations")


def swept(client: FlaskClient, **body: Any) -> tuple[int, int, int]:
    """Sweep and return how many were sent, given up, and not taken."""
    answer = ask(client, "/sweep", **body)
    return answer["sent"], answer["given_up"], answer["failed"]


def balance(**counts: Any) -> dict[str, Any]:
    """Return a balance with these counts and nothing else."""
    groups = dict.fromkeys(("images", "companions", "refused", "waiting", "lost"), 0)
    lists: dict[str, Any] = {"refused_by_reason": {}, "lost_paths": [], "paths_without_object": []}
    return {**groups, **lists, "rows_without_object": 0, **counts}


def test_an_upload_whose_event_got_lost_is_taken_in(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    generation = chain.upload(PATH, frame(**IDS))
    answer = ask(operations, "/sweep")
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
        ("metadata_received", "sent again: nothing had come of the file"),
    ]
    let_time_pass(db, LEASE_S + 1)
    change(db, "UPDATE images SET state = 'sources_extracted'")
    for kind in ("picture", "preview", "thumbnail"):
        add_file(db, kind, generation)
    assert swept(operations) == (0, 0, 0)  # it is known now, and shown


def test_a_deleted_object_is_noted_until_it_is_there_again(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    other = PATH.replace("134333.fits", "999.cr2")
    for path in (PATH, "ZZZ/last.txt"):
        chain.upload(path, frame(**IDS))
    ask(operations, "/sweep")
    add_file(db, "cr2", 1)
    moved = "UPDATE image_files SET bucket = :bucket, path = :path"
    change(db, moved, bucket=chain.bucket.name, path=other)
    chain.bucket.blob(PATH).delete()
    ask(operations, "/sweep", dry_run=True)
    assert rows(db, "SELECT path FROM gone_objects") == []
    for _ in range(2):
        ask(operations, "/sweep")
        assert gone(db) == [PATH, other]
    chain.upload(PATH, frame(**IDS))
    ask(operations, "/sweep")
    assert gone(db) == [other]


def test_a_whole_unit_may_be_gone_at_once(db: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [f"PAN001/{number:05}.cr2" for number in range(33_000)]  # two parameters each
    monkeypatch.setattr(gone_objects, "find_gone_objects", lambda *_: paths)
    assert note_gone({""}) == gone(db) == paths


def test_a_whole_unit_may_be_there_again_at_once(db: Engine) -> None:
    most = 66_000  # one statement takes 65,535 parameters
    noted = "INSERT INTO gone_objects SELECT 'b', 'PAN001/' || n FROM generate_series(1, :n) AS n"
    change(db, noted, n=most)
    assert note_gone(set(gone(db))) == gone(db) == []


def note_gone(names: set[str]) -> list[str]:
    part, no_grace = ("", None), timedelta(0)
    return run_transaction(lambda session: note_gone_objects(session, "b", names, part, no_grace))


def gone(db: Engine) -> list[str]:
    return [row["path"] for row in rows(db, "SELECT path FROM gone_objects ORDER BY path")]


def test_a_newer_upload_of_a_known_image_is_taken_in(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    add_image(db, state="sources_extracted", generation=1)
    generation = chain.upload(PATH, frame(**IDS))
    assert swept(operations) == (1, 0, 0)
    assert (image(db)["state"], image(db)["generation"]) == ("metadata_received", generation)


def test_a_young_upload_is_left_to_its_event(
    chain: Network, operations: FlaskClient, set_env: Callable[..., None]
) -> None:
    set_env(SWEEP_GRACE_S=300)
    chain.upload(PATH, frame(**IDS))
    assert swept(operations) == (0, 0, 0)


def test_companions_are_left_alone(chain: Network, operations: FlaskClient, db: Engine) -> None:
    for path in (f"{FOLDER}/20181011T134333.jpg", f"{FOLDER}.mp4"):
        chain.upload(path, b"x")
    assert ask(operations, "/sweep")["balance"] == balance(companions=2)
    assert tables(db)["image_events"] == []


STRANGERS = {
    f"{FOLDER}/pointing00.fits": "pointing_image",
    f"{FOLDER}/pointing00.cr2": "pointing_image",
    f"{FOLDER}/20181011T134333.cr3": "unknown_file_type",
    f"{FOLDER}/notes.txt": "unknown_file_type",
    "my holiday.cr2": "bad_path",
    "PAN001/M42/nocamera/20181011T134202/20181011T134333.fits": "no_identity",
    "PAN001/darks/dark_001.fits": "dark_frame",
    "backup/PAN001/M42/14d3bd/20181011T134202/20181011T134333.cr2": "bad_path",
    "PAN001/M42/14d3bd/00010101T000000/00010101T000000.cr2": "bad_time",
}


def test_strangers_get_their_rows_and_the_balance_is_exact(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    for path in STRANGERS:
        chain.upload(path, frame())
    first = ask(operations, "/sweep")
    assert first["balance"] == balance(lost=9, lost_paths=sorted(STRANGERS))
    events = [row for row in tables(db)["image_events"] if row["reason_code"]]
    assert {row["bucket_path"]: row["reason_code"] for row in events} == STRANGERS
    let_time_pass(db, LEASE_S + 1)
    before = tables(db)
    second = ask(operations, "/sweep")
    reasons = second["balance"].pop("refused_by_reason")
    assert reasons == dict(Counter(STRANGERS.values()).most_common())
    assert second["balance"] | {"refused_by_reason": {}} == balance(refused=9)
    assert (second["sent"], second["failed"]) == (0, 0)
    assert tables(db) == before
    [gauge] = [
        line
        for line in operations.get("/metrics").text.splitlines()
        if line.startswith('panoptes_bucket_objects{group="refused"}')
    ]
    assert gauge.endswith(" 9.0")


def test_an_image_that_only_its_header_names_is_known(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    for _ in range(2):  # the second is a newer upload, whose event got lost, too
        generation = chain.upload("somewhere/night.fits", frame(**IDS))
        assert ask(operations, "/sweep")["balance"]["lost"] == 1
        assert image(db)["generation"] == generation
        assert ask(operations, "/sweep")["balance"] == balance(images=1)


def test_two_spellings_of_one_image_are_two_uploads_of_it(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    chain.upload(PATH, frame(**IDS))
    other = PATH.replace("14d3bd", "14D3BD")
    newer = chain.upload(other, frame(**IDS))
    ask(operations, "/sweep")
    assert (image(db)["generation"], image(db)["bucket_path"]) == (newer, other)
    assert ask(operations, "/sweep")["balance"] == balance(images=2)


def test_rows_whose_objects_are_gone_are_told_and_refusals_closed(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    for path in ("a.txt", "b.txt", PATH):
        chain.upload(path, frame(**IDS))
    ask(operations, "/sweep")
    for path in ("a.txt", PATH):
        chain.bucket.blob(path).delete()
    # A dry run only says it.
    for dry_run in (True, False):
        done = ask(operations, "/sweep", dry_run=dry_run)["balance"]
        assert (done["refused"], done["rows_without_object"]) == (1, 2)
        assert done["paths_without_object"] == [PATH, "a.txt"]
    done = ask(operations, "/sweep")["balance"]
    assert done["paths_without_object"] == [PATH]


def test_refusals_of_what_no_object_can_be_called_are_not_looked_up(
    operations: FlaskClient, db: Engine
) -> None:
    for path in ("x" * 1025, "a\nb", "."):
        refuse(db, path)
    assert ask(operations, "/sweep")["balance"] == balance()


def test_refusals_are_looked_up_until_the_budget_is_spent(
    chain: Network, operations: FlaskClient, db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        refuse(db, f"{number}.txt")
    monkeypatch.setattr(sweep, "BUDGET_S", 0)
    assert ask(operations, "/sweep")["balance"] == balance()
    monkeypatch.setattr(sweep, "BUDGET_S", 40)
    assert ask(operations, "/sweep")["balance"]["rows_without_object"] == 3
    assert ask(operations, "/sweep")["balance"] == balance()


def refuse(db: Engine, path: str) -> None:
    run_transaction(
        lambda session: record_refusal(
            session, PermanentError(Reason.BAD_PATH, "bad"), "cf-image-received", path
        )
    )
    let_time_pass(db, 1)


def test_a_young_stranger_waits_for_its_event(
    chain: Network, operations: FlaskClient, set_env: Callable[..., None]
) -> None:
    set_env(SWEEP_GRACE_S=300)
    chain.upload("notes.txt", b"x")
    assert ask(operations, "/sweep")["balance"] == balance(waiting=1)


def test_a_stranger_that_nobody_takes_is_given_up_with_a_row(
    chain: Network, operations: FlaskClient, db: Engine, faulty: FaultyService
) -> None:
    chain.upload("notes.txt", b"x")
    add_image(db, state="sources_extracted")  # others come in
    faulty.status = 503
    for _ in range(6):
        swept(operations)
        let_time_pass(db, LEASE_S + 1)
        change(db, "UPDATE images SET updated_at = now()")
    done = ask(operations, "/sweep")["balance"]
    assert done["refused_by_reason"] == {"tries_exhausted": 1}


def test_a_refused_file_is_not_sent_again(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    chain.upload(PATH, b"no FITS")
    assert swept(operations) == (0, 0, 1)
    assert (image(db)["state"], image(db)["reason_code"]) == ("error", "not_fits")
    let_time_pass(db, LEASE_S + 1)
    assert swept(operations) == (0, 0, 0)


def test_a_lost_cr2_goes_to_the_converters(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    generation = chain.upload(CR2, b"CR2")
    assert swept(operations) == (1, 0, 0)
    raw, pipeline = queued(chain)
    bucket = settings().raw_bucket
    assert raw == [{"bucket_path": CR2, "bucket": bucket, "generation": generation}]
    assert pipeline == []
    assert swept(operations) == (0, 0, 0)  # not before the lease
    let_time_pass(db, LEASE_S + 1)
    assert swept(operations) == (1, 0, 0)


def test_a_cr2_that_could_not_be_converted_is_not_sent_again(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    generation = chain.upload(CR2, b"CR2")
    change(
        db,
        "INSERT INTO image_events (bucket_path, service, message_id, state, reason_code, reason)"
        " VALUES (:path, 'cf-make-fits', :generation, 'error', 'not_cr2', 'no CR2')",
        path=CR2,
        generation=f"generation {generation}",
    )
    assert swept(operations) == (0, 0, 0)
    chain.upload(CR2, b"CR2, a better one")
    assert swept(operations) == (1, 0, 0)


@pytest.mark.parametrize("missing", PRODUCTS)
def test_a_cr2_whose_products_are_not_all_there_goes_to_the_converters(
    chain: Network, operations: FlaskClient, db: Engine, missing: str
) -> None:
    generation = chain.upload(CR2, b"CR2")
    add_image(db, state="sources_extracted", from_cr2=True)
    for kind in ("cr2", *PRODUCTS):
        if kind != missing:
            add_file(db, kind, generation)
    assert swept(operations) == (1, 0, 0)
    [message] = chain.queued(settings().raw_topic)
    assert (message["bucket_path"], message["generation"]) == (CR2, generation)
    assert history(db) == [("sources_extracted", "sent again: not all had come of the file")]
    add_file(db, missing, generation)
    let_time_pass(db, LEASE_S + 1)
    assert swept(operations) == (0, 0, 0)


def test_a_fits_file_without_pictures_is_queued_for_them(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    generation = chain.upload(PATH, frame(**IDS))
    add_image(db, state="sources_extracted", generation=generation)
    add_file(db, "picture", generation)
    assert swept(operations) == (1, 0, 0)
    [message] = chain.queued(settings().pipeline_topic)
    assert (message["image_id"], message["generation"]) == (IMAGE_ID, generation)
    assert message.get("reprocess", False) is False  # plate solvers have nothing to do
    assert image(db)["state"] == "sources_extracted"
    for kind in ("preview", "thumbnail"):
        add_file(db, kind, generation)
    let_time_pass(db, LEASE_S + 1)
    assert swept(operations) == (0, 0, 0)


def test_a_refused_fits_file_is_not_queued_for_pictures(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    generation = chain.upload(PATH, frame(**IDS))
    add_image(db, state="error", generation=generation, reason_code="truncated")
    assert swept(operations) == (0, 0, 0)


def test_products_of_an_older_cr2_do_not_count(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    chain.upload(CR2, b"CR2")
    add_image(db, state="sources_extracted", from_cr2=True)
    for kind in ("cr2", *PRODUCTS):
        add_file(db, kind, 1)
    assert swept(operations) == (1, 0, 0)


def test_a_cr2_without_a_fits_file_goes_to_the_converters(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    generation = chain.upload(CR2, b"CR2")
    for kind in ("cr2", *PRODUCTS):
        add_file(db, kind, generation)
    assert swept(operations) == (1, 0, 0)


@pytest.mark.parametrize(("from_cr2", "sent"), [(False, 0), (True, 1)])
def test_a_fits_file_that_the_network_made_counts_less_than_a_units_own(
    chain: Network, operations: FlaskClient, db: Engine, from_cr2: bool, sent: int
) -> None:
    made = chain.bucket.blob(PATH)
    made.metadata = {"image-id": IMAGE_ID, "raw-path": CR2, "raw-generation": "5"}
    made.upload_from_string(frame(**IDS))
    add_image(db, state="sources_extracted", generation=7, from_cr2=from_cr2)
    assert swept(operations) == (sent, 0, 0)


def test_a_units_own_file_is_taken_in_though_a_made_one_is_newer(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    generation = chain.upload(PATH, frame(**IDS))
    add_image(db, state="sources_extracted", generation=generation + 5, from_cr2=True)
    assert swept(operations) == (1, 0, 0)
    assert (image(db)["generation"], image(db)["from_cr2"]) == (generation, False)


def test_an_upload_whose_event_died_is_taken_in_all_the_same(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    generation = chain.upload(PATH, frame(**IDS))
    data = f'{{"bucket": "{settings().raw_bucket}", "name": "{PATH}", "generation": {generation}}}'
    push = dead_letter(data.encode(), subscription="storage-events", topic="storage-events")
    ask(operations, "/dead-letter", **push)
    assert image(db)["state"] == "error"
    assert swept(operations) == (1, 0, 0)
    assert (image(db)["state"], image(db)["reason"]) == ("metadata_received", None)


def test_a_dry_run_sends_and_writes_nothing(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    chain.upload(PATH, frame(**IDS))
    assert swept(operations, dry_run=True) == (1, 0, 0)
    assert tables(db)["images"] == tables(db)["image_events"] == []
    assert swept(operations) == (1, 0, 0)


def test_a_poison_file_is_given_up_after_five_times(
    chain: Network, operations: FlaskClient, db: Engine, faulty: FaultyService
) -> None:
    generation = chain.upload(PATH, frame(**IDS))
    add_image(db, IMAGE_ID.replace("134333", "140000"), state="sources_extracted")  # they come in
    faulty.status = 503
    for _ in range(5):
        assert swept(operations) == (0, 0, 1)
        assert swept(operations) == (0, 0, 0)  # not before the lease
        let_time_pass(db, LEASE_S + 1)
        change(db, "UPDATE images SET updated_at = now()")
    assert swept(operations) == (0, 1, 0)
    row = image(db)
    assert (row["state"], row["reason_code"]) == ("error", "tries_exhausted")
    assert row["reason"] == (
        "sent again 5 times, and nothing came of it; nothing more is known of it"
    )
    let_time_pass(db, LEASE_S + 1)
    assert swept(operations) == (0, 0, 0)
    assert len(faulty.received) == 5
    assert faulty.received[0] == {
        "bucket_path": PATH,
        "bucket": settings().raw_bucket,
        "generation": generation,
    }


@pytest.mark.parametrize("status", [403, 503])
def test_no_file_is_given_up_while_none_is_taken(
    chain: Network, operations: FlaskClient, db: Engine, faulty: FaultyService, status: int
) -> None:
    chain.upload(PATH, frame(**IDS))
    # Nor is that taken in which only its dead letter is known of.
    add_image(db, IMAGE_ID.replace("134333", "140000"), state="error", generation=-1)
    faulty.status = status
    for _ in range(7):
        assert swept(operations) == (0, 0, 1)
        let_time_pass(db, LEASE_S + 1)
    assert tables(db)["image_events"] == []


def test_a_poison_file_does_not_keep_the_others(
    chain: Network, operations: FlaskClient, db: Engine, faulty: FaultyService
) -> None:
    for second in range(3):
        chain.upload(f"{FOLDER}/20181011T13433{second}.fits", frame())
    faulty.status = 503
    assert swept(operations) == (0, 0, 3)


def test_a_cr2_is_given_up_only_when_later_ones_have_come_through(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    generation = chain.upload(CR2, b"CR2")
    for _ in range(5):
        assert swept(operations) == (1, 0, 0)
        let_time_pass(db, LEASE_S + 1)
    assert swept(operations) == (0, 0, 0)  # all may wait behind a long queue
    add_file(db, "cr2", generation + 1, image_id=IMAGE_ID.replace("134333", "140000"))
    assert swept(operations) == (0, 1, 0)
    assert image(db)["reason_code"] == "tries_exhausted"
    let_time_pass(db, LEASE_S + 1)
    assert swept(operations) == (0, 0, 0)


def test_missing_products_do_not_end_an_image_that_has_its_sources(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    generation = chain.upload(CR2, b"CR2")
    add_image(db, state="sources_extracted", from_cr2=True)
    add_file(db, "cr2", generation)
    for _ in range(5):
        assert swept(operations) == (1, 0, 0)
        let_time_pass(db, LEASE_S + 1)
    add_file(db, "cr2", generation + 1, image_id=IMAGE_ID.replace("134333", "140000"))
    assert swept(operations) == (0, 1, 0)
    assert image(db)["state"] == "sources_extracted"
    assert swept(operations) == (0, 0, 0)


def test_missing_pictures_of_an_image_that_its_header_names_are_no_refusal(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    chain.upload("inbox/a.fits", frame(**IDS))
    assert swept(operations) == (1, 0, 0)
    change(db, "UPDATE images SET state = 'sources_extracted'")
    for _ in range(4):
        let_time_pass(db, LEASE_S + 1)
        assert swept(operations) == (1, 0, 0)
    let_time_pass(db, LEASE_S + 1)
    assert swept(operations) == (0, 1, 0)
    given_up = "SELECT image_id FROM image_events WHERE reason_code = 'tries_exhausted'"
    assert rows(db, given_up) == [{"image_id": IMAGE_ID}]
    assert run_transaction(lambda session: session.scalars(standing()).all()) == []
    assert image(db)["state"] == "sources_extracted"
    assert swept(operations) == (0, 0, 0)


def test_while_a_service_is_away_nothing_counts_as_sent(
    chain: Network, operations: FlaskClient, db: Engine, set_env: Callable[..., None]
) -> None:
    chain.upload(PATH, frame(**IDS))
    url = settings().image_received_url
    set_env(IMAGE_RECEIVED_URL=f"http://127.0.0.1:{free_port()}")
    for _ in range(6):
        assert asks_to_come_again(operations.post("/sweep", json={}))
    assert tables(db)["image_events"] == []
    set_env(IMAGE_RECEIVED_URL=url)
    assert swept(operations) == (1, 0, 0)


def test_while_the_broker_is_away_nothing_counts_as_sent(
    chain: Network,
    operations: FlaskClient,
    db: Engine,
    set_env: Callable[..., None],
) -> None:
    generation = chain.upload(CR2, b"CR2")
    add_image(db, state="sources_extracted", from_cr2=True)
    add_file(db, "cr2", generation)
    topic = settings().raw_topic
    set_env(RAW_TOPIC="gone")
    assert asks_to_come_again(operations.post("/sweep", json={}))
    assert tables(db)["image_events"] == []
    set_env(RAW_TOPIC=topic)
    assert swept(operations) == (1, 0, 0)


def test_storage_away_asks_to_come_again(
    chain: Network, operations: FlaskClient, storage_away: Callable[[], None]
) -> None:
    storage_away()
    assert asks_to_come_again(operations.post("/sweep", json={}))


def position(db: Engine) -> str | None:
    """Return where the next sweep begins."""
    found = {row["bucket"]: row["position"] for row in rows(db, "SELECT * FROM sweeps")}
    return found.get(settings().raw_bucket)


def test_a_sweep_goes_on_where_the_last_one_stopped(
    chain: Network, operations: FlaskClient, db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_bucket, "PAGE_SIZE", 2)
    paths = [f"{FOLDER}/20181011T1343{second}.fits" for second in range(10, 17)]
    for path in paths:
        chain.upload(path, frame())
    monkeypatch.setattr(report, "MAX_AT_ONCE", 3)
    answers = []
    for _ in range(3):
        answers.append(ask(operations, "/sweep"))
        change(db, "UPDATE images SET state = 'sources_extracted'")
    assert [(one["objects"], one["sent"]) for one in answers] == [(4, 3), (4, 3), (1, 1)]
    assert [one["whole_bucket"] for one in answers] == [False, False, True]
    assert position(db) is None
    assert len(tables(db)["images"]) == 7
    assert len(history(db)) == 7


def test_a_sweep_without_time_left_sends_nothing_and_notes_where_it_was(
    chain: Network, operations: FlaskClient, db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain.upload(PATH, frame(**IDS))
    monkeypatch.setattr(sweep, "BUDGET_S", 0)
    assert swept(operations) == (0, 0, 0)
    assert position(db) == PATH
    assert tables(db)["image_events"] == []
    monkeypatch.setattr(sweep, "BUDGET_S", 40)
    assert swept(operations) == (1, 0, 0)


def test_two_sweeps_at_once_send_nothing_twice(
    chain: Network, operations: FlaskClient, db: Engine
) -> None:
    for second in range(10, 20):
        chain.upload(f"{FOLDER}/20181011T1343{second}.cr2", b"CR2")
    app = operations.application
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: swept(app.test_client()), range(4)))
    assert sum(sent for sent, _, _ in answers) == 10
    assert len(chain.queued(settings().raw_topic)) == 10
