"""The real servers that a bench measures against, each with its data in a folder of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import requests

from local import storage
from local.postgres import Cluster
from local.postgres_roles import create_database
from local.state import ROOT
from local.steps import buckets
from panoptes_network.config import settings
from panoptes_network.database.engine import engine
from panoptes_network.database.migrate import migrate

START_LIMIT_S = 30


@contextmanager
def open_folder() -> Iterator[Path]:
    """Make a folder for the block's time that a database server, another user, can pass."""
    with TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@contextmanager
def database(folder: Path) -> Iterator[Cluster]:
    """Serve a migrated, empty database while the block runs; DATABASE_URL is its owner's."""
    cluster = Cluster(folder, _free_port())
    cluster.create()
    with ExitStack() as stack:
        stack.enter_context(_serving(cluster.command(), cluster.is_ready, signal.SIGINT))
        create_database(cluster)
        os.environ["DATABASE_URL"] = cluster.url()
        settings.cache_clear()
        migrate()
        stack.callback(lambda: engine().dispose())
        yield cluster


@contextmanager
def object_storage(folder: Path) -> Iterator[None]:
    """Serve the network's buckets, empty, from `folder`; STORAGE_EMULATOR_HOST is set."""
    port = _free_port()
    command = storage.server_command(folder, port, settings().google_cloud_project)
    with _serving(command, lambda: storage.is_ready(port), signal.SIGTERM):
        os.environ["STORAGE_EMULATOR_HOST"] = f"http://127.0.0.1:{port}"
        buckets.main()
        yield


@contextmanager
def web_server(service: str, **settings: str) -> Iterator[str]:
    """Serve a web service as the network does, without a limit of requests; yield its address."""
    port = _free_port()
    options = [f"--folder={ROOT / service}", f"--port={port}"]
    program = [sys.executable, "-m", "panoptes_network.web.server", *options]
    env = {"PYTHONPATH": str(ROOT / "shared"), "RATE_LIMIT": "1000000 per second", **settings}
    address = f"http://127.0.0.1:{port}"

    def is_healthy() -> bool:
        try:
            return requests.get(f"{address}/health", timeout=5).ok
        except requests.RequestException:
            return False

    with _serving([*program, "main"], is_healthy, signal.SIGTERM, env):
        yield address


@contextmanager
def _serving(
    command: list[str],
    ready: Callable[[], bool],
    stop: signal.Signals,
    env: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[None]:
    process = subprocess.Popen(
        command,
        env={**os.environ, **env},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + START_LIMIT_S
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} does not answer")
            time.sleep(0.05)
        yield
    finally:
        process.send_signal(stop)
        process.wait(START_LIMIT_S)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
