"""The database on PostgreSQL 16: Cloud SQL's is between that and the 18 of all other tests."""

import json
import signal
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from deployment.service import writers
from local import postgres
from panoptes_network import config
from panoptes_network.database import engine as database
from panoptes_network.database import prepare
from tests.conftest import free_port, serving

INFRA = Path(__file__).parents[2] / "infra"
OLDER = postgres._BINARIES.parents[1] / "pginstall" / "bin"


def test_migrations_and_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_BINARIES", OLDER)
    port = free_port()
    postgres.create_cluster(tmp_path / "data")
    command = postgres.server_command(tmp_path / "data", port)
    with serving(command, lambda: postgres.is_ready(port), signal.SIGINT):
        postgres.create_database(port)
        for user in writers():
            postgres.create_user(user, port)
        monkeypatch.setenv("DATABASE_URL", postgres.database_url(port))
        monkeypatch.setenv("DATABASE_WRITERS", json.dumps(writers()))
        config.settings.cache_clear()
        database.engine.cache_clear()
        prepare.main()
        database.engine().dispose()
        url = postgres.database_url(port, "cf-header-to-db")
        with create_engine(url, poolclass=NullPool).begin() as connection:
            version = connection.scalar(text("SHOW server_version_num"))
            connection.execute(text("INSERT INTO units (unit_id) VALUES ('PAN001')"))
    config.settings.cache_clear()
    database.engine.cache_clear()
    assert int(version) // 10000 == 16


def test_the_clouds_version_is_between() -> None:
    assert 'database_version    = "POSTGRES_17"' in (INFRA / "database.tf").read_text()
