"""Lets a bench import the services' own packages: import this first.

A service's folder is on the path of its own process only, so that none is installed.
"""

import multiprocessing
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from pkgutil import resolve_name

_HERE = Path(__file__).parents[1]

_KINDS = ("observations-data", "gce-*", "cf-make-*")
sys.path[:0] = [str(folder) for kind in _KINDS for folder in _HERE.glob(kind)]


@contextmanager
def own_process() -> Iterator[Executor]:
    """Yield a new process that does one thing after the other, as a service's own does."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        try:
            yield process
        finally:
            process.submit(_end_isolation).result()


def _end_isolation() -> None:
    """End the service's other process: this one would wait for it, and it for work."""
    if "panoptes_network.processing.isolation" in sys.modules:
        pool = resolve_name("panoptes_network.processing.isolation._pool")()
        pool.stop()
        pool.join()
