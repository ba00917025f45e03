"""The worker: takes images from the subscription, one at a time, and records the results."""

import logging
from functools import partial
from pathlib import Path

from google.pubsub_v1 import ReceivedMessage

from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.image_claims import (
    Claim,
    StaleClaimError,
    claim_image,
    end_with_reason,
)
from panoptes_network.database.images import end_state
from panoptes_network.database.turns import put_off
from panoptes_network.errors import (
    PanoptesError,
    PermanentError,
    TransientError,
)
from panoptes_network.events import PipelineImage, parse
from panoptes_network.processing import isolation, workspace
from panoptes_network.worker import loop, tries
from plate_solver.dependencies import CHECKS
from plate_solver.pipeline import Stopwatch, process

SERVICE = "gce-plate-solver"

ALLOWANCE_IN_SOLVES = 3
"""A unit may use the time of this many hopeless solves more than another unit with images waiting.
"""

MAX_PUT_OFF = 90
"""Deliveries after which, hours later, a message is no longer put off and still has tries left."""

MAX_WORK_S = 1800.0
"""For one image: a frame takes seconds, a blind solve a minute."""

_log = logging.getLogger(SERVICE)


def run() -> None:
    """Work on the subscription until SIGTERM or SIGINT, then finish the current image."""
    isolation.prepare("plate_solver.solved_file")
    loop.run(PlateSolver, settings().solver_subscription, CHECKS, MAX_WORK_S)


class PlateSolver(loop.Worker):
    """Handles messages that name images."""

    def work_on(self, received: ReceivedMessage) -> None:
        """Claim the image named by a message, and run the pipeline."""
        message = received.message
        image = parse(PipelineImage, message.data)
        may_wait = received.delivery_attempt < MAX_PUT_OFF
        claim = self.begin(partial(_claim, image, message.message_id, may_wait=may_wait))
        work_on_claimed(image, claim)


def _claim(image: PipelineImage, message_id: str, *, may_wait: bool) -> Claim | None:
    if may_wait and is_put_off(image):
        raise loop.PutOffError
    return claim(image, message_id)


def work_on(image: PipelineImage, message_id: str) -> None:
    """Claim an image and process it.

    Raises
    ------
    Exception
        Any error that a retry may fix; the message must not be acknowledged.
    """
    work_on_claimed(image, claim(image, message_id))


def is_put_off(image: PipelineImage) -> bool:
    """Return whether other units go first, and record it.

    Raises
    ------
    TransientError
        If the database is unavailable.
    """
    allowance_s = ALLOWANCE_IN_SOLVES * settings().solve_cpu_limit_s
    return run_transaction(partial(put_off, message=image, allowance_s=allowance_s))


def claim(image: PipelineImage, message_id: str) -> Claim | None:
    """Claim an image; None if there is nothing to do.

    Raises
    ------
    TransientError
        If the database is unavailable.
    """
    return run_transaction(
        partial(claim_image, message=image, message_id=message_id, service=SERVICE)
    )


def work_on_claimed(image: PipelineImage, claim: Claim | None) -> None:
    """Run the pipeline on an image and commit the result.

    Raises
    ------
    Exception
        As `work_on`.
    """
    if claim is None:
        _log.info("nothing to do: already done, or replaced by a newer file", extra=_about(image))
        return
    stage = Stopwatch(about=_about(image))
    try:
        _process(image, claim, stage)
    except StaleClaimError:
        _log.warning("dropped: another worker took over the image", extra=_about(image))
    except PermanentError as error:
        _end(claim, error, stage)
    except Exception as error:
        if tries.are_exhausted(claim.tries):
            _end(claim, tries.exhausted(str(error)), stage)
        raise
    else:
        seconds = {name: round(value, 3) for name, value in stage.stages.items()}
        _log.info("done", extra={**_about(image), "seconds": seconds})


def _process(image: PipelineImage, claim: Claim, stage: Stopwatch) -> None:
    tries.check(claim.tries)
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
        about = {"image_id": claim.image_id}
        _log.warning("dropped: another worker took over the image", extra=about)
    else:
        about = {"image_id": claim.image_id, "reason_code": error.reason}
        _log.warning("%s: %s", state, error.message, extra=about)


def _disk_full(folder: Path) -> TransientError:
    return TransientError(f"the disk is full: no space left in {folder.parent}")


def _about(image: PipelineImage) -> dict[str, object]:
    return {"image_id": image.image_id, "generation": image.generation}
