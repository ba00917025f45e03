"""Users of the database: each reads all, and writes what its service has to."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from deployment.service import writers
from local.postgres import Cluster
from local.postgres_roles import create_users
from panoptes_network import config
from panoptes_network.database import migrate, roles
from panoptes_network.database.engine import engine, sqlstate
from panoptes_network.database.metadata import METADATA
from panoptes_network.database.notice_models import PRIVATE
from panoptes_network.operations.report import Report
from panoptes_network.operations.sweep_times import sweep_times
from tests.service.support.functions import IMAGE_ID
from tests.service.support.operations import add_image, image

INSERT_UNIT = "INSERT INTO units (unit_id) VALUES ('PAN001')"
PARTITION = "SELECT ensure_sources_partition('2018-10-11 00:00:00Z')"


As = Callable[[str], Connection]


@pytest.fixture
def connected(db: Engine, cluster: Cluster) -> Iterator[As]:
    """Return a function that connects as a user; all of it is undone."""
    connections: list[Connection] = []

    def connect(user: str) -> Connection:
        connections.append(create_engine(cluster.url(user), poolclass=NullPool).connect())
        return connections[-1]

    yield connect
    for connection in connections:
        connection.close()


def _grant(db: Engine, writers: dict[str, list[str]]) -> None:
    with Session(db) as session, session.begin():
        roles.grant(session, writers)


def _may(connection: Connection, statement: str) -> bool:
    """Return whether a statement is allowed; it is rolled back."""
    try:
        connection.execute(text(statement))
    except DBAPIError as error:
        if sqlstate(error) != "42501":  # insufficient_privilege
            raise
        return False
    finally:
        connection.rollback()
    return True


def test_a_user_writes_its_tables_and_reads_all(
    db: Engine, cluster: Cluster, connected: As
) -> None:
    create_users(cluster, ["writer"])
    _grant(db, {"writer": ["units"]})
    user = connected("writer")
    assert _may(user, INSERT_UNIT)
    readable = METADATA.tables.keys() - PRIVATE
    assert all(_may(user, f"TABLE {table} LIMIT 1") for table in readable)
    assert not _may(user, "DELETE FROM cameras")
    assert not _may(user, "DROP TABLE units")
    assert not _may(user, "TRUNCATE units")
    assert not _may(user, PARTITION)


def test_addresses_and_secrets_are_for_their_writer(
    db: Engine, cluster: Cluster, connected: As
) -> None:
    create_users(cluster, ["writer", "other"])
    _grant(db, {"writer": ["subscriptions"], "other": ["units", "unsubscribe_links"]})
    assert _may(connected("writer"), "TABLE subscriptions")
    assert not _may(connected("other"), "TABLE subscriptions")
    assert not _may(connected("other"), "SELECT secret FROM subscriptions")
    assert not _may(connected("panoptes_reader"), "TABLE subscriptions")
    _grant(db, {"writer": []})
    assert not _may(connected("writer"), "TABLE subscriptions")
    assert {user for user, tables in writers().items() if PRIVATE & set(tables)} == {
        "cf-operations"
    }


def test_what_is_not_granted_any_more_is_taken_away(
    db: Engine, cluster: Cluster, connected: As
) -> None:
    create_users(cluster, ["writer"])
    _grant(db, {"writer": ["units", "sources"]})
    user = connected("writer")
    assert _may(user, PARTITION)
    _grant(db, {"writer": []})
    assert not _may(user, PARTITION)
    assert not _may(user, INSERT_UNIT)
    assert _may(user, "SELECT * FROM units")


@pytest.mark.parametrize("user", ["unit-x@project.iam", 'odd"; DROP TABLE units; --'])
def test_any_name_is_taken_as_it_is(db: Engine, cluster: Cluster, connected: As, user: str) -> None:
    create_users(cluster, [user])
    _grant(db, {user: ["units"]})
    assert _may(connected(user), INSERT_UNIT)


def test_a_table_or_a_user_that_there_is_not(db: Engine) -> None:
    with pytest.raises(ValueError, match="there is no table stars"):
        _grant(db, {"writer": ["stars"]})
    with pytest.raises(DBAPIError, match="nobody-here"):
        _grant(db, {"nobody-here": []})


def test_the_command_does_all_of_it(
    db: Engine, cluster: Cluster, connected: As, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_users(cluster, ["cf-header-to-db"])
    monkeypatch.setenv("DATABASE_WRITERS", '{"cf-header-to-db": ["units"]}')
    config.settings.cache_clear()
    migrate.prepare()
    assert _may(connected("cf-header-to-db"), INSERT_UNIT)


def test_only_the_solver_writes_sources() -> None:
    assert [user for user, tables in writers().items() if "sources" in tables] == [
        "gce-plate-solver"
    ]


def test_the_sweep_of_wrong_times_does_with_the_rights_of_its_service(
    db: Engine, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_users(cluster, writers())
    _grant(db, writers())
    misdated = IMAGE_ID.replace("2018", "9999")
    add_image(db, misdated, state="sources_extracted", n_sources=5)
    monkeypatch.setenv("DATABASE_URL", cluster.url("cf-operations"))
    config.settings.cache_clear()
    engine.cache_clear()
    report = Report()
    sweep_times(report)
    engine().dispose()
    assert report.given_up == 1
    assert (image(db, misdated)["state"], image(db, misdated)["n_sources"]) == ("error", None)
