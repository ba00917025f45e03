"""How observations-data is run: with a role that only reads, limited, watched by metrics."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from sqlalchemy import Connection, Engine, create_engine, insert, make_url, text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.orm import Session

from deployment.service import writers
from local.components import PREFERRED_PORTS, components, network_env
from local.postgres import Cluster
from observations_data import database as read_database
from observations_data import readiness as service_state
from panoptes_network import config
from panoptes_network.database import engine as database
from panoptes_network.database import roles
from panoptes_network.database.films import find_quiet
from panoptes_network.database.models import Source
from panoptes_network.database.operation_models import DeadLetter
from panoptes_network.errors import TransientError
from panoptes_network.states import ImageState
from tests.conftest import free_port, serving
from tests.service.support.web_services import (
    START,
    add_observation,
    create_app,
    get,
    is_healthy,
    problem,
    rows,
    storage_at,
    web_command,
    web_environment,
)


@pytest.fixture
def client(db: Engine) -> FlaskClient:
    return create_app("observations-data").test_client()


@pytest.fixture(scope="module")
def reader_url(cluster: Cluster, database_url: str) -> str:
    return cluster.url(roles.READER)


@pytest.fixture
def reader(db: Engine, reader_url: str) -> Iterator[Connection]:
    engine = create_engine(reader_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


# --- a role that only reads


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO units (unit_id) VALUES ('PAN666')",
        "UPDATE images SET state = 'error'",
        "DELETE FROM image_events",
        "TRUNCATE units CASCADE",
        "DROP TABLE dead_letters",
        "ALTER TABLE units ADD x integer",
        "CREATE TABLE mine (x integer)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "CREATE ROLE mine",
        "CREATE DATABASE mine",
        "CREATE INDEX mine ON units (name)",
        "SELECT nextval('images_image_key_seq')",
        "SELECT 1 FROM units FOR UPDATE",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY units TO PROGRAM 'true'",
        "SET ROLE panoptes",
        "SELECT ensure_sources_partition(now())",
        "CREATE TEMPORARY TABLE mine (x integer)",
    ],
)
def test_the_reader_can_write_and_create_nothing(reader: Connection, statement: str) -> None:
    autocommit = reader.execution_options(isolation_level="AUTOCOMMIT")
    with pytest.raises(DBAPIError) as refused:
        autocommit.execute(text(statement))
    # insufficient_privilege
    assert database.sqlstate(refused.value) == "42501", refused.value


def test_the_reader_reads_each_table_and_partitions_of_later(
    reader: Connection, db: Engine
) -> None:
    at = datetime(2033, 5, 6, tzinfo=UTC)
    with rows(db) as session:
        session.execute(text("SELECT ensure_sources_partition(:at)"), {"at": at})
        session.execute(insert(Source).values(_source(at)))
    tables = reader.scalars(
        text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    ).all()
    assert {"images", "dead_letters", "sources", "sources_203305"} <= set(tables)
    # Addresses of owners, and the secrets of their webhooks, are not for the reader.
    for table in set(tables) - {"subscriptions"}:
        reader.execute(text(f"SELECT * FROM {table} LIMIT 1"))  # noqa: S608 - names of its own
    assert reader.scalar(text("SELECT count(*) FROM sources_203305")) == 1
    with pytest.raises(ProgrammingError, match="permission denied"):
        reader.execute(text("TABLE subscriptions"))


def _source(at: datetime) -> dict[str, Any]:
    zeros = ("ra_deg", "dec_deg", "x_px", "y_px", "flux_adu", "flux_err_adu", "peak_adu")
    values = dict.fromkeys([*zeros, "fwhm_px", "ellipticity"], 0.0)
    return {"time": at, "image_key": 1, "number": 1, "flags": 0, **values}


def test_the_service_works_as_the_reader(db: Engine, reader_url: str, storage_port: int) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, images=[{}])
    port = free_port()
    environment = web_environment(
        DATABASE_URL=reader_url, STORAGE_EMULATOR_HOST=f"http://127.0.0.1:{storage_port}"
    )
    paths = [
        "/ready",
        "/metrics",
        "/observations",
        f"/observations/{sequence_id}",
        f"/observations/{sequence_id}/events",
        "/images/PAN001_14d3bd_20181011T134333",
        "/units",
        "/units/PAN001/nights",
        "/units/PAN001/nights/2018-10-11",
    ]
    with serving(web_command("observations-data", port), lambda: is_healthy(port), env=environment):
        for path in paths:
            answer = requests.get(f"http://127.0.0.1:{port}{path}", timeout=10)
            assert answer.ok, (path, answer.text)


def test_the_local_network_gives_the_service_a_user_that_writes_one_table_only() -> None:
    parts = components(PREFERRED_PORTS, network_env(PREFERRED_PORTS))
    [service] = [part for part in parts if part.name == "observations-data"]
    url = make_url(service.env["DATABASE_URL"])
    assert (url.username, url.port) == ("observations-data", PREFERRED_PORTS["postgres"])
    assert writers()["observations-data"] == ["unsubscribe_links"]
    assert "database" in service.after


# --- limits


def _sleep(session: Session) -> dict[str, Any]:
    session.execute(text("SELECT pg_sleep(20)"))
    return {}


def test_a_query_that_takes_too_long(db: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READ_TIMEOUT_S", "0.1")
    config.settings.cache_clear()
    started = datetime.now(UTC)
    with pytest.raises(TransientError, match="too long"):
        read_database.read(_sleep)
    assert datetime.now(UTC) - started < timedelta(seconds=5)
    # The next one has its own time, and the owner's connection no limit.
    assert read_database.read(lambda session: {"one": session.scalar(text("SELECT 1"))})


# --- metrics


def samples(client: FlaskClient) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_metrics_of_an_empty_network(client: FlaskClient) -> None:
    found = samples(client)
    assert found["panoptes_images", (("state", "solving"),)] == 0
    assert found["panoptes_dead_letters_waiting", ()] == 0
    assert found["panoptes_films_due", ()] == 0
    assert found["panoptes_processing_seconds_gcount", ()] == 0
    assert len([1 for name, _ in found if name == "panoptes_images"]) == len(ImageState)


def test_metrics_of_the_networks_work(client: FlaskClient, db: Engine) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    done = {"state": ImageState.SOURCES_EXTRACTED, "processing_s": 1.5}
    failed = {"state": ImageState.UNSOLVED, "reason_code": "blank_frame", "processing_s": 30.0}
    with rows(db) as session:
        add_observation(session, images=[done, done, failed, {"updated_at": long_ago}, {}])
        # Known by its header only: it waits for nobody.
        headers_only = {"bucket_path": None, "generation": 0, "updated_at": START}
        add_observation(session, start=START + timedelta(days=1), images=[headers_only])
        quiet = [{**done, "updated_at": long_ago}] * 3
        add_observation(session, start=START + timedelta(days=2), images=quiet)
        session.add(DeadLetter(message_id="1", topic="t", subscription="s", data=b""))
        for settled in ("replayed_at", "closed_at"):
            letter = {"message_id": settled, "topic": "t", "subscription": "s", "data": b""}
            session.add(DeadLetter(**letter, **{settled: START}))
    found = samples(client)
    assert found["panoptes_images", (("state", "sources_extracted"),)] == 5
    assert found["panoptes_images", (("state", "metadata_received"),)] == 3
    reason = (("reason", "blank_frame"), ("state", "unsolved"))
    assert found["panoptes_failed_images", reason] == 1
    age = found["panoptes_oldest_waiting_image_age_seconds", (("state", "metadata_received"),)]
    assert 7200 <= age < 7400
    assert found["panoptes_dead_letters_waiting", ()] == 1
    assert found["panoptes_films_due", ()] == 1
    assert found["panoptes_light_curves_due", ()] == 0
    with db.begin() as connection:
        connection.execute(text("UPDATE images SET solved_path = 'p.fits.fz'"))
    assert samples(client)["panoptes_light_curves_due", ()] == 1
    assert found["panoptes_processing_seconds_gcount", ()] == 3
    assert found["panoptes_processing_seconds_gsum", ()] == 33
    assert found["panoptes_processing_seconds_bucket", (("le", "2.0"),)] == 2


def test_films_due_are_those_that_the_scheduler_finds(client: FlaskClient, db: Engine) -> None:
    now = datetime.now(UTC)
    quiet = {"state": ImageState.SOURCES_EXTRACTED, "updated_at": now - timedelta(hours=1)}
    cases: list[tuple[list[dict[str, Any]], dict[str, Any]]] = [
        ([quiet] * 3, {}),
        ([quiet] * 2, {}),
        ([quiet] * 4, {"film_images": 4, "film_generation": 1}),
        ([quiet] * 4, {"film_images": 3, "film_generation": 1}),
        ([quiet] * 4, {"film_images": 4, "film_generation": 0}),
        ([quiet] * 3 + [{**quiet, "updated_at": now}], {}),
        ([{**quiet, "updated_at": now - timedelta(days=8)}] * 3, {}),
        ([quiet] * 2 + [{**quiet, "state": ImageState.ERROR}], {}),
        ([quiet] * 2 + [{**quiet, "state": ImageState.SKIPPED}], {}),
        ([quiet] * 2 + [{**quiet, "bucket_path": None}], {}),
        ([quiet] * 2 + [{**quiet, "generation": 0}], {}),
        ([quiet] * 3 + [{**quiet, "state": ImageState.ERROR}], {}),
    ]
    with rows(db) as session:
        for days, (images, columns) in enumerate(cases):
            add_observation(session, start=START + timedelta(days=days), images=images, **columns)
        found = find_quiet(session, config.settings().sequence_quiet_s)
    assert samples(client)["panoptes_films_due", ()] == len(found) == 4


# --- alive, and ready


def test_ready_tells_what_is_away(
    client: FlaskClient, cluster: Cluster, storage_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with storage_at(storage_port):
        assert get(client, "/ready") == {"status": "ok"}
        monkeypatch.setenv("DATABASE_URL", replace(cluster, port=free_port()).url())
        config.settings.cache_clear()
        database.engine.cache_clear()
        said = problem(client, "/ready", 503)
        assert said["detail"] == "not available: database"
    with storage_at(free_port()):
        said = problem(client, "/ready", 503)
    assert said["detail"] == "not available: database, storage"
    assert get(client, "/health") == {"status": "ok"}


def test_what_hangs_is_not_ready(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = Event()
    monkeypatch.setattr(service_state, "READY_TIMEOUT_S", 0.2)
    monkeypatch.setattr(
        service_state, "CHECKS", {"storage": lambda: hanging.wait(10), "database": lambda: None}
    )
    assert problem(client, "/ready", 503)["detail"] == "not available: storage"
    hanging.set()


def test_metrics_say_when_the_database_is_away(
    client: FlaskClient, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert samples(client)["panoptes_figures_readable", ()] == 1
    monkeypatch.setenv("DATABASE_URL", replace(cluster, port=free_port()).url())
    config.settings.cache_clear()
    database.engine.cache_clear()
    found = samples(client)
    assert found["panoptes_figures_readable", ()] == 0
    assert any(name.startswith("panoptes_requests") for name, _ in found)
