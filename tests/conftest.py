"""Real servers for the tests: each is started once, on a free loopback port."""

import logging
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from sqlalchemy import Engine, create_engine
from xdist.scheduler import LoadScopeScheduling

from local import storage
from local.postgres import SUPERUSER, Cluster
from local.postgres_roles import create_database
from panoptes_network import config
from panoptes_network import storage as object_storage
from panoptes_network.database import engine as database
from panoptes_network.database.metadata import METADATA
from panoptes_network.database.migrate import migrate

NETWORK_MODULES = {
    *(
        "test_connect_a_unit",
        "test_cr2_to_film",
        "test_every_upload",
        "test_local_network",
        "test_notebook",
    ),
    "test_upload_to_page",
}
"""Those that start the whole network."""
BROWSER_MODULES = {
    "test_explorer_accessibility",
    "test_explorer_in_browser",
    "test_films_in_browser",
    "test_light_curves_in_browser",
    "test_viewers_in_browser",
}
"""Those whose browsers share the two web services."""
SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"

# A busy machine is no failure.
hypothesis_settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("untimed")


class ByPlace(LoadScopeScheduling):  # type: ignore[misc]
    """Keeps each module in one process, and in one, too, all that share a place on the machine.

    Two networks that start at once would choose the same free ports; what is staged lies in one
    folder; the browsers' services are started once.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = Path(nodeid.split("::", 1)[0])
        if path.stem in NETWORK_MODULES:
            return "network"
        if path.stem in BROWSER_MODULES:
            return "browser"
        return "deploy" if "deploy" in path.parts else str(path)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByPlace:
    """Spread the tests by `ByPlace` when several processes run them."""
    return ByPlace(config, log)


@pytest.fixture(autouse=True)
def _loggers_stay() -> Iterator[None]:
    """A test that switches loggers off would hide what those after it look for."""
    before = _disabled_loggers()
    yield
    assert _disabled_loggers() <= before


def _disabled_loggers() -> set[str]:
    loggers = logging.root.manager.loggerDict.items()
    return {name for name, logger in loggers if getattr(logger, "disabled", False)}


def forget_storage_client() -> None:
    """Close the process's storage client: the next one is of the settings of then."""
    if object_storage.client.cache_info().currsize:
        object_storage.client().close()
    object_storage.client.cache_clear()


def free_port() -> int:
    """Return a loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    command: list[str],
    ready: Callable[[], bool],
    stop: signal.Signals = signal.SIGTERM,
    env: dict[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server while the block runs."""
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not ready():
            assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
            assert time.monotonic() < deadline, f"{command[0]} does not answer"
            time.sleep(0.05)
        yield process
    finally:
        process.send_signal(stop)
        process.wait(120)  # A busy machine is no failure.


@pytest.fixture(scope="session", autouse=True)
def server_dir() -> Iterator[None]:
    """Have PostgreSQL's data in a folder that its user reaches: pytest's are closed to it."""
    with TemporaryDirectory(prefix="panoptes-") as folder, pytest.MonkeyPatch.context() as patch:
        Path(folder).chmod(0o755)
        patch.setenv("PANOPTES_SERVER_DIR", folder)
        yield


@pytest.fixture(scope="session")
def cluster(server_dir: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A running PostgreSQL server with an empty database."""
    cluster = Cluster(tmp_path_factory.mktemp("postgres") / "data", free_port())
    cluster.create()
    # No test cuts the power, so nothing has to wait for the disk.
    with serving([*cluster.command(), "-c", "fsync=off"], cluster.is_ready, signal.SIGINT):
        create_database(cluster)
        yield cluster


@pytest.fixture(scope="session")
def database_url(cluster: Cluster) -> Iterator[str]:
    """Address of a migrated database on a PostgreSQL server of its own, for its owner."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", cluster.url())
        config.settings.cache_clear()
        migrate()
        yield cluster.url()


@pytest.fixture(scope="session")
def empty_tables(cluster: Cluster, database_url: str) -> Iterator[Callable[[], None]]:
    """A function that deletes all rows, in a seventh of the time that TRUNCATE takes.

    Triggers and foreign keys rest meanwhile, for which it takes the superuser.
    """
    engine = create_engine(cluster.url(SUPERUSER))
    statements = [
        "SET LOCAL session_replication_role = replica",
        *(str(table.delete()) for table in METADATA.tables.values()),
    ]

    def delete() -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(";".join(statements))

    yield delete
    engine.dispose()


@contextmanager
def empty_database(url: str, empty_tables: Callable[[], None]) -> Iterator[Engine]:
    """Give the process's engine over empty tables while the block runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", url)
        config.settings.cache_clear()
        database.engine.cache_clear()
        empty_tables()
        engine = database.engine()
        yield engine
        engine.dispose()
    database.engine.cache_clear()
    config.settings.cache_clear()


@pytest.fixture
def db(database_url: str, empty_tables: Callable[[], None]) -> Iterator[Engine]:
    """The process's engine over empty tables."""
    with empty_database(database_url, empty_tables) as engine:
        yield engine


@pytest.fixture(scope="module")
def module_db(database_url: str, empty_tables: Callable[[], None]) -> Iterator[Engine]:
    """The same for rows that all tests of a module read and none changes."""
    with empty_database(database_url, empty_tables) as engine:
        yield engine


@pytest.fixture(scope="session")
def storage_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of a storage server with empty buckets."""
    port = free_port()
    command = storage.server_command(tmp_path_factory.mktemp("storage"), port, "panoptes-local")
    with serving(command, lambda: storage.is_ready(port)):
        yield port


@pytest.fixture
def real_frame() -> Path:
    """The real 700x700 cutout of a 120 s frame, where the shared data lie beside the project."""
    path = SHARED_DATA / "PAN001_kic8462852_unsolved.fits"
    if not path.exists():
        pytest.skip("the shared test data are not beside this checkout")
    return path
