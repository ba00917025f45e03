"""A claim on a sequence, renewed while the work continues."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from panoptes_network.database.engine import run_transaction
from panoptes_network.database.image_claims import StaleClaimError
from panoptes_network.database.light_curve_sets import CLAIM_LEASE_S, SetClaim, keep_claim
from panoptes_network.errors import TransientError
from panoptes_network.worker.loop import StoppedError

BEAT_S = CLAIM_LEASE_S / 6

MAX_WORK_S = 4 * 3600.0
"""For one sequence: 500 full frames at some seconds each, on a busy machine."""

_log = logging.getLogger(__name__)


class Held:
    """A claim that may be lost during the work.

    Parameters
    ----------
    claim : SetClaim
    stopping : threading.Event
        Set to stop the work at once.
    """

    def __init__(self, claim: SetClaim, stopping: threading.Event) -> None:
        self._claim = claim
        self._stopping = stopping
        self._ended = threading.Event()
        self._is_lost = False

    def check(self) -> None:
        """Check that the work is still wanted.

        Raises
        ------
        StaleClaimError
            If another worker has claimed the sequence.
        StoppedError
            If the worker is told to stop.
        """
        if self._is_lost:
            raise StaleClaimError(self._claim.sequence_id)
        if self._stopping.is_set():
            raise StoppedError

    def end(self) -> None:
        """Stop renewing the claim."""
        self._ended.set()

    def keep(self) -> None:
        """Renew the claim repeatedly, until the work ends or the claim is lost.

        Renewal stops after `MAX_WORK_S`: the work is hung, and another worker should take over.
        """
        until = time.monotonic() + MAX_WORK_S
        while time.monotonic() < until and not self._ended.wait(BEAT_S):
            try:
                run_transaction(partial(keep_claim, claim=self._claim))
            except StaleClaimError:
                self._is_lost = True
                return
            except TransientError as error:
                # If the database stays unavailable, another worker takes over, and this one's work
                # is dropped.
                _log.warning("the claim could not be renewed: %s", error)


@contextmanager
def holding(claim: SetClaim, stopping: threading.Event) -> Iterator[Held]:
    """Renew a claim during the block."""
    held = Held(claim, stopping)
    keeper = threading.Thread(target=held.keep, name="claim", daemon=True)
    keeper.start()
    try:
        yield held
    finally:
        held.end()
        keeper.join()
