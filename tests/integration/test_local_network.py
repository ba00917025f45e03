"""The real network, started the way `make up` does, in a folder and on ports of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest
import requests
from google.cloud import pubsub_v1, storage
from rich.console import Console
from sqlalchemy import Engine, create_engine, text

from deployment.service import MAX_BACKOFF_S, MAX_DELIVERY_ATTEMPTS
from local import network, state
from local.components import PREFERRED_PORTS

CONSOLE = Console(quiet=True)


def _components() -> dict[str, state.Report]:
    return {part["name"]: part for part in state.read_state()["components"]}


def _processes() -> list[psutil.Process]:
    supervisor = psutil.Process(state.read_state()["pid"])
    return [supervisor, *supervisor.children(recursive=True)]


def _runs(process: psutil.Process) -> bool:
    """Return whether a process runs; one that nobody has waited for yet does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, state.read_state()
        time.sleep(0.05)


def _command(name: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the network as the Makefile does."""
    return subprocess.run(
        [sys.executable, "-m", "local", name],
        cwd=state.ROOT,
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def taken_port() -> Iterator[int]:
    """The explorer's preferred port, held by somebody else."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", PREFERRED_PORTS["observations-explorer"]))
            other.listen()
        except OSError:
            pass  # something else on this machine holds it: as good
        yield PREFERRED_PORTS["observations-explorer"]


class LocalNetwork:
    """A network that this process has started."""

    def __init__(self) -> None:
        self.start()
        self.env = state.read_env()

    def start(self) -> None:
        self.supervisor = network.start(CONSOLE, attached=True)

    def stop(self) -> subprocess.CompletedProcess[str]:
        down = _command("down")
        self.supervisor.wait(60)
        return down


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory, taken_port: int) -> Iterator[LocalNetwork]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PANOPTES_LOCAL_DIR", str(tmp_path_factory.mktemp("network")))
        patch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
        patch.delenv("PUBSUB", raising=False)
        started = LocalNetwork()
        for name, value in started.env.items():
            patch.setenv(name, value)
        yield started
        started.stop()


def test_a_taken_port_is_no_failure(local: LocalNetwork, taken_port: int) -> None:
    url = local.env["OBSERVATIONS_EXPLORER_URL"]
    assert not url.endswith(f":{taken_port}")
    assert requests.get(url, timeout=10).ok


def test_status_shows_every_component(local: LocalNetwork) -> None:
    status = _command("status")
    assert status.returncode == 0
    rows = {line.split()[0]: line.split() for line in status.stdout.splitlines()[1:]}
    assert rows.keys() == _components().keys()
    assert {row[1] for row in rows.values()} == {"ready", "done"}
    assert int(rows["storage"][3]) == int(local.env["STORAGE_EMULATOR_HOST"].rpartition(":")[2])


def test_a_second_start_says_that_it_runs_already(local: LocalNetwork) -> None:
    before = state.read_state()["pid"], {name: part["pid"] for name, part in _components().items()}
    again = _command("up")
    assert again.returncode == 0
    assert "already running" in again.stdout
    after = state.read_state()["pid"], {name: part["pid"] for name, part in _components().items()}
    assert after == before


def test_only_loopback_listens(local: LocalNetwork) -> None:
    listening = {
        (connection.laddr.ip, connection.laddr.port)
        for process in _processes()
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    ports = {part["port"] for part in _components().values() if part["port"]}
    assert {port for _, port in listening} >= ports
    # gRPC listens on an IPv6 socket, where the same address has ::ffff: before it.
    hosts = {host.removeprefix("::ffff:") for host, _ in listening}
    # The storage server behind its guard has an address of its own, on loopback, too.
    assert {host.partition(".")[0] for host in hosts} == {"127"}


def test_nothing_runs_as_root_that_refuses_it(local: LocalNetwork) -> None:
    assert psutil.Process(_components()["postgres"]["pid"]).uids().effective != 0


def test_the_topics_and_subscriptions_are_there(local: LocalNetwork) -> None:
    project = f"projects/{local.env['GOOGLE_CLOUD_PROJECT']}"
    path = f"{project}/subscriptions/{local.env['SOLVER_SUBSCRIPTION']}"
    with pubsub_v1.SubscriberClient() as subscriber:
        solver = subscriber.get_subscription(subscription=path)
    assert solver.topic == f"{project}/topics/{local.env['PIPELINE_TOPIC']}"
    assert solver.dead_letter_policy.max_delivery_attempts == MAX_DELIVERY_ATTEMPTS
    assert solver.retry_policy.maximum_backoff.total_seconds() == MAX_BACKOFF_S
    assert solver.dead_letter_policy.dead_letter_topic == f"{solver.topic}-dead"


def test_a_killed_component_is_restarted_and_said_so(local: LocalNetwork) -> None:
    first = _components()["observations-data"]
    assert first["pid"] is not None
    os.kill(first["pid"], signal.SIGKILL)
    _wait_for(lambda: _components()["observations-data"]["restarts"] == 1)
    _wait_for(lambda: _components()["observations-data"]["phase"] == "ready")
    row = next(
        line.split()
        for line in _command("status").stdout.splitlines()
        if line.split()[:1] == ["observations-data"]
    )
    assert row[-2:] == ["1", "SIGKILL"]
    assert int(row[2]) != first["pid"]
    url = local.env["OBSERVATIONS_DATA_URL"]
    assert requests.get(f"{url}/health", timeout=10).ok


def test_an_upload_becomes_an_event_and_a_row(local: LocalNetwork) -> None:
    name = 'PAN001/a "field" <ü>/note.txt'
    storage.Client().bucket(local.env["RAW_BUCKET"]).blob(name).upload_from_string("no image")
    engine = create_engine(local.env["DATABASE_URL"])
    _wait_for(lambda: _refusals(engine, name) == ["unknown_file_type"])
    engine.dispose()


def _refusals(engine: Engine, path: str) -> list[str]:
    query = text("SELECT reason_code FROM image_events WHERE bucket_path = :path")
    with engine.connect() as connection:
        return list(connection.scalars(query, {"path": path}))


def _dead_letters(engine: Engine) -> list[bytes]:
    with engine.connect() as connection:
        return list(connection.scalars(text("SELECT data FROM dead_letters")))


def test_state_survives_and_nothing_runs_in_between(local: LocalNetwork) -> None:
    engine = create_engine(local.env["DATABASE_URL"])
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO units (unit_id) VALUES ('PAN042')"))
    engine.dispose()
    bucket = storage.Client().bucket(local.env["RAW_BUCKET"])
    bucket.blob("kept").upload_from_string("kept")
    project = f"projects/{local.env['GOOGLE_CLOUD_PROJECT']}"
    with pubsub_v1.PublisherClient() as publisher:
        publisher.publish(f"{project}/topics/image-pipeline-dead", b"kept").result(30)
    processes = _processes()

    down = local.stop()
    assert down.returncode == 0, down.stderr
    _wait_for(lambda: not any(map(_runs, processes)))
    assert _command("status").returncode == 3
    local.start()

    assert state.read_env() == local.env
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT unit_id FROM units")) == "PAN042"
    assert bucket.blob("kept").download_as_bytes() == b"kept"
    _wait_for(lambda: _dead_letters(engine) == [b"kept"])
    engine.dispose()


def test_all_dies_with_a_killed_supervisor(local: LocalNetwork) -> None:
    processes = _processes()
    local.supervisor.kill()
    local.supervisor.wait()
    _wait_for(lambda: not any(map(_runs, processes)))
    assert not state.is_locked()
    local.start()
    assert requests.get(local.env["OBSERVATIONS_DATA_URL"] + "/health", timeout=10).ok
