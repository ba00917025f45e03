"""Pulls images from the subscription, one at a time, and ends each with a state and a reason."""

import logging
import signal
import tempfile
import threading
from functools import partial
from pathlib import Path

from google.cloud import pubsub_v1
from google.cloud.pubsub_v1.subscriber.message import Message

from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.images import (
    Claim,
    StaleClaimError,
    claim_image,
    end_with_reason,
)
from panoptes_network.database.models import ImageState
from panoptes_network.errors import PanoptesError, PermanentError, Reason, UnsolvedError
from panoptes_network.events import PipelineImage, parse
from plate_solver.pipeline import Stopwatch, process

SERVICE = "gce-plate-solver"

MAX_TRIES = 5
"""As many as the subscription delivers before a message goes to its dead-letter topic."""

MAX_LEASE_S = 1800
"""For how long the client extends a lease: a frame takes seconds, a blind solve a minute."""

_log = logging.getLogger(SERVICE)


def run() -> None:
    """Work on the subscription until SIGTERM or SIGINT; the image under way is finished."""
    project, subscription = settings().google_cloud_project, settings().solver_subscription
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with pubsub_v1.SubscriberClient() as subscriber:
        path = subscriber.subscription_path(project, subscription)
        pulling = subscriber.subscribe(
            path,
            callback=handle,
            flow_control=pubsub_v1.types.FlowControl(
                max_messages=1, max_lease_duration=MAX_LEASE_S
            ),
            await_callbacks_on_shutdown=True,
        )
        pulling.add_done_callback(lambda _: stopping.set())
        _log.info("waiting for images", extra={"subscription": path})
        stopping.wait()
        pulling.cancel()
        pulling.result()
    _log.info("stopped")


def handle(message: Message) -> None:
    """Work on one message; it is acknowledged only when its effect is committed."""
    try:
        work_on(parse(PipelineImage, message.data), message.message_id)
    except PermanentError as error:
        _log.error(error.message, extra={"message_id": message.message_id})
        message.ack()
    except Exception:
        _log.exception("left for another try", extra={"message_id": message.message_id})
        message.nack()
    else:
        message.ack()


def work_on(image: PipelineImage, message_id: str) -> None:
    """Claim an image, take it through the pipeline and commit how it ended.

    Raises
    ------
    Exception
        Whatever may pass when it is tried again; the message must not be acknowledged.
    """
    claim = run_transaction(
        partial(claim_image, message=image, message_id=message_id, service=SERVICE)
    )
    if claim is None:
        _log.info("nothing to do: ended already, or a newer file came", extra=_about(image))
        return
    stage = Stopwatch()
    try:
        with tempfile.TemporaryDirectory(prefix="plate-solver-") as folder:
            process(image, claim, Path(folder), stage)
    except StaleClaimError:
        _log.warning("dropped: the image was taken over", extra=_about(image))
    except PermanentError as error:
        _end(claim, error, stage)
    except Exception as error:
        if claim.tries >= MAX_TRIES:
            _end(claim, _exhausted(error), stage)
        raise
    else:
        seconds = {name: round(value, 3) for name, value in stage.stages.items()}
        _log.info("done", extra={**_about(image), "seconds": seconds})


def _end(claim: Claim, error: PanoptesError, stage: Stopwatch) -> None:
    state = _end_state(error)
    try:
        run_transaction(
            lambda session: end_with_reason(session, claim, state, error, stage.total_s)
        )
    except StaleClaimError:
        _log.warning("dropped: the image was taken over", extra={"image_id": claim.image_id})
    else:
        about = {"image_id": claim.image_id, "reason_code": error.reason}
        _log.warning("%s: %s", state, error.message, extra=about)


def _end_state(error: PanoptesError) -> ImageState:
    if error.reason is Reason.POINTING_IMAGE:
        return ImageState.SKIPPED
    return ImageState.UNSOLVED if isinstance(error, UnsolvedError) else ImageState.ERROR


def _exhausted(error: Exception) -> PermanentError:
    return PermanentError(
        Reason.TRIES_EXHAUSTED, f"given up after {MAX_TRIES} tries; the last one: {error}"
    )


def _about(image: PipelineImage) -> dict[str, object]:
    return {"image_id": image.image_id, "generation": image.generation}
