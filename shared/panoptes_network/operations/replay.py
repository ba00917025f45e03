"""Replay of failed images and dead letters.

Recorded only after sending: a crash in between sends a message twice, harmlessly.
"""

from pydantic import Field

from panoptes_network.operations.replay_images import replay_images
from panoptes_network.operations.replay_letters import replay_letters
from panoptes_network.operations.report import Outcome
from panoptes_network.operations.selection import Filters

BATCH = 500


class ReplayRequest(Filters):
    """A request for a replay; without a `limit`, of all matches. A `dry_run` only lists them."""

    limit: int | None = Field(None, ge=1)
    dry_run: bool = False


def replay(request: ReplayRequest) -> Outcome:
    """Resend all matches; return how many and which.

    Raises
    ------
    TransientError
        If database, broker or cf-image-received is unavailable. Some may have been sent.
    """
    outcome = Outcome("dead_letters" if request.dead_letters else "images", request.dry_run)
    replay_batch = replay_letters if request.dead_letters else replay_images
    after, done = 0, 0
    while request.limit is None or done < request.limit:
        size = BATCH if request.limit is None else min(BATCH, request.limit - done)
        after, count = replay_batch(request, after, size, outcome)
        done += count
        if count < size:
            break
    return outcome
