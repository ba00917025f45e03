"""Health of the worker's dependencies, polled in the background.

A part that goes away is told once in the log, and once when it is back. While one is away the
worker begins nothing, so that no tries are spent on that.
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
"""A look is no news any more after so long: one takes seconds, where storage is away 20."""

MAX_BACKOFF_S = 15.0

BROKER = "broker"
"""The part that no look is taken at: each pull tells."""

_PAUSE_S = 0.5

_log = logging.getLogger(__name__)


def check_database() -> None:
    """Make sure that the database answers."""
    run_transaction(lambda session: session.execute(select(1)))


def check_catalog() -> None:
    """Make sure that stars are loaded: without any, all work would end for the want of them."""
    first = select(CatalogStar.picid).limit(1)
    if run_transaction(lambda session: session.scalar(first)) is None:
        raise TransientError("no star is loaded; load some with load-catalog")


def check_storage() -> None:
    """Make sure that storage answers: whether there is an object, for one that there is not."""
    storage.find_if_there(settings().processed_bucket, "health")


CHECKS: Mapping[str, Callable[[], None]] = {
    "database": check_database,
    "catalog": check_catalog,
    "storage": check_storage,
    "disk": check_room,
}
"""What every worker depends on."""


class Dependencies:
    """Which dependencies are away, as the last look or whoever met with it says.

    Parameters
    ----------
    checks : mapping of str to callable
        For each part, what raises an error where it is away.
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
        """The dependencies that are away."""
        with self._changed:
            return sorted(self._problems)

    @property
    def is_known(self) -> bool:
        """Whether all dependencies were looked at lately."""
        return self._is_known and time.monotonic() - self._looked_at < LATELY_S

    def watch(self) -> None:
        """Look at all dependencies for ever: often while one is away, and when one is in doubt."""
        look = Retrying(
            retry=retry_if_result(lambda all_there: not all_there),
            wait=wait_random_exponential(multiplier=0.5, max=MAX_BACKOFF_S),
        )
        while True:
            look(self._look)
            self._in_doubt.wait(LOOK_EVERY_S)

    def recheck(self) -> None:
        """Say that something failed: nothing is begun before a new look."""
        self._is_known = False
        self._in_doubt.set()

    def wait(self, stopping: threading.Event) -> bool:
        """Wait until all that is looked at is there; return False where `stopping` came first."""
        with self._changed:
            while not stopping.is_set():
                if self._is_known and not self._problems.keys() & self._checks.keys():
                    return True
                self._changed.wait(_PAUSE_S)
        return False

    def note(self, part: str, problem: str | None) -> None:
        """Note that a part is away, or with None that it is there; tell it where that is new."""
        with self._changed:
            was_away = part in self._problems
            self._problems.pop(part, None)
            if problem is not None:
                self._problems[part] = problem
            if problem is not None and not was_away:
                _log.warning("%s is away, waiting: %s", part, problem, extra={"part": part})
            elif problem is None and was_away:
                _log.info("%s is back", part, extra={"part": part})
            self._changed.notify_all()

    def _look(self) -> bool:
        """Look at each part once; return whether all are there."""
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
        # Whatever it is: a part that cannot be looked at is none to build on.
        return str(error) or repr(error)
    return None
