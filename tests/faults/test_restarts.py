"""A restart is not an outage: the network goes down and up in the middle of uploads.

``RESTART_ROUNDS`` says how often, if not ten times. Every other time its supervisor is killed, and
all dies with it. Messages have as many tries as in the cloud.
"""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from tests.faults import snapshot
from tests.faults.load import Item, frames
from tests.faults.network import FaultyNetwork, running
from tests.faults.proxy import Faults

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

ROUNDS = int(os.environ.get("RESTART_ROUNDS", "10"))
UPLOADS = 40
QUICK_SWEEP = {"SWEEP_GRACE_S": "20", "SWEEP_LEASE_S": "60"}
ROUND_LIMIT_S = 600
UNIT = "PAN001"


@pytest.fixture(scope="module")
def items() -> list[Item]:
    """Four sequences of FITS files and one of CR2, of which 40 files are uploaded."""
    good = [item for item in frames(5) if item.reason is None]
    return good[-UPLOADS:]


@pytest.fixture
def network(tmp_path: Path) -> Iterator[FaultyNetwork]:
    with running(tmp_path, Faults(), module="local", **QUICK_SWEEP) as network:
        yield network


def test_restarts_in_the_middle_of_uploads_lose_nothing(
    network: FaultyNetwork, items: list[Item]
) -> None:
    uploaded: list[Item] = []
    print("\nround  stopped by         down and up   until all was done  dead letters")
    for number in range(1, ROUNDS + 1):
        by_kill = number % 2 == 0
        sent = _of_unit(items, f"PAN{number:03}")
        uploaded += sent
        with ThreadPoolExecutor(1) as unit:
            uploads = unit.submit(network.upload_all, sent)
            _wait_for_rows(network, len(uploaded) - UPLOADS // 2)
            begun = time.monotonic()
            network.restart(by_kill=by_kill)
            up = time.monotonic()
            uploads.result()
        done_s = _wait_until_done(network, uploaded)
        how = "killed supervisor" if by_kill else "make down"
        letters = len(network.rows("SELECT 1 FROM dead_letters"))
        print(f"{number:5}  {how:<18}{up - begun:10.1f} s{done_s:18.1f} s{letters:14}", flush=True)
        assert letters == 0, network.rows("SELECT topic, subscription, reason FROM dead_letters")
    assert len(network.rows("SELECT 1 FROM images")) == len(uploaded)
    assert all(snapshot.image(network, item.image_id)["is_whole"] for item in uploaded)


def _of_unit(items: list[Item], unit_id: str) -> list[Item]:
    """Return the same files as another unit's."""
    return [
        replace(
            item,
            path=item.path.replace(UNIT, unit_id),
            image_id=item.image_id.replace(UNIT, unit_id),
        )
        for item in items
    ]


def _wait_for_rows(network: FaultyNetwork, count: int) -> None:
    """Wait until half of the uploads are known: some are in work, others on their way."""
    query = "SELECT 1 FROM images WHERE generation > 0"
    assert network.wait_for(lambda: len(network.rows(query)) >= count, ROUND_LIMIT_S)


def _wait_until_done(network: FaultyNetwork, items: list[Item]) -> float:
    """Wait until each image has all that it should have, and the page of the status is green."""
    begun = time.monotonic()

    def is_done() -> bool:
        network.post("OPERATIONS_URL", "/sweep", {})
        has_all = len(snapshot.ended(network, items)) == len(items)
        return has_all and snapshot.has_products(network, items) and _is_green(network)

    assert network.wait_for(is_done, ROUND_LIMIT_S), network.rows(
        "SELECT image_id, state, reason FROM images WHERE state <> 'sources_extracted'"
    )
    return time.monotonic() - begun


def _is_green(network: FaultyNetwork) -> bool:
    page = requests.get(f"{network.env['OBSERVATIONS_EXPLORER_URL']}/status", timeout=60)
    return page.ok and "everything is processed" in page.text
