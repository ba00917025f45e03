"""The figures that triggers keep of sequences and files, however writers meet."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, Engine, delete, select, text, update
from sqlalchemy.orm import Session

from local.postgres import OWNER, Cluster
from local.postgres_roles import superuser
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.migrate import alembic_config, migrate
from panoptes_network.database.models import FileFigures, Image, ImageFile, SequenceFigures
from tests.service.support.web_services import START, add_observation, rows

CORNERS = [80.0, -10.0, 90.0, -10.0, 90.0, 0.0, 80.0, 0.0]
SOLVED: dict[str, Any] = {
    "state": "sources_extracted",
    "ra_deg": 83.8,
    "dec_deg": -5.4,
    "footprint_deg": CORNERS,
    "n_sources": 5000,
    "n_matched": 4000,
    "n_stamps": 3000,
    "exptime_s": 120.0,
}


def figures(db: Engine) -> dict[str, dict[str, Any]]:
    with db.connect() as connection:
        found = connection.execute(select(SequenceFigures.__table__)).mappings().all()
    return {row["sequence_id"]: dict(row) for row in found}


def file_figures(db: Engine) -> dict[tuple[str, str], tuple[int, int]]:
    with db.connect() as connection:
        found = connection.execute(select(FileFigures.__table__)).all()
    return {(row.unit_id, row.kind): (row.n_files, row.n_bytes) for row in found}


def recounted(db: Engine) -> tuple[Any, Any]:
    with db.begin() as connection:
        connection.execute(text("SELECT recount_figures()"))
    return figures(db), file_figures(db)


def images(db: Engine) -> list[str]:
    with db.connect() as connection:
        return list(connection.scalars(select(Image.image_id).order_by(Image.image_id)))


def assert_recount_agrees(db: Engine) -> None:
    kept, kept_files = figures(db), file_figures(db)
    counted, counted_files = recounted(db)
    assert {key: n for key, n in kept_files.items() if n != (0, 0)} == counted_files
    assert kept.keys() == counted.keys()
    for sequence_id, row in counted.items():
        for axis in ("sum_x", "sum_y", "sum_z", "ra_deg", "dec_deg"):
            # Sums of at most a hundred numbers up to 1, added in another order.
            assert kept[sequence_id].pop(axis) == pytest.approx(row.pop(axis), abs=1e-10)
        assert kept[sequence_id] == row


def test_an_observation_without_images_has_empty_figures(db: Engine) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session)
    found = figures(db)[sequence_id]
    assert found.pop("sequence_id") == sequence_id
    unknown = ("first_image", "last_image", "updated_at", "footprint_deg", "ra_deg", "dec_deg")
    assert {found.pop(name) for name in unknown} == {None}
    assert set(found.values()) == {0}


def test_figures_follow_every_change(db: Engine) -> None:
    with rows(db) as session:
        one = add_observation(session, images=[SOLVED, {**SOLVED, "files": {"picture": 70}}, {}])
        other = add_observation(session, camera_id="ee04d1")
    first, second, third = images(db)
    found = figures(db)[one]
    assert (found["n_images"], found["n_sources_extracted"], found["n_metadata_received"]) == (
        3,
        2,
        1,
    )
    assert (found["n_sources"], found["n_matched"], found["n_stamps"]) == (10000, 8000, 6000)
    assert (found["exposure_s"], found["n_centres"], found["footprint_deg"]) == (240, 2, CORNERS)
    assert found["last_image"] - found["first_image"] == timedelta(seconds=260)
    assert file_figures(db) == {("PAN001", "picture"): (1, 70)}

    with db.begin() as connection:
        connection.execute(
            update(Image).where(Image.image_id == third).values(state="error", exptime_s=30.0)
        )
        connection.execute(
            update(Image).where(Image.image_id == second).values(sequence_id=other, n_sources=7)
        )
        connection.execute(delete(Image).where(Image.image_id == first))
        connection.execute(update(ImageFile).values(n_bytes=50, kind="thumbnail"))
    found = figures(db)
    assert (found[one]["n_images"], found[one]["n_error"], found[one]["exposure_s"]) == (1, 1, 30)
    assert (found[one]["footprint_deg"], found[other]["footprint_deg"]) == (None, CORNERS)
    assert (found[other]["n_images"], found[other]["n_sources"]) == (1, 7)
    assert file_figures(db)["PAN001", "thumbnail"] == (1, 50)
    assert_recount_agrees(db)


def test_the_newest_footprint_stands(db: Engine) -> None:
    newest = [corner + 1 for corner in CORNERS]
    with rows(db) as session:
        sequence_id = add_observation(session, images=[SOLVED, {**SOLVED, "footprint_deg": newest}])
    assert figures(db)[sequence_id]["footprint_deg"] == newest
    with db.begin() as connection:
        last = Image.image_id == images(db)[-1]
        connection.execute(update(Image).where(last).values(footprint_deg=None, state="unsolved"))
    assert figures(db)[sequence_id]["footprint_deg"] == CORNERS


@pytest.mark.parametrize("hostile", [float("nan"), float("inf"), 1e300, -91.0])
def test_what_no_header_can_mean_adds_nothing(db: Engine, hostile: float) -> None:
    broken = {**SOLVED, "ra_deg": hostile, "dec_deg": hostile, "exptime_s": hostile}
    with rows(db) as session:
        sequence_id = add_observation(session, images=[broken])
    found = figures(db)[sequence_id]
    assert (found["n_images"], found["n_centres"], found["exposure_s"]) == (1, 0, 0)
    assert (found["sum_x"], found["sum_y"], found["sum_z"]) == (0, 0, 0)


def set_state(session: Session | Connection, image_id: str, state: str) -> None:
    session.execute(update(Image).where(Image.image_id == image_id).values(state=state))


@contextmanager
def holding_figures(db: Engine, image_id: str, state: str) -> Iterator[None]:
    """Change an image in a transaction that has the figures locked while the block runs."""
    with db.begin() as connection:
        set_state(connection, image_id, state)
        connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        yield


def wait_for_a_blocked_writer(db: Engine) -> None:
    deadline = time.monotonic() + 30
    blocked = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    while True:
        with db.connect() as connection:
            if connection.scalar(blocked):
                return
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_two_writers_of_one_sequence_lose_nothing(db: Engine) -> None:
    early = {**SOLVED, "state": "solving", "footprint_deg": None}
    with rows(db) as session:
        sequence_id = add_observation(session, images=[early, early])
    first, second = images(db)

    def solve_second(session: Session) -> None:
        session.execute(
            update(Image)
            .where(Image.image_id == second)
            .values(state="solved", footprint_deg=CORNERS)
        )

    with ThreadPoolExecutor(1) as pool:
        with holding_figures(db, first, "error"):
            writer = pool.submit(run_transaction, solve_second)
            wait_for_a_blocked_writer(db)
        writer.result(30)
    found = figures(db)[sequence_id]
    assert (found["n_solving"], found["n_error"], found["n_solved"]) == (0, 1, 1)
    assert found["footprint_deg"] == CORNERS
    assert_recount_agrees(db)


def test_writers_that_meet_the_other_way_round_try_again(db: Engine) -> None:
    with rows(db) as session:
        for camera_id in ("14d3bd", "ee04d1"):
            add_observation(session, camera_id=camera_id, images=[{}])
    ids = images(db)
    barrier, tries = Barrier(2, timeout=30), []

    def write(order: list[str], state: str) -> None:
        def work(session: Session) -> None:
            tries.append(state)
            session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
            set_state(session, order[0], state)
            if tries.count(state) == 1:
                barrier.wait()
            set_state(session, order[1], state)

        run_transaction(work)

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(write, ids, "error"), pool.submit(write, ids[::-1], "skipped")]
        for writer in writers:
            writer.result(60)
    assert len(tries) == 3  # a deadlock, after which one of them began anew
    assert_recount_agrees(db)


def test_many_writers_at_once(db: Engine) -> None:
    with rows(db) as session:
        for camera_id in ("14d3bd", "ee04d1"):
            add_observation(session, camera_id=camera_id, images=[{} for _ in range(10)])

    def work(image_id: str) -> None:
        for state in ("solving", "solved", "sources_detected", "sources_extracted"):
            run_transaction(partial(set_state, image_id=image_id, state=state))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, images(db)))
    assert [row["n_sources_extracted"] for row in figures(db).values()] == [10, 10]
    assert_recount_agrees(db)


@pytest.fixture
def figures_writer(cluster: Cluster) -> Iterator[None]:
    """A role that the owner may take on."""
    with superuser(cluster) as connection:
        connection.execute(text("CREATE ROLE figures_writer"))
        connection.execute(text(f"GRANT figures_writer TO {OWNER}"))
        yield
        connection.execute(text("DROP ROLE figures_writer"))


@pytest.mark.usefixtures("figures_writer")
def test_whoever_may_write_images_needs_no_right_on_figures(db: Engine) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, images=[{}])
    with db.connect() as connection:
        connection.execute(text("GRANT SELECT, UPDATE ON images TO figures_writer"))
        connection.execute(text("SET ROLE figures_writer"))
        connection.execute(text("UPDATE images SET state = 'error'"))
        connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        connection.execute(text("RESET ROLE"))
        found = connection.scalar(select(SequenceFigures.n_error))
        connection.rollback()
    assert found == 1
    assert figures(db)[sequence_id]["n_error"] == 0


def schema(engine: Engine) -> set[tuple[str, ...]]:
    """Return the columns, indexes, functions and triggers that a database has."""
    parts = """
        SELECT 'column', table_name || '.' || column_name FROM information_schema.columns
        WHERE table_schema = 'public'
        UNION ALL SELECT 'index', indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT 'function', proname FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT 'trigger', tgname FROM pg_trigger WHERE NOT tgisinternal
    """
    with engine.connect() as connection:
        return {tuple(row) for row in connection.execute(text(parts))}


def test_an_bare_database_gets_its_figures_and_may_go_back(bare_database: Engine) -> None:
    migrate("0005")
    with bare_database.begin() as connection:
        for statement in (
            "INSERT INTO units (unit_id) VALUES ('PAN001')",
            "INSERT INTO cameras (camera_id, unit_id) VALUES ('14d3bd', 'PAN001')",
            "INSERT INTO sequences (sequence_id, unit_id, camera_id, start_time)"
            " VALUES ('s', 'PAN001', '14d3bd', now()), ('empty', 'PAN001', '14d3bd', now())",
            "INSERT INTO images (image_id, sequence_id, time, state, ra_deg, dec_deg)"
            " VALUES ('a', 's', now(), 'error', NULL, NULL), ('b', 's', now(), 'solved', 90, 0)",
            "INSERT INTO image_files VALUES ('b', 'p', 'PAN001_x', 'picture', 1, 'p', 1, 9)",
        ):
            connection.execute(text(statement))
    before = schema(bare_database)
    migrate()
    found = figures(bare_database)
    assert (found["s"]["n_images"], found["s"]["n_error"], found["s"]["n_solved"]) == (2, 1, 1)
    assert [found["s"][f"sum_{axis}"] for axis in "xyz"] == [0, 1, 0]
    assert (found["s"]["ra_deg"], found["s"]["dec_deg"]) == (90, 0)
    assert found["empty"]["n_images"] == 0
    assert file_figures(bare_database) == {("PAN001", "picture"): (1, 9)}
    with bare_database.begin() as connection:
        preview = "INSERT INTO image_files VALUES ('b', 'q', 'PAN001_y', 'preview', 1, 'p', 1, 9)"
        connection.execute(text(preview))
    command.downgrade(alembic_config(), "0005")
    assert schema(bare_database) == before


def test_start_is_the_first_of_all(db: Engine) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, images=[{}])
    assert figures(db)[sequence_id]["first_image"] == START + timedelta(seconds=91)
