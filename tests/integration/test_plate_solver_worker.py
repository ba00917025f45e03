"""The worker as a process of its own: killed, cut off from what it needs, asked for its health."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from panoptes_network import config
from panoptes_network.events import PipelineImage
from simulator import Frame, Observation, simulate
from tests.integration.pubsub import Broker, PubSub, connected
from tests.integration.solver import Solver, load_gaia
from tests.integration.worker_process import Cable, WorkerProcess, wait_for

CROP = Observation(width=900, height=700, suffix=".fits.fz")
PROJECT = "panoptes-local"
TOPIC = f"projects/{PROJECT}/topics/image-pipeline"
SUBSCRIPTION = f"projects/{PROJECT}/subscriptions/gce-plate-solver"


@pytest.fixture(scope="module")
def crop() -> Frame:
    return next(iter(simulate(CROP)))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path / "pubsub.sqlite")
    broker.start()
    yield broker
    broker.end(signal.SIGTERM)


@pytest.fixture
def pipeline(broker: Broker) -> Iterator[PubSub]:
    with connected(broker.host) as clients:
        clients.publisher.create_topic(name=TOPIC)
        request = {"name": SUBSCRIPTION, "topic": TOPIC, "ack_deadline_seconds": 10}
        clients.subscriber.create_subscription(request=request)
        yield clients


@pytest.fixture
def worker(
    solver: Solver, broker: Broker, pipeline: PubSub, database_url: str, tmp_path: Path
) -> Iterator[WorkerProcess]:
    """A worker that is not started yet, with stars to match."""
    load_gaia(CROP.ra_deg, CROP.dec_deg, 4)
    env = {
        "GOOGLE_CLOUD_PROJECT": PROJECT,
        "PUBSUB_EMULATOR_HOST": broker.host,
        "DATABASE_URL": database_url,
    }
    worker = WorkerProcess(tmp_path, env)
    yield worker
    with suppress(ProcessLookupError):
        os.killpg(worker.process.pid, signal.SIGKILL)
    worker.process.wait(30)


@pytest.fixture
def image(solver: Solver, crop: Frame, tmp_path: Path) -> PipelineImage:
    return solver.upload(crop.object_path.path, crop.write(tmp_path))


@pytest.fixture
def send(pipeline: PubSub) -> Callable[[PipelineImage], object]:
    return lambda image: pipeline.publish(TOPIC, image.model_dump_json().encode())


Send = Callable[[PipelineImage], object]


def ends(solver: Solver, image: PipelineImage, timeout_s: float = 60) -> None:
    wait_for(
        lambda: solver.image(image.image_id)["state"] == "sources_extracted", timeout_s=timeout_s
    )


def test_an_image_passes_and_the_worker_tells_its_health(
    solver: Solver, worker: WorkerProcess, image: PipelineImage, send: Send
) -> None:
    worker.start()
    wait_for(worker.is_ready)
    send(image)
    ends(solver, image)
    wait_for(lambda: worker.said(message="done"))
    stages = [line["stage"] for line in worker.said(message="stage", image_id=image.image_id)]
    assert stages == [
        "download", "read", "detect", "solve", "catalog", "refit", "upload", "match", "forced",
        "stamps", "database",
    ]  # fmt: skip
    health, ready, other = (worker.ask(path) for path in ("/health", "/ready", "/"))
    assert health is not None
    assert ready is not None
    assert other is not None
    assert (health.status_code, health.json()) == (200, {"status": "ok"})
    assert ready.json() == {"ready": True, "away": [], "subscribed": True, "overdue": False}
    assert other.status_code == 404
    began = time.monotonic()
    assert worker.end(signal.SIGTERM) == 0
    assert time.monotonic() - began < 5
    assert list(worker.temporary.iterdir()) == []


def test_the_image_under_way_is_finished_at_sigterm(
    solver: Solver, worker: WorkerProcess, image: PipelineImage, send: Send
) -> None:
    send(image)
    worker.start()
    wait_for(lambda: worker.said(stage="detect"))
    assert worker.end(signal.SIGTERM) == 0
    assert solver.image(image.image_id)["state"] == "sources_extracted"


def test_a_killed_worker_leaves_nothing_behind(
    solver: Solver, worker: WorkerProcess, image: PipelineImage, send: Send
) -> None:
    send(image)
    worker.start()
    wait_for(lambda: worker.said(stage="solve"))
    worker.end(signal.SIGKILL)
    assert list(worker.temporary.iterdir()) != []
    wait_for(lambda: not _processes_in(worker.process.pid), timeout_s=15)
    worker.start()
    ends(solver, image)
    wait_for(lambda: worker.said(message="done"))
    assert list(worker.temporary.iterdir()) == []


def _processes_in(session: int) -> list[int]:
    """Return the living processes of a session."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, _, its_session = entry.read_text().rpartition(")")[2].split()[:4]
            if int(its_session) == session and state != "Z":
                found.append(int(entry.parent.name))
    return found


@pytest.mark.parametrize("part", ["database", pytest.param("storage", marks=pytest.mark.slow)])
def test_no_try_is_spent_while_a_part_is_away(
    solver: Solver,
    worker: WorkerProcess,
    image: PipelineImage,
    send: Send,
    storage_port: int,
    part: str,
) -> None:
    url = worker.env["DATABASE_URL"]
    port = storage_port if part == "storage" else int(url.rpartition(":")[2].partition("/")[0])
    cable = Cable(port)
    worker.env["DATABASE_URL"] = url.replace(f":{port}/", f":{cable.port}/")
    if part == "storage":
        worker.env["STORAGE_EMULATOR_HOST"] = f"http://127.0.0.1:{cable.port}"
    worker.start()
    wait_for(worker.is_ready)
    cable.pull()
    send(image)
    until = time.monotonic() + 12  # longer than the subscription leaves a message with a worker
    wait_for(lambda: worker.said(part=part, severity="WARNING"), timeout_s=90)
    time.sleep(max(until - time.monotonic(), 0))
    assert not worker.is_ready()
    assert solver.image(image.image_id)["tries"] <= (part == "storage")
    cable.plug_in()
    ends(solver, image, timeout_s=90)
    assert solver.image(image.image_id)["tries"] <= 1 + (part == "storage")
    assert [line["message"].split(",")[0] for line in worker.said(part=part)] == [
        f"{part} is unavailable",
        f"{part} is back",
    ]
    wait_for(worker.is_ready)


def test_the_broker_may_go_and_come_back(
    solver: Solver, worker: WorkerProcess, broker: Broker, image: PipelineImage, send: Send
) -> None:
    worker.start()
    wait_for(worker.is_ready)
    broker.end(signal.SIGKILL)
    wait_for(lambda: worker.said(part="broker"))
    time.sleep(5)
    assert not worker.is_ready()
    broker.start()
    wait_for(worker.is_ready, timeout_s=130)
    send(image)
    ends(solver, image)
    assert [line["severity"] for line in worker.said(part="broker")] == ["WARNING", "INFO"]


def test_nothing_is_begun_before_the_solver_and_the_catalog_are_there(
    solver: Solver, worker: WorkerProcess, image: PipelineImage, send: Send, tmp_path: Path
) -> None:
    indexes = tmp_path / "indexes"
    indexes.mkdir()
    worker.env["ASTROMETRY_INDEX_DIR"] = str(indexes)
    with solver.db.begin() as connection:
        connection.exec_driver_sql("TRUNCATE catalog_stars, catalog_loads")
    send(image)
    worker.start()
    wait_for(lambda: worker.said(part="solver") and worker.said(part="catalog"))
    answer = worker.ask("/ready")
    assert answer is not None
    assert (answer.status_code, answer.json()["away"]) == (503, ["catalog", "solver"])
    load_gaia(CROP.ra_deg, CROP.dec_deg, 4)
    for file in Path(config.settings().astrometry_index_dir).glob("index*"):
        (indexes / file.name).symlink_to(file)
    ends(solver, image)
    assert solver.image(image.image_id)["tries"] == 1


def test_one_units_hopeless_night_does_not_hold_up_another(
    solver: Solver, worker: WorkerProcess, send: Send, tmp_path: Path
) -> None:
    frame = next(iter(simulate(replace(CROP, suffix=".fits"))))
    good, hopeless = frame.write(tmp_path), tmp_path / "hopeless.fits"
    with fits.open(good) as opened:
        tiles = opened[0].data.reshape(14, 50, 18, 50).swapaxes(1, 2).reshape(-1, 50, 50)
        mixed = np.random.default_rng(3).permutation(tiles)
        opened[0].data = mixed.reshape(14, 18, 50, 50).swapaxes(1, 2).reshape(700, 900)
        opened.writeto(hopeless)
    night = [_upload(solver, "PAN002/M42/ee04d1", minute, hopeless) for minute in range(6)]
    others = [_upload(solver, "PAN003/M42/ee04d2", minute, good) for minute in range(2)]
    for image in night + others:
        send(image)
    worker.env["SOLVE_CPU_LIMIT_S"] = "1"
    worker.start()
    for image in others:
        ends(solver, image, timeout_s=300)
    left = [image for image in night if solver.image(image.image_id)["state"] != "unsolved"]
    assert left
    assert any(solver.image(image.image_id)["put_off_at"] for image in left)
    assert worker.said(message="postponed: other units go first")


def _upload(solver: Solver, folder: str, minute: int, file: Path) -> PipelineImage:
    return solver.upload(f"{folder}/20181011T130000/20181011T13{minute:02}00.fits", file)
