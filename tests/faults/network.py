"""A whole network of its own for a run of the fault suite, and the plugs that can be pulled."""

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
import requests
from google.api_core.retry import Retry
from google.cloud.storage import Client
from rich.console import Console
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from local import network, state
from panoptes_network import config
from panoptes_network.database import engine as database
from tests.faults.load import FITS, Item
from tests.faults.proxy import Faults, Proxy
from tests.integration.solver import load_gaia

T = TypeVar("T")

SUPERVISE = "tests.faults.supervise"
_UPLOAD_RETRY = Retry(predicate=lambda _: True, timeout=120, initial=0.5, maximum=5)
"""A unit uploads until it has succeeded."""


@dataclass
class FaultyNetwork:
    """A running network, its proxy, and its folder of temporary files."""

    env: dict[str, str]
    engine: Engine
    faults: Faults
    temporary: Path
    supervisor: "subprocess.Popen[bytes]"
    module: str

    def restart(self, *, by_kill: bool) -> None:
        """Stop the whole network, as ``down`` does or by a kill of its supervisor; start it anew.

        All components die with a killed supervisor.
        """
        pids = [part["pid"] for part in state.read_state()["components"] if part["pid"]]
        if by_kill:
            self.supervisor.kill()
            self.supervisor.wait()
            self.wait_for(lambda: not any(map(psutil.pid_exists, pids)), 120)
        else:
            network.stop(Console(quiet=True))
            self.supervisor.wait()
        self.supervisor = network.start(Console(quiet=True), attached=True, module=self.module)
        assert state.read_env() == self.env
        self.engine.dispose()

    def upload(self, item: Item) -> None:
        """Upload as a unit does: again, until it is there."""
        client = Client(project=self.env["GOOGLE_CLOUD_PROJECT"])
        blob = client.bucket(self.env["RAW_BUCKET"]).blob(item.path)

        def send() -> None:
            blob.upload_from_string(item.data, retry=None, timeout=20)

        _UPLOAD_RETRY(send)()
        client.close()

    def upload_all(self, items: list[Item], pause_s: float = 0.0) -> None:
        """Upload one after the other, with a pause between them."""
        for item in items:
            self.upload(item)
            time.sleep(pause_s)

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Return the rows of a query; none while the database is unavailable."""
        try:
            with self.engine.connect() as connection:
                return [dict(r._mapping) for r in connection.execute(text(query), values)]
        except (DBAPIError, OSError):
            return []

    def component(self, name: str) -> state.Report:
        """Return what the supervisor says of a component."""
        return next(part for part in state.read_state()["components"] if part["name"] == name)

    def port(self, name: str) -> int:
        """Return the port of a service."""
        port = self.component(name)["port"]
        assert port is not None
        return port

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Pull a component's plug; nothing where it does not run at the moment."""
        pid = self.component(name)["pid"]
        if pid:
            os.kill(pid, number)

    def is_ready(self, name: str) -> bool:
        """Return whether a component runs and answers."""
        return self.component(name)["phase"] == "ready"

    def kill_and_wait(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Pull a component's plug and return when it runs again."""
        restarts = self.component(name)["restarts"]
        self.kill(name, number)
        self.wait_for(
            lambda: self.component(name)["restarts"] > restarts and self.is_ready(name), 120
        )

    def wipe_broker(self) -> None:
        """Kill the broker and lose all that it keeps."""
        self.kill("pubsub")
        for file in state.state_dir().glob("pubsub.sqlite*"):
            file.unlink(missing_ok=True)

    def post(self, variable: str, path: str, body: object) -> requests.Response | None:
        """Post to a service; None while it is away."""
        try:
            return requests.post(f"{self.env[variable]}{path}", json=body, timeout=120)
        except requests.RequestException:
            return None

    def wait_for(self, condition: Callable[[], T | None], timeout_s: float) -> T | None:
        """Return what `condition` gives once that is true; None if it is not in time."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            met = condition()
            if met:
                return met
            time.sleep(0.2)
        return None

    def stages(self) -> Iterator[str]:
        """Yield the stages that the worker begins from now on, for ever; empty while there is none.

        The worker's log tells them.
        """
        log = state.log_file("gce-plate-solver")
        place = log.stat().st_size
        while True:
            with log.open() as file:
                file.seek(place)
                lines = file.readlines()
                place = file.tell()
            for line in lines:
                stage = _stage(line)
                if stage:
                    yield stage
            yield ""
            time.sleep(0.02)


def _stage(line: str) -> str | None:
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said.get("stage") if isinstance(said, dict) else None


def messages_left(folder: Path) -> list[tuple[str, int]]:
    """Return the subscriptions of a stopped network that still have messages, and how many."""
    store = folder / "state" / "pubsub.sqlite"
    with sqlite3.connect(store) as connection:
        query = "SELECT subscription, count(*) FROM messages GROUP BY subscription"
        return [(str(name), int(count)) for name, count in connection.execute(query)]


@contextmanager
def running(
    folder: Path, faults: Faults, module: str = SUPERVISE, **settings: str
) -> Iterator[FaultyNetwork]:
    """Run a network with its state in `folder`; it is stopped when the block ends.

    The command ``supervise`` of `module` runs it: with the proxy, or as ``make up`` does, without.
    """
    temporary = folder / "temporary"
    temporary.mkdir(parents=True)
    proxy = Proxy(faults)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PANOPTES_LOCAL_DIR", str(folder / "state"))
        patch.setenv("FAULT_PROXY", proxy.address("")[:-1])
        patch.setenv("TMPDIR", str(temporary))
        patch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
        for name, value in settings.items():
            patch.setenv(name, value)
        supervisor = network.start(Console(quiet=True), attached=True, module=module)
        env = state.read_env()
        for name, value in env.items():
            patch.setenv(name, value)
        for part in state.read_state()["components"]:
            if part["port"]:
                proxy.targets[part["name"]] = f"http://127.0.0.1:{part['port']}"
        _forget_addresses()
        load_gaia(FITS.ra_deg, FITS.dec_deg, 4)
        database.engine().dispose()
        engine = create_engine(env["DATABASE_URL"], pool_pre_ping=True)
        running = FaultyNetwork(env, engine, faults, temporary, supervisor, module)
        try:
            yield running
        finally:
            engine.dispose()
            running.supervisor.send_signal(signal.SIGTERM)
            running.supervisor.wait(90)
            proxy.close()
            _forget_addresses()


def _forget_addresses() -> None:
    config.settings.cache_clear()
    database.engine.cache_clear()
