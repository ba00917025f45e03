"""A sweep says what each object of the raw bucket is: the balance is exact."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.database import gone as gone_objects
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.gone import note_gone_objects
from panoptes_network.database.images import record_refusal
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.operations import sweep
from tests.service.operations.sweeps import LEASE_S, balance, swept
from tests.service.support.functions import (
    FOLDER,
    IDS,
    PATH,
    FaultyService,
    Network,
    frame,
    tables,
)
from tests.service.support.operations import (
    add_file,
    add_image,
    ask,
    change,
    image,
    let_time_pass,
    rows,
)


def test_a_deleted_object_is_noted_until_it_is_there_again(
    chain: Network, sweeper: FlaskClient, db: Engine
) -> None:
    other = PATH.replace("134333.fits", "999.cr2")
    for path in (PATH, "ZZZ/last.txt"):
        chain.upload(path, frame(**IDS))
    ask(sweeper, "/sweep")
    add_file(db, "cr2", 1)
    moved = "UPDATE image_files SET bucket = :bucket, path = :path"
    change(db, moved, bucket=chain.bucket.name, path=other)
    chain.bucket.blob(PATH).delete()
    ask(sweeper, "/sweep", dry_run=True)
    assert rows(db, "SELECT path FROM gone_objects") == []
    for _ in range(2):
        ask(sweeper, "/sweep")
        assert gone(db) == [PATH, other]
    chain.upload(PATH, frame(**IDS))
    ask(sweeper, "/sweep")
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


def test_companions_are_left_alone(chain: Network, sweeper: FlaskClient, db: Engine) -> None:
    for path in (f"{FOLDER}/20181011T134333.jpg", f"{FOLDER}.mp4"):
        chain.upload(path, b"x")
    assert ask(sweeper, "/sweep")["balance"] == balance(companions=2)
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
    chain: Network, sweeper: FlaskClient, db: Engine
) -> None:
    for path in STRANGERS:
        chain.upload(path, frame())
    first = ask(sweeper, "/sweep")
    assert first["balance"] == balance(lost=9, lost_paths=sorted(STRANGERS))
    events = [row for row in tables(db)["image_events"] if row["reason_code"]]
    assert {row["bucket_path"]: row["reason_code"] for row in events} == STRANGERS
    let_time_pass(db, LEASE_S + 1)
    before = tables(db)
    second = ask(sweeper, "/sweep")
    reasons = second["balance"].pop("refused_by_reason")
    assert reasons == dict(Counter(STRANGERS.values()).most_common())
    assert second["balance"] | {"refused_by_reason": {}} == balance(refused=9)
    assert (second["sent"], second["failed"]) == (0, 0)
    assert tables(db) == before
    [gauge] = [
        line
        for line in sweeper.get("/metrics").text.splitlines()
        if line.startswith('panoptes_bucket_objects{group="refused"}')
    ]
    assert gauge.endswith(" 9.0")


def test_an_image_that_only_its_header_names_is_known(
    chain: Network, sweeper: FlaskClient, db: Engine
) -> None:
    for _ in range(2):  # the second is a newer upload, whose event got lost, too
        generation = chain.upload("somewhere/night.fits", frame(**IDS))
        assert ask(sweeper, "/sweep")["balance"]["lost"] == 1
        assert image(db)["generation"] == generation
        assert ask(sweeper, "/sweep")["balance"] == balance(images=1)


def test_two_spellings_of_one_image_are_two_uploads_of_it(
    chain: Network, sweeper: FlaskClient, db: Engine
) -> None:
    chain.upload(PATH, frame(**IDS))
    other = PATH.replace("14d3bd", "14D3BD")
    newer = chain.upload(other, frame(**IDS))
    ask(sweeper, "/sweep")
    assert (image(db)["generation"], image(db)["bucket_path"]) == (newer, other)
    assert ask(sweeper, "/sweep")["balance"] == balance(images=2)


def test_rows_whose_objects_are_gone_are_told_and_refusals_closed(
    chain: Network, sweeper: FlaskClient, db: Engine
) -> None:
    for path in ("a.txt", "b.txt", PATH):
        chain.upload(path, frame(**IDS))
    ask(sweeper, "/sweep")
    for path in ("a.txt", PATH):
        chain.bucket.blob(path).delete()
    # A dry run only says it.
    for dry_run in (True, False):
        done = ask(sweeper, "/sweep", dry_run=dry_run)["balance"]
        assert (done["refused"], done["rows_without_object"]) == (1, 2)
        assert done["paths_without_object"] == [PATH, "a.txt"]
    done = ask(sweeper, "/sweep")["balance"]
    assert done["paths_without_object"] == [PATH]


def test_refusals_of_what_no_object_can_be_called_are_not_looked_up(
    sweeper: FlaskClient, db: Engine
) -> None:
    for path in ("x" * 1025, "a\nb", "."):
        refuse(db, path)
    assert ask(sweeper, "/sweep")["balance"] == balance()


def test_refusals_are_looked_up_until_the_budget_is_spent(
    chain: Network, sweeper: FlaskClient, db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        refuse(db, f"{number}.txt")
    monkeypatch.setattr(sweep, "BUDGET_S", 0)
    assert ask(sweeper, "/sweep")["balance"] == balance()
    monkeypatch.setattr(sweep, "BUDGET_S", 40)
    assert ask(sweeper, "/sweep")["balance"]["rows_without_object"] == 3
    assert ask(sweeper, "/sweep")["balance"] == balance()


def refuse(db: Engine, path: str) -> None:
    run_transaction(
        lambda session: record_refusal(
            session, PermanentError(Reason.BAD_PATH, "bad"), "cf-image-received", path
        )
    )
    let_time_pass(db, 1)


def test_a_young_stranger_waits_for_its_event(
    chain: Network, sweeper: FlaskClient, set_env: Callable[..., None]
) -> None:
    set_env(SWEEP_GRACE_S=300)
    chain.upload("notes.txt", b"x")
    assert ask(sweeper, "/sweep")["balance"] == balance(waiting=1)


def test_a_stranger_that_nobody_takes_is_given_up_with_a_row(
    chain: Network, sweeper: FlaskClient, db: Engine, faulty: FaultyService
) -> None:
    chain.upload("notes.txt", b"x")
    add_image(db, state="sources_extracted")  # others come in
    faulty.status = 503
    for _ in range(6):
        swept(sweeper)
        let_time_pass(db, LEASE_S + 1)
        change(db, "UPDATE images SET updated_at = now()")
    done = ask(sweeper, "/sweep")["balance"]
    assert done["refused_by_reason"] == {"tries_exhausted": 1}
