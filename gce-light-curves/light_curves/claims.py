"""A claim on a sequence, kept alive while the work goes on."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from panoptes_network.database.engine import run_transaction
from panoptes_network.database.images import StaleClaimError
from panoptes_network.database.light_curve_sets import CLAIM_LEASE_S, SetClaim, keep_claim
from panoptes_network.errors import TransientError
from panoptes_network.worker.loop import StoppedError

BEAT_S = CLAIM_LEASE_S / 6

MAX_WORK_S = 4 * 3600.0
"""For one sequence: 500 full frames at some seconds each, on a busy machine."""

_log = logging.getLogger(__name__)


class Held:
    """A claim that may be lost while it is worked on.

    Parameters
    ----------
    claim : SetClaim
    stopping : threading.Event
        The work is to end at once.
    """

    def __init__(self, claim: SetClaim, stopping: threading.Event) -> None:
        self._claim = claim
        self._stopping = stopping
        self._ended = threading.Event()
        self._is_lost = False

    def check(self) -> None:
        """Make sure that the work is still wanted.

        Raises
        ------
        StaleClaimError
            When another worker is known to have taken the sequence over.
        StoppedError
            When the worker is told to end.
        """
        if self._is_lost:
            raise StaleClaimError(self._claim.sequence_id)
        if self._stopping.is_set():
            raise StoppedError

    def end(self) -> None:
        """Let the claim fall silent."""
        self._ended.set()

    def keep(self) -> None:
        """Say again and again that the work goes on, until its end or until the claim is lost.

        After `MAX_WORK_S` it falls silent: the work hangs, and another worker is to take over.
        """
        until = time.monotonic() + MAX_WORK_S
        while time.monotonic() < until and not self._ended.wait(BEAT_S):
            try:
                run_transaction(partial(keep_claim, claim=self._claim))
            except StaleClaimError:
                self._is_lost = True
                return
            except TransientError as error:
                # If it stays away for long, another takes over, and this one's work is dropped.
                _log.warning("the claim could not be kept: %s", error)


@contextmanager
def holding(claim: SetClaim, stopping: threading.Event) -> Iterator[Held]:
    """Keep a claim alive while the block runs."""
    held = Held(claim, stopping)
    keeper = threading.Thread(target=held.keep, name="claim", daemon=True)
    keeper.start()
    try:
        yield held
    finally:
        held.end()
        keeper.join()
