"""The light-curve worker in its container: a sequence, and the same grown when told to stop."""

import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import text

from local.state import log_file
from panoptes_network import pubsub, storage
from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.events import FilmRequest
from simulator import Observation, simulate
from tests.container.container import Container, wait_for
from tests.container.network import are_solved
from tests.integration.solved_sequence import load_field

SOLVED_S = 600.0
MADE_S = 900.0
"""A worker without machine code compiles it first."""

FIELD = Observation(width=900, height=700, count=7, seed=13, suffix=".fits.fz")
SEQUENCE_ID = FIELD.image_id(0)

_MEASURING = '"stage": "measure"'
"""The log's words for the stage in which it is stopped."""


def check(container: Container, stop_s: float) -> bool:
    """Make light curves; add a frame, and stop at work; return whether all is as it should be."""
    with tempfile.TemporaryDirectory() as folder:
        load_field(Path(folder), FIELD)
    *first, last = simulate(FIELD)
    return (
        are_solved(first, SOLVED_S)
        and _are_made(len(first))
        and container.is_confined()
        and _keeps_machine_code(container)
        and are_solved([last], SOLVED_S)
        and _gives_back(container, stop_s)
        and _come(FIELD.count)
    )


def _are_made(count: int) -> bool:
    """Ask for the light curves of some frames; return whether they come."""
    _ask()
    return _come(count)


def _ask() -> None:
    pubsub.publish(settings().film_topic, FilmRequest(sequence_id=SEQUENCE_ID))


def _come(count: int) -> bool:
    """Wait for the light curves of some frames, and print them; return whether all is there."""
    began = time.monotonic()
    wait_for(lambda: _row().get("n_frames") == count or _row().get("reason"), MADE_S)
    row = _row()
    if row.get("n_frames") != count or row["made_at"] is None:
        print(f"no light curves of {count} frames: {row}")
        return False
    waited_s = time.monotonic() - began
    print(
        f"light curves of {count} frames: {row['n_stars']} stars, waited {waited_s:.1f} s for them"
    )
    return _has_files(row)


def _has_files(row: dict[str, Any]) -> bool:
    bucket, sizes = settings().processed_bucket, []
    for kind in ("parquet", "fits"):
        stored = storage.find_if_there(bucket, row[f"{kind}_path"])
        sizes.append(stored.size if stored else 0)
        print(f"{row[f'{kind}_path']}: {sizes[-1] / 1e6:.2f} MB")
    return all(sizes)


def _keeps_machine_code(container: Container) -> bool:
    cache = container.stage.environment["NUMBA_CACHE_DIR"].removeprefix("/tmp/")  # noqa: S108
    count = len(list((container.volume / cache).rglob("*.nbi")))
    print(f"machine code of {count} functions is kept")
    return count > 0


def _gives_back(container: Container, stop_s: float) -> bool:
    """Send SIGTERM while it measures; return whether it gives the sequence back in time."""
    before, log = _row(), log_file(container.service)
    begun = log.read_text().count(_MEASURING)
    _ask()
    is_begun = wait_for(lambda: log.read_text().count(_MEASURING) > begun, MADE_S)
    stopping_s = container.stop(3 * stop_s)
    row = _row()
    is_same = row["made_at"] == before["made_at"]
    is_free = (row["claimed_at"], row["tries"]) == (None, 0)
    print(
        f"told to stop in the midst of a sequence: ended after {stopping_s:.1f} s,"
        f" the sequence is {'given back' if is_free else 'still claimed'},"
        f" the earlier result is {'kept' if is_same else 'gone'}"
    )
    return is_begun and stopping_s < stop_s and is_free and is_same


def _row() -> dict[str, Any]:
    query = text("SELECT * FROM light_curve_sets WHERE sequence_id = :id")
    rows = run_transaction(lambda s: s.execute(query, {"id": SEQUENCE_ID}).mappings().all())
    return dict(rows[0]) if rows else {}
