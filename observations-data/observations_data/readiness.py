"""Readiness of the service: the database and both buckets respond."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache

from observations_data.files import bucket_names
from panoptes_network.errors import TransientError
from panoptes_network.responses.network import Status
from panoptes_network.web.readiness import database, storage

READY_TIMEOUT_S = 5.0
"""Time limit for each check, regardless of its own limits."""


def require_ready() -> Status:
    """Check that all dependencies respond.

    Raises
    ------
    TransientError
        With the names of those that do not.
    """
    asked = {name: _pool().submit(check) for name, check in CHECKS.items()}
    wait(asked.values(), READY_TIMEOUT_S)
    away = [name for name, probe in asked.items() if not _is_good(name, probe)]
    if away:
        raise TransientError(f"not available: {', '.join(away)}")
    return {"status": "ok"}


def _is_good(name: str, probe: "Future[None]") -> bool:
    if not probe.done():
        probe.cancel()
        return False
    fault = probe.exception()
    if fault is not None:
        logging.getLogger(__name__).warning("%s is not available: %s", name, fault)
    return fault is None


def _ask_storage() -> None:
    for bucket in bucket_names().values():
        storage.check(bucket)


CHECKS: dict[str, Callable[[], None]] = {"database": database.check, "storage": _ask_storage}


@cache
def _pool() -> ThreadPoolExecutor:
    """Return the threads for the checks; a hung one does not block the next request."""
    return ThreadPoolExecutor(max_workers=4, thread_name_prefix="ready")
