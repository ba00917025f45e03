"""The whole network for the end-to-end tests, started as `make up` does; a browser."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests
from google.cloud.storage import Client
from playwright.sync_api import Browser, sync_playwright
from rich.console import Console
from sqlalchemy import Engine, create_engine, text

from local import network, state
from panoptes_network import config
from panoptes_network.database import engine as database
from simulator import Frame, Observation, simulate
from tests.conftest import free_port, serving
from tests.end_to_end.browsing import CHROMIUM, FLAGS
from tests.integration.solver import load_gaia
from tests.service.support.web_services import is_healthy, web_command, web_environment

T = TypeVar("T")

ENDS = {"sources_extracted", "skipped", "unsolved", "error"}
CROP = Observation(width=900, height=700, suffix=".fits.fz")


@dataclass
class Network:
    """A running network and what a user of it can do."""

    env: dict[str, str]
    client: Client
    engine: Engine

    def upload(self, path: str, source: Path | bytes) -> int:
        """Upload an object as a unit does; return its generation."""
        blob = self.client.bucket(self.env["RAW_BUCKET"]).blob(path)
        if isinstance(source, Path):
            blob.upload_from_filename(str(source))
        else:
            blob.upload_from_string(source)
        return int(blob.generation)

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        with self.engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(text(query), values)]

    def image(self, image_id: str) -> dict[str, Any] | None:
        """Return an image's row; None where there is none yet."""
        rows = self.rows("SELECT * FROM images WHERE image_id = :id", id=image_id)
        return rows[0] if rows else None

    def wait_for_end(self, image_id: str, timeout_s: float = 150) -> dict[str, Any]:
        """Wait until an image has ended and return its row."""

        def ended() -> dict[str, Any] | None:
            image = self.image(image_id)
            return image if image and image["state"] in ENDS else None

        return self.wait_for(ended, timeout_s)

    def wait_for(self, condition: Callable[[], T | None], timeout_s: float = 60) -> T:
        """Wait until `condition` returns something true and return that."""
        deadline = time.monotonic() + timeout_s
        while not (met := condition()):
            assert time.monotonic() < deadline, f"not in {timeout_s} s"
            time.sleep(0.1)
        return met

    def get(self, path: str) -> requests.Response:
        """Get a page of the explorer."""
        return requests.get(self.env["OBSERVATIONS_EXPLORER_URL"] + path, timeout=30)

    def component(self, name: str) -> state.Report:
        """Return what the supervisor says of a component."""
        return next(part for part in state.read_state()["components"] if part["name"] == name)

    def kill(self, name: str) -> None:
        """Pull a component's plug."""
        pid = self.component(name)["pid"]
        assert pid is not None
        os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PANOPTES_LOCAL_DIR", str(tmp_path_factory.mktemp("network")))
        patch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
        supervisor = network.start(Console(quiet=True), attached=True)
        env = state.read_env()
        for name, value in env.items():
            patch.setenv(name, value)
        _forget_addresses()
        load_gaia(CROP.ra_deg, CROP.dec_deg, 10)
        # Other tests' fixtures put an engine of theirs in its place: close it here.
        database.engine().dispose()
        client = Client(project=env["GOOGLE_CLOUD_PROJECT"])
        engine = create_engine(env["DATABASE_URL"])
        yield Network(env, client, engine)
        client.close()
        engine.dispose()
        supervisor.send_signal(signal.SIGTERM)
        supervisor.wait(60)
    _forget_addresses()


def _forget_addresses() -> None:
    config.settings.cache_clear()
    database.engine.cache_clear()


@pytest.fixture(scope="session")
def crops() -> Callable[[], Frame]:
    """Return a function that gives another small simulated frame at each call."""

    def frames() -> Iterator[Frame]:
        for number in range(100):
            start = CROP.start + timedelta(minutes=10 * number)
            yield next(iter(simulate(replace(CROP, start=start))))

    made = frames()
    return lambda: next(made)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}: install Debian's chromium to test the pages")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def explorer_url(database_url: str, storage_port: int) -> Iterator[str]:
    """Address of the explorer, with observations-data behind it."""
    data_port, port = free_port(), free_port()
    environment = web_environment(
        DATABASE_URL=database_url,
        STORAGE_EMULATOR_HOST=f"http://127.0.0.1:{storage_port}",
        OBSERVATIONS_DATA_URL=f"http://127.0.0.1:{data_port}",
    )
    data = web_command("observations-data", data_port)
    explorer = web_command("observations-explorer", port)
    with (
        serving(data, lambda: is_healthy(data_port), env=environment),
        serving(explorer, lambda: is_healthy(port), env=environment),
    ):
        yield f"http://127.0.0.1:{port}"
