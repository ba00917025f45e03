"""Images a minute through the whole network, by one worker and by two, and what memory it takes.

Small frames (900x700) as FITS are uploaded as fast as the storage takes them, so that the queue
is never empty; a figure counts from the first upload to the last image's end.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psutil
import table
from servers import open_folder
from sqlalchemy import func, select
from whole_network import running_network

from local import state
from panoptes_network import storage
from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.models import Image
from panoptes_network.states import END_STATES, ImageState
from simulator import Observation, simulate

SMALL = Observation(width=900, height=700, cadence_s=30)
WATCHED = ("gce-plate-solver", "cf-image-received", "cf-header-to-db", "cf-make-jpg", "pubsub")
WORKER = state.ROOT / "gce-plate-solver" / "main.py"
LIMIT_S = 3600


def main() -> None:
    """Measure and print."""
    options = _options()
    with open_folder() as folder, running_network(folder):
        memory: dict[str, list[float]] = {name: [] for name in WATCHED}
        table.heading(f"frames of {SMALL.width}x{SMALL.height}, {os.cpu_count()} cores")
        one = _images_a_minute(0, options.frames, memory)
        table.line("1 worker", one, "images/min")
        with _second_worker():
            two = _images_a_minute(options.frames, options.frames, memory)
        table.line("2 workers", two, "images/min")
        _images_a_minute(2 * options.frames, max(0, options.total - 2 * options.frames), memory)
        table.ratio("2 workers / 1 worker", two / one)
        table.line("images that did not come through", float(_not_extracted()), "")
        table.heading(f"memory of each process and its children over {options.total} frames, MB")
        for name, samples in memory.items():
            tenth = max(1, len(samples) // 10)
            early, late = max(samples[tenth : 3 * tenth]), max(samples[-2 * tenth :])
            table.line(name, late, "MB", f"{early:.0f} early on")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--frames", type=int, default=100, help="for each number of workers")
    parser.add_argument(
        "--total", type=int, default=500, help="frames over which memory is watched"
    )
    return parser.parse_args()


@contextmanager
def _second_worker() -> Iterator[None]:
    worker = subprocess.Popen([sys.executable, str(WORKER)], stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(60)


def _images_a_minute(first: int, count: int, memory: dict[str, list[float]]) -> float:
    """Upload `count` frames, wait until all have ended, and return how many that is a minute."""
    begun = time.monotonic()
    start = SMALL.start + timedelta(seconds=first * SMALL.cadence_s)
    for frame in simulate(replace(SMALL, start=start, count=count)):
        with tempfile.TemporaryDirectory() as folder:
            file = frame.write(Path(folder))
            storage.upload(settings().raw_bucket, frame.object_path.path, file, {})
        _sample(memory)
    while _ended() < first + count:
        if time.monotonic() - begun > LIMIT_S:
            raise RuntimeError(f"{_ended()} of {first + count} images have ended: see the logs")
        time.sleep(0.5)
        _sample(memory)
    return count / (time.monotonic() - begun) * 60


def _ended() -> int:
    query = select(func.count()).where(Image.state.in_(END_STATES))
    return run_transaction(lambda session: session.scalar(query)) or 0


def _not_extracted() -> int:
    query = select(func.count()).where(Image.state != ImageState.SOURCES_EXTRACTED)
    return run_transaction(lambda session: session.scalar(query)) or 0


def _sample(memory: dict[str, list[float]]) -> None:
    for part in state.read_state()["components"]:
        if part["name"] in memory and part["pid"]:
            memory[part["name"]].append(_megabytes(part["pid"]))


def _megabytes(pid: int) -> float:
    """Return the resident memory of a process and its children; programs come and go."""
    total = 0
    try:
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            if one.name().startswith("python"):
                total += one.memory_info().rss
    except psutil.NoSuchProcess:
        pass
    return total / 1e6


if __name__ == "__main__":
    main()
