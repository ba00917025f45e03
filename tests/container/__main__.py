"""Build the plate solver's image, run it in a network, solve frames in it: `make container-check`.

Needs root and debootstrap; takes some minutes. Prints what it measures, ends with 1 when something
is not as it should be.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import requests
from rich.console import Console
from sqlalchemy import text

from deployment.service import ROOT
from deployment.stage import stage as stage_service
from local import network, state
from panoptes_network import config, storage
from panoptes_network.database.engine import run_transaction
from simulator import Frame, Observation, simulate
from tests.conftest import free_port
from tests.container.build import Builder, inside, size_mb
from tests.container.dockerfile import Stage
from tests.integration.solver import load_gaia

SERVICE = "gce-plate-solver"
STOP_S = 25
"""A spot machine is told thirty seconds before it vanishes."""

FULL = Observation(suffix=".fits.fz")


def main() -> int:
    """Build, run, solve, stop."""
    dockerfile = ROOT / SERVICE / "Dockerfile"
    with tempfile.TemporaryDirectory(prefix="container-") as work:
        Path(work).chmod(0o711)  # PostgreSQL is another user
        built, root = Builder(stage_service(SERVICE), Path(work), print).build(dockerfile)
        print(f"the image: {size_mb(root):.0f} MB, user {built.user}, {built.entry_point}")
        os.environ |= {
            "CONTAINER": str(root),
            "DOCKERFILE": str(dockerfile),
            "CONTAINER_HEALTH_PORT": str(free_port()),
            "PANOPTES_LOCAL_DIR": str(Path(work) / "network"),
        }
        with _network():
            return _check(built, root)


def _check(built: Stage, root: Path) -> int:
    first, second = _frames()
    _send(first)
    state_of_first, seconds = _wait_for_end(first)
    print(f"a full frame: {state_of_first}, {seconds:.1f} s from the upload on")
    health, user = _health_check(built, root), _user()
    print(f"the health check ends with {health}; the worker's user is {user}")
    _send(second)
    stopping_s = _stop_at_work(second)
    state_of_second = _state(second)
    print(f"told to stop while it solved: ended after {stopping_s:.1f} s, image {state_of_second}")
    extracted = state_of_first == state_of_second == "sources_extracted"
    passed = extracted and health == 0 and user != 0 and stopping_s < STOP_S
    print("passed" if passed else "FAILED")
    return 0 if passed else 1


@contextmanager
def _network() -> Iterator[None]:
    os.environ.pop("PUBSUB_EMULATOR_HOST", None)
    supervisor = network.start(
        Console(quiet=True), attached=True, module="tests.container.supervise"
    )
    os.environ |= state.read_env()
    config.settings.cache_clear()
    load_gaia(FULL.ra_deg, FULL.dec_deg, 12)
    try:
        yield
    finally:
        supervisor.send_signal(signal.SIGTERM)
        supervisor.wait(90)


def _frames() -> list[Frame]:
    starts = [FULL.start, FULL.start + timedelta(minutes=10)]
    return [next(iter(simulate(replace(FULL, start=start)))) for start in starts]


def _send(frame: Frame) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = frame.write(Path(folder))
        storage.client().bucket(config.settings().raw_bucket).blob(
            frame.object_path.path
        ).upload_from_filename(str(file))


def _state(frame: Frame) -> str | None:
    query = text("SELECT state FROM images WHERE image_id = :id")
    about = {"id": str(frame.object_path.image_id)}
    found: str | None = run_transaction(lambda session: session.scalar(query, about))
    return found


def _wait_for_end(frame: Frame) -> tuple[str | None, float]:
    began = time.monotonic()
    ends = {"sources_extracted", "skipped", "unsolved", "error"}
    _wait(lambda: _state(frame) in ends, 180)
    return _state(frame), time.monotonic() - began


def _wait(condition: Callable[[], bool], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)


def _pid() -> int:
    parts = {part["name"]: part for part in state.read_state()["components"]}
    return int(parts[SERVICE]["pid"])


def _user() -> int:
    return Path(f"/proc/{_pid()}").stat().st_uid


def _health_check(built: Stage, root: Path) -> int:
    port = os.environ["CONTAINER_HEALTH_PORT"]
    ready = requests.get(f"http://127.0.0.1:{port}/ready", timeout=5)
    print(f"/ready answers {ready.status_code}: {ready.text}")
    environment = {**built.environment, "HEALTH_PORT": port}
    return subprocess.run(
        inside(built, root, built.health_check), check=False, env=environment
    ).returncode


def _stop_at_work(frame: Frame) -> float:
    """Send SIGTERM in the midst of an image; return how many seconds the worker still took."""
    _wait(lambda: _state(frame) == "solving", 60)
    pid, began = _pid(), time.monotonic()
    os.kill(pid, signal.SIGTERM)
    _wait(lambda: not Path(f"/proc/{pid}").exists(), 90)
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
