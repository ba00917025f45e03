"""Takes images from the subscription, one at a time, and ends each with a state and a reason."""

import logging
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from google.cloud.pubsub_v1 import SubscriberClient
from google.pubsub_v1 import ReceivedMessage

from panoptes_network import isolation, workspace
from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.images import (
    Claim,
    StaleClaimError,
    claim_image,
    end_state,
    end_with_reason,
)
from panoptes_network.database.turns import put_off
from panoptes_network.errors import (
    PanoptesError,
    PermanentError,
    Reason,
    TransientError,
)
from panoptes_network.events import PipelineImage, parse
from plate_solver import health
from plate_solver.parts import Parts
from plate_solver.pipeline import Stopwatch, process
from plate_solver.subscription import Subscription

SERVICE = "gce-plate-solver"

MAX_TRIES = 5
"""Of one image; what keeps the worker from it, as a part that is away, costs none."""

ALLOWANCE_IN_SOLVES = 3
"""A unit may have so many hopeless solves' time more than another whose images wait."""

MAX_PUT_OFF = 90
"""Deliveries; after so many, hours later, a message is not put off any more, and has tries left."""

MAX_CLAIM_TRIES = 5
"""Of a message in hand, each when all parts have just answered."""

_log = logging.getLogger(SERVICE)


class PutOffError(Exception):
    """Images of other units go first: the message comes again behind them."""


class StoppedError(Exception):
    """The worker was told to end before it had begun with a message."""


def run() -> None:
    """Work on the subscription until SIGTERM or SIGINT; the image under way is finished."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    for path in workspace.remove_leftovers():
        _log.info("removed what a killed worker had left: %s", path)
    isolation.prepare("plate_solver.solved_file")
    parts = Parts()
    threading.Thread(target=parts.watch, name="parts", daemon=True).start()
    with closing(Subscription(_subscription_path(), parts, stopping)) as subscription:
        worker = Worker(subscription, parts, stopping)
        with health.answering(worker.report), ThreadPoolExecutor(1) as pool:
            # Beside the main thread, which alone hears signals.
            working = pool.submit(worker.work)
            working.add_done_callback(lambda _: stopping.set())
            _log.info("waiting for images", extra={"subscription": _subscription_path()})
            stopping.wait()
            subscription.stop_pulling()
        working.result()
    _log.info("stopped")


class Worker:
    """Handles the messages of a subscription, one after the other.

    Parameters
    ----------
    subscription : Subscription
    parts : Parts
        What the work depends on; somebody watches them.
    stopping : threading.Event
        No message is begun after it.
    """

    def __init__(self, subscription: Subscription, parts: Parts, stopping: threading.Event) -> None:
        self._subscription = subscription
        self._parts = parts
        self._stopping = stopping

    def work(self) -> None:
        """Handle messages until told to stop; none is taken while a part is away."""
        while self._parts.wait(self._stopping):
            received = self._subscription.pull()
            if received is not None:
                self.handle(received)

    def handle(self, received: ReceivedMessage) -> None:
        """Work on one message; it is acknowledged only when its effect is committed."""
        about = {"message_id": received.message.message_id}
        try:
            with self._subscription.lease(received):
                self._work_on(received)
        except PutOffError:
            _log.info("put off: images of other units go first", extra=about)
            self._subscription.give_back(received)
        except StoppedError:
            self._subscription.give_back(received)
        except PermanentError as error:
            _log.error(error.message, extra=about)
            self._subscription.acknowledge(received)
        except Exception as error:
            is_expected = isinstance(error, TransientError)
            _log.warning("left for another try: %s", error, extra=about, exc_info=not is_expected)
            self._parts.doubt()
            self._subscription.give_back(received)
        else:
            self._subscription.acknowledge(received)

    def report(self) -> dict[str, Any]:
        """Return whether the worker does its work, and what keeps it from that."""
        away, is_overdue = self._parts.away, self._subscription.is_overdue
        is_subscribed = self._subscription.is_subscribed
        ready = self._parts.is_known and is_subscribed and not away and not is_overdue
        return {
            "ready": ready,
            "away": away,
            "subscribed": is_subscribed,
            "overdue": is_overdue,
        }

    def _work_on(self, received: ReceivedMessage) -> None:
        message = received.message
        image = parse(PipelineImage, message.data)
        may_wait = received.delivery_attempt < MAX_PUT_OFF
        claim = self._claim(image, message.message_id, may_wait=may_wait)
        self._subscription.begin()
        work_on_claimed(image, claim)

    def _claim(self, image: PipelineImage, message_id: str, *, may_wait: bool) -> Claim | None:
        """Claim an image; while a part is away, wait: no try is spent on that."""
        for attempt in count(1):
            if not self._parts.wait(self._stopping):
                break
            try:
                if may_wait and is_put_off(image):
                    raise PutOffError
                return claim(image, message_id)
            except TransientError:
                self._parts.doubt()
                # The database answers, and yet not here: the image may be locked.
                if attempt == MAX_CLAIM_TRIES:
                    raise
        raise StoppedError


def work_on(image: PipelineImage, message_id: str) -> None:
    """Claim an image and work on it.

    Raises
    ------
    Exception
        Whatever may pass when it is tried again; the message must not be acknowledged.
    """
    work_on_claimed(image, claim(image, message_id))


def is_put_off(image: PipelineImage) -> bool:
    """Return whether others go first, and note it. TransientError: the database is away."""
    allowance_s = ALLOWANCE_IN_SOLVES * settings().solve_cpu_limit_s
    return run_transaction(partial(put_off, message=image, allowance_s=allowance_s))


def claim(image: PipelineImage, message_id: str) -> Claim | None:
    """Claim an image; None where there is nothing to do. TransientError: the database is away."""
    return run_transaction(
        partial(claim_image, message=image, message_id=message_id, service=SERVICE)
    )


def work_on_claimed(image: PipelineImage, claim: Claim | None) -> None:
    """Take an image through the pipeline and commit how it ended.

    Raises
    ------
    Exception
        As `work_on`.
    """
    if claim is None:
        _log.info("nothing to do: ended already, or a newer file came", extra=_about(image))
        return
    stage = Stopwatch(about=_about(image))
    try:
        _process(image, claim, stage)
    except StaleClaimError:
        _log.warning("dropped: the image was taken over", extra=_about(image))
    except PermanentError as error:
        _end(claim, error, stage)
    except Exception as error:
        if claim.tries >= MAX_TRIES:
            _end(claim, _exhausted(str(error)), stage)
        raise
    else:
        seconds = {name: round(value, 3) for name, value in stage.stages.items()}
        _log.info("done", extra={**_about(image), "seconds": seconds})


def _process(image: PipelineImage, claim: Claim, stage: Stopwatch) -> None:
    if claim.tries > MAX_TRIES:
        raise _exhausted("the worker was killed, perhaps for the memory it took")
    with workspace.work_folder() as folder:
        try:
            process(image, claim, folder, stage)
        except StaleClaimError:
            raise
        except Exception as error:
            if workspace.is_disk_full(error, folder):
                raise _disk_full(folder) from error
            raise


def _end(claim: Claim, error: PanoptesError, stage: Stopwatch) -> None:
    state = end_state(error)
    try:
        run_transaction(
            lambda session: end_with_reason(session, claim, state, error, stage.total_s)
        )
    except StaleClaimError:
        _log.warning("dropped: the image was taken over", extra={"image_id": claim.image_id})
    else:
        about = {"image_id": claim.image_id, "reason_code": error.reason}
        _log.warning("%s: %s", state, error.message, extra=about)


def _exhausted(last: str) -> PermanentError:
    return PermanentError(
        Reason.TRIES_EXHAUSTED, f"given up after {MAX_TRIES} tries; the last one: {last}"
    )


def _disk_full(folder: Path) -> TransientError:
    return TransientError(f"the disk is full: there is no room left in {folder.parent}")


def _about(image: PipelineImage) -> dict[str, object]:
    return {"image_id": image.image_id, "generation": image.generation}


def _subscription_path() -> str:
    return str(
        SubscriberClient.subscription_path(
            settings().google_cloud_project, settings().solver_subscription
        )
    )
