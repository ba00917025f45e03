"""What the integration tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud.storage import Client
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url

from local.postgres import OWNER, Cluster
from local.postgres_roles import superuser
from panoptes_network import config, storage
from tests.conftest import forget_storage_client
from tests.integration.pubsub import endpoint, google, ours, pubsub
from tests.integration.solved_sequence import (
    FIELD,
    Sequence,
    SolvedFile,
    load_field,
    solved_files,
)
from tests.integration.solver import Solver

__all__ = ["endpoint", "google", "ours", "pubsub", "solver"]


@pytest.fixture
def solver(db: Engine, storage_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Solver]:
    """Return a plate solver's surroundings: empty tables and two buckets."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{storage_port}")
    forget_storage_client()
    client = Client(project=config.settings().google_cloud_project)
    for bucket in (config.settings().raw_bucket, config.settings().processed_bucket):
        if not client.bucket(bucket).exists():
            client.create_bucket(bucket)
    yield Solver(db, client)
    client.close()
    storage.client().close()
    forget_storage_client()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[SolvedFile]:
    """The frames of a small sequence, and their solved files."""
    return list(solved_files(FIELD, tmp_path_factory.mktemp("night")))


@pytest.fixture
def sequence(solver: Solver, tmp_path: Path) -> Sequence:
    """The surroundings of a worker of light curves: the stars of the field, and empty buckets."""
    load_field(tmp_path)
    bucket = solver.client.bucket(config.settings().processed_bucket)
    bucket.delete_blobs(list(bucket.list_blobs()))
    return Sequence(solver)


@pytest.fixture
def bare_database(
    cluster: Cluster, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Engine]:
    """A database of its own, before its first migration; DATABASE_URL leads there."""
    with superuser(cluster) as connection:
        connection.execute(text(f"CREATE DATABASE bare OWNER {OWNER}"))
    url = make_url(database_url).set(database="bare")
    monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
    config.settings.cache_clear()
    engine = create_engine(url)
    yield engine
    engine.dispose()
    with superuser(cluster) as connection:
        connection.execute(text("DROP DATABASE bare"))
    config.settings.cache_clear()
