"""The worker: takes sequences from the subscription, one at a time, and makes light curves."""

import logging
import threading
import time
from functools import partial
from pathlib import Path

from google.pubsub_v1 import ReceivedMessage

from light_curves import nights, products, sequence
from light_curves.claims import MAX_WORK_S, Held, holding
from light_curves.flats import flat_files
from light_curves.flats.flat import FlatSums
from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.image_claims import StaleClaimError
from panoptes_network.database.light_curve_sets import (
    ClaimedError,
    SetClaim,
    claim_set,
    record_no_set,
    release_claim,
)
from panoptes_network.errors import PanoptesError, PermanentError, TransientError
from panoptes_network.events import FilmRequest, parse
from panoptes_network.ids import CameraTime, check_time, parse_upload_path
from panoptes_network.processing import isolation, workspace
from panoptes_network.worker import dependencies, loop, tries

SERVICE = "gce-light-curves"

_log = logging.getLogger(SERVICE)


def run() -> None:
    """Work on the subscription until SIGTERM or SIGINT.

    A sequence in progress is given back, as it takes minutes.
    """
    isolation.prepare("light_curves.solved_frames")
    loop.run(LightCurveMaker, settings().light_curve_subscription, dependencies.CHECKS, MAX_WORK_S)


class LightCurveMaker(loop.Worker):
    """Handles messages that name sequences."""

    def work_on(self, received: ReceivedMessage) -> None:
        """Claim the sequence named by a message, and make its light curves."""
        sequence_id = sequence_of(parse(FilmRequest, received.message.data))
        if sequence_id is None:
            return
        claim = self.begin(partial(_claim_or_wait, sequence_id))
        work_on_claimed(sequence_id, claim, self.stopping)


def sequence_of(request: FilmRequest) -> str | None:
    """Return the sequence named by a request; None for a request to find films.

    Raises
    ------
    PermanentError
        For invalid ids and paths.
    """
    if request.bucket_path is not None:
        return parse_upload_path(request.bucket_path).sequence_id
    if request.sequence_id is None:
        return None
    named = CameraTime.parse(request.sequence_id)
    check_time(named.time, "sequence")
    return str(named)


def make_light_curves(sequence_id: str) -> None:
    """Make the light curves of a sequence, as for a message.

    Raises
    ------
    ClaimedError
        If another worker has claimed it.
    Exception
        Any error that a retry may fix.
    """
    work_on_claimed(sequence_id, _claim(sequence_id), threading.Event())


def work_on_claimed(sequence_id: str, claim: SetClaim | None, stopping: threading.Event) -> None:
    """Make the light curves of a claimed sequence, and commit the result.

    Raises
    ------
    StoppedError
        If `stopping` is set before the end.
    Exception
        As for `make_light_curves`.
    """
    if claim is None:
        _log.info("nothing to do: already made, or too early", extra={"sequence_id": sequence_id})
        return
    try:
        with holding(claim, stopping) as held:
            _make(claim, held)
    except loop.StoppedError:
        run_transaction(partial(release_claim, claim=claim, was_tried=False))
        raise
    except StaleClaimError:
        _log.warning("dropped: another worker took over the sequence", extra=_about(claim))
    except PermanentError as error:
        _end(claim, error)
    except Exception as error:
        if tries.are_exhausted(claim.tries):
            _end(claim, tries.exhausted(_words(error)))
        else:
            run_transaction(partial(release_claim, claim=claim))
        raise


def _claim(sequence_id: str) -> SetClaim | None:
    return run_transaction(partial(claim_set, sequence_id=sequence_id))


def _claim_or_wait(sequence_id: str) -> SetClaim | None:
    try:
        return _claim(sequence_id)
    except ClaimedError:
        raise loop.PutOffError from None


def _make(claim: SetClaim, held: Held) -> None:
    tries.check(claim.tries)
    begun = time.monotonic()
    with workspace.work_folder() as folder:
        try:
            curves, sums = sequence.light_curves(claim, folder, held)
            held.check()
            _tell("search", claim)
            found = nights.search(curves, claim.sequence_id, folder, held)
            held.check()
            _tell("files", claim)
            written = products.write_files(curves, claim.sequence_id, folder)
            held.check()
            _tell("upload", claim)
            uploaded = products.upload(claim, written)
            _tell("database", claim)
            processing_s = time.monotonic() - begun
            products.commit(claim, curves, written, found, uploaded, processing_s)
            _tell("flat", claim)
            _merge_flat(claim, sums, folder)
        except OSError as error:
            if workspace.is_disk_full(error, folder):
                words = f"the disk is full: no space left in {folder.parent}"
                raise TransientError(words) from error
            raise
    about = {"seconds": round(processing_s, 3), "frames": len(curves.fluxes.image_ids)}
    _log.info("done", extra={**_about(claim), **about})


def _merge_flat(claim: SetClaim, sums: FlatSums, folder: Path) -> None:
    """Add the sequence to its camera's flat; if that fails, only the flat lacks it.

    The light curves are committed: errors here must not count as theirs.
    """
    longitude_deg = claim.site.longitude_deg if claim.site else None
    try:
        flat_files.merge(claim.sequence_id, sums, longitude_deg, folder)
    except Exception as error:
        _log.warning("the camera's flat lacks this sequence: %s", error, extra=_about(claim))


def _end(claim: SetClaim, error: PanoptesError) -> None:
    try:
        run_transaction(partial(record_no_set, claim=claim, error=error))
    except StaleClaimError:
        _log.warning("dropped: another worker took over the sequence", extra=_about(claim))
    else:
        about = {**_about(claim), "reason_code": error.reason}
        _log.warning("no light curves: %s", error.message, extra=about)


def _words(error: Exception) -> str:
    """Return an error message fit for pages: statements and paths are only for the log."""
    return str(error) if isinstance(error, PanoptesError) else type(error).__name__


def _tell(stage: str, claim: SetClaim) -> None:
    _log.info("stage", extra={"stage": stage, **_about(claim)})


def _about(claim: SetClaim) -> dict[str, object]:
    return {"sequence_id": claim.sequence_id, "images": len(claim.images)}
