"""The worker's subscription: one message at a time, leased until it is done.

It pulls single messages instead of the client's stream. So a message is held while a dependency is
unavailable, without costing delivery attempts, and each pull shows whether the broker responds.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from google.api_core.exceptions import DeadlineExceeded, GoogleAPICallError, RetryError
from google.cloud.pubsub_v1 import SubscriberClient
from google.pubsub_v1 import PullRequest, ReceivedMessage
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_when_event_set,
    wait_random_exponential,
)
from tenacity.nap import sleep_using_event

from panoptes_network.worker.dependencies import BROKER, MAX_BACKOFF_S, Dependencies

PULL_S = 60.0
"""Time that a pull waits for a message."""

LEASE_S = 30
"""Longest time until a killed worker's message is delivered again."""

ANSWER_S = 60.0

_log = logging.getLogger(__name__)


class Subscription:
    """A pull subscription.

    Parameters
    ----------
    path : str
        Its full resource name.
    dependencies : Dependencies
        Informed whether the broker responds.
    stopping : threading.Event
        Pulls are not retried once it is set.
    max_work_s : float
        Time that a lease is extended once work has begun. Work that takes longer counts as hung.
    """

    def __init__(
        self, path: str, dependencies: Dependencies, stopping: threading.Event, max_work_s: float
    ) -> None:
        self._path = path
        self._max_work_s = max_work_s
        self._dependencies = dependencies
        self._stopping = stopping
        # Closing a client ends its pull; a message in hand still has to be acknowledged.
        self._pulling, self._answering = SubscriberClient(), SubscriberClient()
        self._working_since: float | None = None
        self.is_subscribed = False

    @property
    def is_overdue(self) -> bool:
        """Whether work on a message took so long that its lease has ended."""
        since = self._working_since
        return since is not None and time.monotonic() - since > self._max_work_s

    def pull(self) -> ReceivedMessage | None:
        """Wait for a message, also while the broker is unavailable; None if there is none yet."""
        again = Retrying(
            retry=retry_if_exception_type(GoogleAPICallError),
            wait=wait_random_exponential(multiplier=0.5, max=MAX_BACKOFF_S),
            sleep=sleep_using_event(self._stopping),
            stop=stop_when_event_set(self._stopping),
            before_sleep=self._note_broker,
            retry_error_callback=lambda _: None,
        )
        received: ReceivedMessage | None = again(self._pull_once)
        return received

    def stop_pulling(self) -> None:
        """End the waiting pull, if there is one."""
        self._pulling.close()

    def close(self) -> None:
        """Close the connection to the broker."""
        self._pulling.close()
        self._answering.close()

    @contextmanager
    def lease(self, received: ReceivedMessage) -> Iterator[None]:
        """Hold a message during the block; see `begin`."""
        ended = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(received.ack_id, ended), daemon=True)
        keeper.start()
        try:
            yield
        finally:
            ended.set()
            # A running extension must not arrive after the acknowledgement.
            keeper.join()
            self._working_since = None

    def begin(self) -> None:
        """Mark work on the message as begun: its lease is bounded from now on."""
        self._working_since = time.monotonic()

    def acknowledge(self, received: ReceivedMessage) -> None:
        """Acknowledge a message. If the broker does not receive this, the message comes again."""
        try:
            self._answering.acknowledge(
                subscription=self._path, ack_ids=[received.ack_id], timeout=ANSWER_S
            )
        except (GoogleAPICallError, RetryError) as error:
            about = {"message_id": received.message.message_id}
            _log.warning("not acknowledged, will be redelivered: %s", error, extra=about)

    def give_back(self, received: ReceivedMessage) -> None:
        """Return a message for redelivery to any worker."""
        self._extend(received.ack_id, 0)

    def _pull_once(self) -> ReceivedMessage | None:
        request = PullRequest(subscription=self._path, max_messages=1)
        try:
            answer = self._pulling.pull(request=request, timeout=PULL_S, retry=None)
        except DeadlineExceeded:
            answer = None
        except ValueError:
            # gRPC raises this for a closed client.
            if not self._stopping.is_set():
                raise
            return None
        self.is_subscribed = True
        self._dependencies.note(BROKER, None)
        return next(iter(answer.received_messages), None) if answer else None

    def _note_broker(self, state: RetryCallState) -> None:
        self.is_subscribed = False
        if not self._stopping.is_set() and state.outcome:
            self._dependencies.note(BROKER, str(state.outcome.exception()))

    def _keep(self, ack_id: str, ended: threading.Event) -> None:
        while not ended.is_set() and not self.is_overdue:
            self._extend(ack_id, LEASE_S)
            ended.wait(LEASE_S / 3)

    def _extend(self, ack_id: str, seconds: int) -> None:
        # A lease that is not extended ends, and the message comes again: no harm.
        with suppress(GoogleAPICallError, RetryError):
            self._answering.modify_ack_deadline(
                subscription=self._path,
                ack_ids=[ack_id],
                ack_deadline_seconds=seconds,
                timeout=LEASE_S / 3,
            )
