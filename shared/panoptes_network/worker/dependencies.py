"""Health of the worker's dependencies, polled in the background.

A failing dependency is logged once, and once more when it is back. Meanwhile the worker starts
nothing, so that no delivery attempts are wasted.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from sqlalchemy import select
from tenacity import Retrying, retry_if_result, wait_random_exponential

from panoptes_network import storage
from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.models import CatalogStar
from panoptes_network.errors import TransientError
from panoptes_network.processing.workspace import check_room

LOOK_EVERY_S = 15.0

LATELY_S = 120.0
"""Age after which a check is outdated; a check takes seconds, or 20 if storage is unavailable."""

MAX_BACKOFF_S = 15.0

BROKER = "broker"
"""The dependency that is not polled: each pull reports it."""

_PAUSE_S = 0.5

_log = logging.getLogger(__name__)


def check_database() -> None:
    """Check that the database responds."""
    run_transaction(lambda session: session.execute(select(1)))


def check_catalog() -> None:
    """Check that stars are loaded: without stars every image would fail."""
    first = select(CatalogStar.picid).limit(1)
    if run_transaction(lambda session: session.scalar(first)) is None:
        raise TransientError("no stars are loaded; load some with load-catalog")


def check_storage() -> None:
    """Check that storage responds, by looking up an object that does not exist."""
    storage.find_if_there(settings().processed_bucket, "health")


CHECKS: Mapping[str, Callable[[], None]] = {
    "database": check_database,
    "catalog": check_catalog,
    "storage": check_storage,
    "disk": check_room,
}
"""Dependencies of every worker."""


class Dependencies:
    """State of the dependencies, from the last check or from failed work.

    Parameters
    ----------
    checks : mapping of str to callable
        For each dependency, a function that raises an error if it is unavailable.
    """

    def __init__(self, checks: Mapping[str, Callable[[], None]]) -> None:
        self._checks = checks
        self._problems: dict[str, str] = {}
        self._is_known = False
        self._looked_at = -LATELY_S
        self._changed = threading.Condition()
        self._in_doubt = threading.Event()

    @property
    def away(self) -> list[str]:
        """The unavailable dependencies."""
        with self._changed:
            return sorted(self._problems)

    @property
    def is_known(self) -> bool:
        """Whether all dependencies were checked recently."""
        return self._is_known and time.monotonic() - self._looked_at < LATELY_S

    def watch(self) -> None:
        """Check all dependencies forever: often while one is unavailable or in doubt."""
        look = Retrying(
            retry=retry_if_result(lambda all_there: not all_there),
            wait=wait_random_exponential(multiplier=0.5, max=MAX_BACKOFF_S),
        )
        while True:
            look(self._look)
            self._in_doubt.wait(LOOK_EVERY_S)

    def recheck(self) -> None:
        """Report a failure: nothing starts before a new check."""
        self._is_known = False
        self._in_doubt.set()

    def wait(self, stopping: threading.Event) -> bool:
        """Wait until all polled dependencies are available; False if `stopping` is set first."""
        with self._changed:
            while not stopping.is_set():
                if self._is_known and not self._problems.keys() & self._checks.keys():
                    return True
                self._changed.wait(_PAUSE_S)
        return False

    def note(self, part: str, problem: str | None) -> None:
        """Record an error of a dependency, or None if it is available; log changes."""
        with self._changed:
            was_away = part in self._problems
            self._problems.pop(part, None)
            if problem is not None:
                self._problems[part] = problem
            if problem is not None and not was_away:
                _log.warning("%s is unavailable, waiting: %s", part, problem, extra={"part": part})
            elif problem is None and was_away:
                _log.info("%s is back", part, extra={"part": part})
            self._changed.notify_all()

    def _look(self) -> bool:
        """Check each dependency once; return whether all are available."""
        self._in_doubt.clear()
        problems = {part: _problem(check) for part, check in self._checks.items()}
        with self._changed:
            for part, problem in problems.items():
                self.note(part, problem)
            self._is_known, self._looked_at = not self._in_doubt.is_set(), time.monotonic()
            self._changed.notify_all()
        return not any(problems.values())


def _problem(check: Callable[[], None]) -> str | None:
    try:
        check()
    except Exception as error:
        # Any error counts: a dependency that cannot be checked cannot be relied on.
        return str(error) or repr(error)
    return None
