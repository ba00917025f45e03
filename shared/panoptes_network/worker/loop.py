"""The worker's loop: messages of its subscription, one at a time, until it is told to stop."""

import logging
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from typing import TypeVar

from google.cloud.pubsub_v1 import SubscriberClient
from google.pubsub_v1 import ReceivedMessage

from panoptes_network.config import settings
from panoptes_network.errors import PermanentError, TransientError
from panoptes_network.processing import workspace
from panoptes_network.worker import health
from panoptes_network.worker.dependencies import Dependencies
from panoptes_network.worker.subscription import Subscription

T = TypeVar("T")

MAX_CLAIM_TRIES = 5
"""Claims tried for a message in hand, each after all dependencies responded."""

_log = logging.getLogger(__name__)


class PutOffError(Exception):
    """Other units go first: the message is delivered again after theirs."""


class StoppedError(Exception):
    """The worker was stopped before it finished a message, which is delivered again."""


class Worker(ABC):
    """Handles a subscription's messages, one at a time.

    Parameters
    ----------
    subscription : Subscription
    dependencies : Dependencies
        The worker's dependencies; the caller runs `watch`.
    stopping : threading.Event
        No message is started once it is set.
    """

    def __init__(
        self, subscription: Subscription, dependencies: Dependencies, stopping: threading.Event
    ) -> None:
        self._subscription = subscription
        self._dependencies = dependencies
        self.stopping = stopping

    @abstractmethod
    def work_on(self, received: ReceivedMessage) -> None:
        """Process a message and commit the result; then the message is acknowledged.

        Raises
        ------
        PermanentError
            If a retry would not help: the message is acknowledged.
        Exception
            Any other error: the message is delivered again.
        """

    def work(self) -> None:
        """Handle messages until stopped; none is pulled while a dependency is unavailable."""
        while self._dependencies.wait(self.stopping):
            received = self._subscription.pull()
            if received is not None:
                self.handle(received)

    def handle(self, received: ReceivedMessage) -> None:
        """Process one message, and acknowledge it only after its effect is committed."""
        about = {"message_id": received.message.message_id}
        try:
            with self._subscription.lease(received):
                self.work_on(received)
        except PutOffError:
            _log.info("postponed: other units go first", extra=about)
            self._subscription.give_back(received)
        except StoppedError:
            self._subscription.give_back(received)
        except PermanentError as error:
            _log.error(error.message, extra=about)
            self._subscription.acknowledge(received)
        except Exception as error:
            is_expected = isinstance(error, TransientError)
            _log.warning("will be tried again: %s", error, extra=about, exc_info=not is_expected)
            self._dependencies.recheck()
            self._subscription.give_back(received)
        else:
            self._subscription.acknowledge(received)

    def report(self) -> dict[str, bool | list[str]]:
        """Return whether the worker is working, and what prevents it."""
        away, is_overdue = self._dependencies.away, self._subscription.is_overdue
        is_subscribed = self._subscription.is_subscribed
        ready = self._dependencies.is_known and is_subscribed and not away and not is_overdue
        return {
            "ready": ready,
            "away": away,
            "subscribed": is_subscribed,
            "overdue": is_overdue,
        }

    def begin(self, claim: Callable[[], T]) -> T:
        """Return the result of `claim`, and bound the lease from then on.

        Wait while a dependency is unavailable, which costs no delivery attempt.

        Raises
        ------
        StoppedError
            If the worker is stopped first.
        TransientError
            If `claim` fails though all dependencies respond: its row may be locked.
        """
        for attempt in count(1):
            if not self._dependencies.wait(self.stopping):
                break
            try:
                claimed = claim()
            except TransientError:
                self._dependencies.recheck()
                if attempt == MAX_CLAIM_TRIES:
                    raise
            else:
                self._subscription.begin()
                return claimed
        raise StoppedError


def run(
    worker: Callable[[Subscription, Dependencies, threading.Event], Worker],
    subscription: str,
    checks: Mapping[str, Callable[[], None]],
    max_work_s: float,
) -> None:
    """Work on a subscription until SIGTERM or SIGINT, then finish the current work.

    Parameters
    ----------
    worker : callable
        Creates the worker.
    subscription : str
        Its name, without the project.
    checks : mapping of str to callable
        The dependencies, as for `Dependencies`.
    max_work_s : float
        Work on one message that takes longer counts as hung.
    """
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    for left in workspace.remove_leftovers():
        _log.info("removed files of a killed worker: %s", left)
    dependencies = Dependencies(checks)
    threading.Thread(target=dependencies.watch, name="dependencies", daemon=True).start()
    path = SubscriberClient.subscription_path(settings().google_cloud_project, subscription)
    with closing(Subscription(path, dependencies, stopping, max_work_s)) as subscribed:
        working_one = worker(subscribed, dependencies, stopping)
        with health.answering(working_one.report), ThreadPoolExecutor(1) as pool:
            # In a thread of its own, as only the main thread receives signals.
            working = pool.submit(working_one.work)
            working.add_done_callback(lambda _: stopping.set())
            _log.info("waiting for work", extra={"subscription": path})
            stopping.wait()
            subscribed.stop_pulling()
        working.result()
    _log.info("stopped")
