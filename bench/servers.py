"""The real servers that a bench measures against, each with its data in a folder of its own."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from local import postgres, storage
from local.steps import buckets
from panoptes_network.config import settings
from panoptes_network.database.engine import engine
from panoptes_network.database.migrate import migrate

START_LIMIT_S = 30


@contextmanager
def database(folder: Path) -> Iterator[int]:
    """Serve a migrated, empty database from `folder`, and yield its port; DATABASE_URL is set."""
    port = _free_port()
    postgres.create_cluster(folder)
    command = postgres.server_command(folder, port)
    with _serving(command, lambda: postgres.is_ready(port), signal.SIGINT):
        postgres.create_database(port)
        os.environ["DATABASE_URL"] = postgres.database_url(port)
        settings.cache_clear()
        migrate()
        try:
            yield port
        finally:
            engine().dispose()


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
def _serving(command: list[str], ready: Callable[[], bool], stop: signal.Signals) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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
