"""The database on PostgreSQL 16: Cloud SQL's is between that and the 18 of all other tests."""

import json
import signal
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from deployment.service import writers
from local import postgres
from local.postgres_roles import create_database, create_users
from panoptes_network import config
from panoptes_network.database import engine as database
from panoptes_network.database import migrate
from tests.conftest import free_port, serving

INFRA = Path(__file__).parents[2] / "infra"
OLDER = postgres._INSTALLATION.with_name("pginstall")


def test_migrations_and_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_INSTALLATION", OLDER)
    cluster = postgres.Cluster(tmp_path / "data", free_port())
    cluster.create()
    with serving(cluster.command(), cluster.is_ready, signal.SIGINT):
        create_database(cluster)
        create_users(cluster, writers())
        monkeypatch.setenv("DATABASE_URL", cluster.url())
        monkeypatch.setenv("DATABASE_WRITERS", json.dumps(writers()))
        config.settings.cache_clear()
        database.engine.cache_clear()
        migrate.prepare()
        database.engine().dispose()
        url = cluster.url("cf-header-to-db")
        with create_engine(url, poolclass=NullPool).begin() as connection:
            version = connection.scalar(text("SHOW server_version_num"))
            connection.execute(text("INSERT INTO units (unit_id) VALUES ('PAN001')"))
    config.settings.cache_clear()
    database.engine.cache_clear()
    assert int(version) // 10000 == 16


def test_the_clouds_version_is_between() -> None:
    assert 'database_version    = "POSTGRES_17"' in (INFRA / "database.tf").read_text()
