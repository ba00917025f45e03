"""Any plug is pulled, and nothing is lost, nothing is doubled: ``make test-faults``.

One run without faults tells what has to come out. In the other, the same files are uploaded
while every component is killed, requests are answered 500 or late, and messages are doubled,
malformed, poisoned or lost. When things are quiet again, both have the same rows.
"""

import json
import signal
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from google.cloud import pubsub_v1

from panoptes_network.events import ImageObject
from tests.faults import snapshot
from tests.faults.load import Item, frames
from tests.faults.network import FaultyNetwork, messages_left, running
from tests.faults.proxy import Faults

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

SEQUENCES = 20
STAGES = (
    "download", "read", "detect", "solve", "catalog", "refit", "upload", "match", "forced",
    "stamps", "database",
)  # fmt: skip
FUNCTIONS = (
    "cf-bucket-upload", "cf-image-received", "cf-header-to-db", "cf-make-fits",
    "cf-make-rgb-fits", "cf-make-jpg",
)  # fmt: skip
SERVERS = {
    "gce-plate-solver": signal.SIGKILL,
    "postgres": signal.SIGQUIT,  # its immediate shutdown
    "storage-server": signal.SIGKILL,
    "pubsub": signal.SIGKILL,
}
QUICK_SWEEP = {"SWEEP_GRACE_S": "20", "SWEEP_LEASE_S": "60"}
QUIET_LIMIT_S = 900
PAUSE_S = 1.8
"""Between two uploads, so that they go on until the last plug is pulled."""
Snapshot = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def items() -> list[Item]:
    return list(frames(SEQUENCES))


@pytest.fixture(scope="module")
def quiet(items: list[Item], tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """What comes out when nothing goes wrong."""
    folder = tmp_path_factory.mktemp("quiet")
    begun = time.monotonic()
    with running(folder, Faults(), **QUICK_SWEEP) as network:
        network.upload_all(items)
        wait_until_done(network, items)
        say("quiet run", f"{len(items)} images in {time.monotonic() - begun:.0f} s")
        return {item.image_id: snapshot.image(network, item.image_id) for item in items}


def say(what: str, outcome: str) -> None:
    """Print a line of the table."""
    print(f"{time.strftime('%H:%M:%S')}  {what:<44}{outcome}", flush=True)


def wait_until_done(network: FaultyNetwork, items: list[Item]) -> None:
    """Wait until all images have ended as they should, sweeping as the schedule would."""

    def done() -> bool:
        network.post("OPERATIONS_URL", "/sweep", {})
        return len(snapshot.ended(network, items)) == len(items) and snapshot.has_products(
            network, items
        )

    def patient() -> bool:
        time.sleep(2)
        return done()

    if not network.wait_for(patient, QUIET_LIMIT_S):
        raise AssertionError(f"not as it should be: {_differing(network, items)}")


def _differing(network: FaultyNetwork, items: list[Item]) -> list[Any]:
    ended = snapshot.ended(network, items)
    late = [item.image_id for item in items if item.image_id not in ended]
    query = "SELECT image_id, state, reason_code, reason FROM images WHERE image_id = ANY(:ids)"
    return [*network.rows(query, ids=late)[:10], f"{len(late)} in all"]


def test_after_every_fault_the_rows_are_those_of_a_quiet_run(
    items: list[Item], quiet: Snapshot, tmp_path: Path
) -> None:
    poison = next(item for item in items if item.path.endswith(".cr2"))
    faults = Faults(failing=0.05, delay_s=0.2, poison={"cf-make-fits": poison.path})
    with running(tmp_path, faults, **QUICK_SWEEP) as network:
        with ThreadPoolExecutor(1) as unit:
            uploads = unit.submit(network.upload_all, items, PAUSE_S)
            inject_all(network, uploads, items)
            uploads.result()
        faults.failing = faults.delay_s = 0.0
        begun = time.monotonic()
        _replay_when_given_up(network, poison)
        wait_until_done(network, items)
        say("all as it should be, after", f"{time.monotonic() - begun:.0f} s")
        say("requests through the proxy", f"{faults.served} served, {faults.failed} answered 500")
        compare(network, quiet)
        # Until the last redelivered message has been found to be done.
        time.sleep(90)
        compare(network, quiet)
    assert messages_left(tmp_path) == []
    assert [str(path) for path in (tmp_path / "temporary").iterdir()] == []


def _replay_when_given_up(network: FaultyNetwork, poison: Item) -> None:
    """Wait until the poisoned image is given up with its reason; then send it again, as it is."""
    query = "SELECT state, reason_code FROM images WHERE image_id = :id"

    def given_up() -> bool:
        network.post("OPERATIONS_URL", "/sweep", {})
        time.sleep(2)
        found = network.rows(query, id=poison.image_id)
        return found == [{"state": "error", "reason_code": "tries_exhausted"}]

    assert network.wait_for(given_up, QUIET_LIMIT_S), network.rows(query, id=poison.image_id)
    say("poison message", f"given up after {network.faults.poisoned} tries")
    network.faults.poison.clear()
    answer = network.post("OPERATIONS_URL", "/replay", {"image_id": poison.image_id})
    assert answer is not None
    assert answer.json()["replayed"] == 1, answer.text


def compare(network: FaultyNetwork, quiet: Snapshot) -> None:
    """Hold each image against the quiet run: row, files, sources with their pixels."""
    for image_id, wanted in quiet.items():
        assert snapshot.image(network, image_id) == wanted, image_id
    assert len(network.rows("SELECT 1 FROM images")) == len(quiet)


def inject_all(network: FaultyNetwork, uploads: Future[Any], items: list[Item]) -> None:
    """Pull every plug, one after the other, while images flow."""
    time.sleep(10)
    for stage in STAGES:
        _timed(f"worker killed in stage {stage}", partial(_kill_in, network, stage))
    for name in FUNCTIONS:
        _timed(f"{name} killed in a request", partial(_kill_function, network, name))
    for name, number in SERVERS.items():
        _timed(f"{name} killed", partial(network.kill_and_wait, name, number))
    for name, number in SERVERS.items():
        _timed(f"{name} killed twice in a row", partial(_twice, network, name, number))
    _timed("broker killed and its store wiped", lambda: _wipe(network))
    _timed("messages doubled, late, malformed", lambda: _strange_messages(network, items))
    _timed("all components killed at once", lambda: _kill_all(network))
    say("uploads", "still flowing" if not uploads.done() else "all sent")


def _timed(what: str, inject: Callable[[], object]) -> None:
    begun = time.monotonic()
    outcome = inject()
    words = "" if outcome is not False else ", it did not come to it"
    say(what, f"{time.monotonic() - begun:5.1f} s{words}")
    time.sleep(2)


def _kill_in(network: FaultyNetwork, wanted: str) -> bool:
    deadline = time.monotonic() + 60
    for stage in network.stages():
        if stage == wanted:
            network.kill("gce-plate-solver")
            network.wait_for(lambda: network.is_ready("gce-plate-solver"), 60)
            return True
        if time.monotonic() > deadline:
            return False
    return False


def _kill_function(network: FaultyNetwork, name: str) -> bool:
    killed: list[float] = []

    def kill() -> None:
        network.kill(name)
        killed.append(time.monotonic())

    network.faults.on_request[name] = kill
    came = network.wait_for(lambda: bool(killed), 60)
    network.wait_for(lambda: network.is_ready(name), 60)
    return bool(came)


def _twice(network: FaultyNetwork, name: str, number: signal.Signals) -> None:
    network.kill_and_wait(name, number)
    network.kill_and_wait(name, number)


def _wipe(network: FaultyNetwork) -> None:
    restarts = network.component("pubsub")["restarts"]
    network.wipe_broker()
    network.wait_for(
        lambda: (
            network.component("pubsub")["restarts"] > restarts
            and network.component("topics")["phase"] == "done"
            and network.is_ready("pubsub")
        ),
        120,
    )


def _kill_all(network: FaultyNetwork) -> None:
    for name in (*FUNCTIONS, *SERVERS, "eventarc", "cf-make-timelapse"):
        network.kill(name, SERVERS.get(name, signal.SIGKILL))
    time.sleep(1)
    for name in (*FUNCTIONS, *SERVERS):
        network.wait_for(partial(network.is_ready, name), 120)


def _strange_messages(network: FaultyNetwork, items: list[Item]) -> None:
    """Publish what nobody should have: doubles, late ones, garbage."""
    project, bucket = network.env["GOOGLE_CLOUD_PROJECT"], network.env["RAW_BUCKET"]
    rows = network.rows("SELECT image_id, bucket_path, generation FROM images WHERE generation > 0")
    pipeline = [
        json.dumps({**row, "bucket": bucket, "generation": row["generation"] + late}).encode()
        for row in rows[:30]
        for late in (0, 0, -1, 1)
    ]
    raw = [
        ImageObject(bucket_path=item.path, bucket=bucket).model_dump_json().encode()
        for item in items[:60]
        if item.path.endswith(".cr2")
    ]
    garbage = [b"", b"\xff\xfe", b"[]", b'{"image_id": 7}', b"{" * 5000, b'{"bucket_path": "../x"}']
    with pubsub_v1.PublisherClient() as publisher:
        for topic, messages in (
            ("PIPELINE_TOPIC", [*reversed(pipeline), *garbage]),
            ("RAW_TOPIC", [*raw, *raw, *garbage]),
            ("FILM_TOPIC", garbage),
        ):
            path = publisher.topic_path(project, network.env[topic])
            futures = [publisher.publish(path, data, strange="1") for data in messages]
            for future in futures:
                future.result(timeout=60)
