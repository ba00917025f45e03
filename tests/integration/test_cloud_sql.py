"""The same code against Cloud SQL's connector: its certificates, its account, its limits."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import google.auth
import pytest
from google.cloud.sql import connector
from sqlalchemy import text

from local.postgres import Cluster
from local.postgres_roles import create_users, superuser
from panoptes_network import config
from panoptes_network.database import cloud_sql
from panoptes_network.database import engine as database
from panoptes_network.database.engine import run_transaction
from panoptes_network.errors import TransientError
from tests.integration.cloud_sql import TOKEN, Account, Interface, front
from tests.service.support.functions import served

USER = "cf-header-to-db-test@panoptes-demo-1.iam"


@pytest.fixture
def postgres_port(cluster: Cluster) -> Iterator[int]:
    """Let the account in without a password: the front has seen its certificate."""
    create_users(cluster, [USER])
    access = cluster.data_dir / "pg_hba.conf"
    before = access.read_text()
    _let_in(cluster, f'host all "{USER}" 127.0.0.1/32 trust\n{before}')
    yield cluster.port
    _let_in(cluster, before)


def _let_in(cluster: Cluster, rules: str) -> None:
    (cluster.data_dir / "pg_hba.conf").write_text(rules)
    with superuser(cluster) as connection:
        connection.execute(text("SELECT pg_reload_conf()"))


@pytest.fixture
def interface(postgres_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Interface]:
    """Google's interface, and our settings as they are in the cloud."""
    interface = Interface()
    with served(interface) as url:
        monkeypatch.setattr(google.auth, "default", lambda **_: (Account(), None))
        here = partial(connector.Connector, sqladmin_api_endpoint=url)
        monkeypatch.setattr(connector, "Connector", here)
        monkeypatch.setenv("CLOUD_SQL_INSTANCE", "panoptes-demo-1:us-central1:panoptes-meta-test")
        user = USER.replace("@", "%40")
        monkeypatch.setenv("DATABASE_URL", f"postgresql+pg8000://{user}@/metadata")
        _forget()
        yield interface
        database.engine().dispose()
        cloud_sql.connector().close()
        cloud_sql.connector()._loop.close()  # which it leaves open
        _forget()
    config.settings.cache_clear()


def _forget() -> None:
    for cached in (config.settings, database.engine, cloud_sql.connector):
        cached.cache_clear()


def test_a_service_connects_as_its_account(
    interface: Interface, postgres_port: int, tmp_path: Path
) -> None:
    with front(interface, tmp_path, postgres_port):
        user = run_transaction(lambda session: session.scalar(text("SELECT current_user")))
        database.engine().dispose()
    assert user == USER
    assert interface.tokens == [TOKEN]


def test_an_answer_is_not_waited_for_without_end(
    interface: Interface, postgres_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "ANSWER_TIMEOUT_S", 0.2)
    with front(interface, tmp_path, postgres_port):
        with pytest.raises(TransientError, match="the database is unavailable"):
            run_transaction(lambda session: session.execute(text("SELECT pg_sleep(20)")))
        database.engine().dispose()


def test_an_instance_that_is_away_is_a_passing_fault(interface: Interface) -> None:
    with pytest.raises(TransientError, match="the database is unavailable"):
        run_transaction(lambda session: session.execute(text("SELECT 1")))


def test_an_account_that_may_not_connect_is_told(interface: Interface) -> None:
    interface.refuses = True
    with pytest.raises(TransientError, match="the account may not connect"):
        run_transaction(lambda session: session.execute(text("SELECT 1")))


def test_without_an_instance_the_address_counts(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.delenv("CLOUD_SQL_INSTANCE", raising=False)
    _forget()
    assert run_transaction(lambda session: session.scalar(text("SELECT 1"))) == 1
    assert cloud_sql.connector.cache_info().currsize == 0
    database.engine().dispose()
    _forget()
