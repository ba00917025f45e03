"""A transaction is tried again as a whole when the fault may pass, and only then."""

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from panoptes_network import config
from panoptes_network.database import engine as database
from panoptes_network.database.engine import run_transaction
from panoptes_network.errors import TransientError
from tests.conftest import free_port


def test_a_serialisation_failure_is_tried_again(db: Engine) -> None:
    tries = []

    def work(session: Session) -> int:
        tries.append(1)
        session.execute(text("INSERT INTO units (unit_id) VALUES ('PAN001')"))
        if len(tries) == 1:
            session.execute(text("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$"))
        return len(tries)

    assert run_transaction(work) == 2
    with db.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM units")) == 1


def test_a_fault_of_our_own_is_raised_at_once(db: Engine) -> None:
    tries = []

    def work(session: Session) -> None:
        tries.append(1)
        session.execute(text("SELECT * FROM no_such_table"))

    with pytest.raises(DBAPIError, match="no_such_table"):
        run_transaction(work)
    assert len(tries) == 1


def test_a_connection_that_broke_is_replaced(db: Engine) -> None:
    own = text("SELECT pg_backend_pid()")
    pid = run_transaction(lambda session: session.scalar(own))
    with create_engine(db.url, poolclass=NullPool).connect() as other:
        other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    assert run_transaction(lambda session: session.scalar(text("SELECT 1"))) == 1


def test_a_database_that_is_away_is_a_passing_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql+pg8000://x@127.0.0.1:{free_port()}/metadata")
    config.settings.cache_clear()
    database.engine.cache_clear()
    with pytest.raises(TransientError, match="the database is away"):
        run_transaction(lambda session: session.scalar(text("SELECT 1")))
    config.settings.cache_clear()
    database.engine.cache_clear()
