"""The worker of light curves as a process of its own: killed, stopped, asked twice."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from panoptes_network.config import settings
from tests.integration.pubsub import Broker, PubSub, connected
from tests.integration.solved_sequence import SEQUENCE_ID, Sequence, SolvedFile
from tests.integration.worker_process import WorkerProcess, wait_for

PROJECT = "panoptes-local"
TOPIC = f"projects/{PROJECT}/topics/sequence-quiet"
SUBSCRIPTION = f"projects/{PROJECT}/subscriptions/gce-light-curves"
LONG_S = 200.0
"""The first worker of a machine compiles what loops over pixels."""

Ask = Callable[[], object]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path / "pubsub.sqlite")
    broker.start()
    yield broker
    broker.end(signal.SIGTERM)


@pytest.fixture
def topic(broker: Broker) -> Iterator[PubSub]:
    with connected(broker.host) as clients:
        clients.publisher.create_topic(name=TOPIC)
        request = {"name": SUBSCRIPTION, "topic": TOPIC, "ack_deadline_seconds": 10}
        clients.subscriber.create_subscription(request=request)
        yield clients


@pytest.fixture
def ask(topic: PubSub) -> Ask:
    return lambda: topic.publish(TOPIC, f'{{"sequence_id": "{SEQUENCE_ID}"}}'.encode())


@pytest.fixture
def worker(
    sequence: Sequence, broker: Broker, topic: PubSub, database_url: str, tmp_path: Path
) -> Iterator[WorkerProcess]:
    """A worker that is not started yet."""
    env = {
        "GOOGLE_CLOUD_PROJECT": PROJECT,
        "PUBSUB_EMULATOR_HOST": broker.host,
        "DATABASE_URL": database_url,
    }
    worker = WorkerProcess(tmp_path, env, "gce-light-curves")
    yield worker
    with suppress(ProcessLookupError):
        os.killpg(worker.process.pid, signal.SIGKILL)
    worker.process.wait(30)


def comes_to(worker: WorkerProcess, stage: str) -> None:
    """Start the worker and wait until it begins a stage, as an earlier one may have, too."""
    before = len(worker.said(stage=stage))
    worker.start()
    wait_for(lambda: len(worker.said(stage=stage)) > before, LONG_S)


def kill(worker: WorkerProcess, sequence: Sequence) -> None:
    """Kill the worker, and let the time pass in which nobody may take its sequence.

    The try does not count: there are more stages than tries.
    """
    os.killpg(worker.process.pid, signal.SIGKILL)
    worker.process.wait(30)
    sequence.change(
        "UPDATE light_curve_sets SET claimed_at = now() - interval '3 minutes', tries = 0"
    )


@pytest.mark.timeout(900)  # eight workers, one after the other
@pytest.mark.slow
def test_a_worker_that_is_killed_loses_nothing(
    worker: WorkerProcess, sequence: Sequence, files: list[SolvedFile], ask: Ask
) -> None:
    sequence.add(files[:3])
    earlier = sequence.put_result("earlier")
    stages = ["psf", "measure", "search", "files", "upload", "database"]
    for stage in stages:
        # Anew, without waiting until the killed worker's lease of the message ends: 30 s.
        ask()
        comes_to(worker, stage)
        kill(worker, sequence)
        assert sequence.made()["parquet_path"] == earlier
        assert earlier in sequence.objects()
    # Now without: that of the last one that was killed comes again by itself.
    worker.start()
    wait_for(lambda: worker.said(message="done"), LONG_S)
    made = sequence.made()
    assert (made["n_frames"], made["tries"]) == (3, 0)
    assert made["claim"] > len(stages)
    assert {made["parquet_path"], made["fits_path"]} <= sequence.objects()
    left = {row["path"] for row in sequence.rows("SELECT path FROM superseded_objects")}
    assert sequence.objects() <= left, "what no row names is noted for the sweep"
    assert worker.end(signal.SIGTERM) == 0
    assert list(worker.temporary.iterdir()) == []


def test_a_stopped_worker_gives_its_sequence_back_and_a_doubled_message_makes_it_once(
    worker: WorkerProcess, sequence: Sequence, files: list[SolvedFile], ask: Ask
) -> None:
    sequence.add(files[:3])
    ask()
    ask()
    worker.start()
    wait_for(lambda: worker.said(stage="measure"), LONG_S)
    assert worker.end(signal.SIGTERM) == 0
    made = sequence.made()
    assert (made["tries"], made["claimed_at"], made["made_at"]) == (0, None, None)
    worker.start()
    wait_for(lambda: worker.said(message="nothing to do: already made, or too early"), LONG_S)
    assert len(worker.said(message="done")) == 1
    assert sequence.made()["n_frames"] == 3
    assert len(sequence.objects()) == 2


def test_messages_for_others_are_acknowledged(
    worker: WorkerProcess, sequence: Sequence, topic: PubSub
) -> None:
    for data in (b'{"find_quiet": true}', b"garbage", b'{"sequence_id": "PAN001"}'):
        topic.publish(TOPIC, data)
    worker.start()
    wait_for(lambda: len(worker.said(severity="ERROR")) == 2, LONG_S)
    wait_for(worker.is_ready)
    assert settings().light_curve_subscription in SUBSCRIPTION
    assert sequence.rows("SELECT * FROM light_curve_sets") == []
