"""What failed, or was given up, is sent again.

What is sent is noted behind: should the process end between, it is sent twice, which is
harmless.
"""

from typing import Any

from pydantic import Field

from panoptes_network.operations.replay_images import replay_images
from panoptes_network.operations.replay_letters import replay_letters
from panoptes_network.operations.report import Outcome
from panoptes_network.operations.selection import Filters

BATCH = 500


class ReplayRequest(Filters):
    """What to send again; without a `limit`, all of it. A `dry_run` only says what that is."""

    limit: int | None = Field(None, ge=1)
    dry_run: bool = False


def replay(request: ReplayRequest) -> dict[str, Any]:
    """Send all that match on their way again, and say how many and which.

    Raises
    ------
    TransientError
        When database, broker or cf-image-received is away. Part may have been sent.
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
    return outcome.answer()
