"""The whole network for a bench: started in a folder, fed by uploads, waited for."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from local import first_catalog, network, state
from panoptes_network import storage
from panoptes_network.config import settings
from panoptes_network.database.engine import engine

LOOK_AGAIN_S = 1.0


@contextmanager
def running_network(folder: Path, *, with_catalog: bool = True) -> Iterator[None]:
    """Run the network in `folder` while the block lasts; this process has its settings."""
    os.environ["PANOPTES_LOCAL_DIR"] = str(folder)
    os.environ.pop("PUBSUB_EMULATOR_HOST", None)
    supervisor = network.start(Console(quiet=True), attached=True)
    os.environ.update(state.read_env())
    settings.cache_clear()
    try:
        if with_catalog:
            first_catalog.load(Console(quiet=True))
        yield
    finally:
        engine().dispose()
        supervisor.terminate()
        supervisor.wait(90)


def upload_folder(folder: Path, pattern: str) -> list[str]:
    """Upload a unit's files under their paths below `folder`; return these, sorted."""
    paths = sorted(str(file.relative_to(folder)) for file in folder.glob(pattern))
    for path in paths:
        storage.upload(settings().raw_bucket, path, folder / path, {})
    return paths


def wait_until(is_done: Callable[[], bool], what: str, limit_s: float) -> None:
    """Look again and again until `is_done`.

    Raises
    ------
    TimeoutError
        After `limit_s` seconds.
    """
    deadline = time.monotonic() + limit_s
    while not is_done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {limit_s:.0f} s")
        time.sleep(LOOK_AGAIN_S)


def say(words: str) -> None:
    """Tell on standard error how far the bench is; its figures alone go to standard output."""
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)
