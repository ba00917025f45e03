"""When something lost is sent again: once in a lease, and five times at most."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum, auto

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.models import ImageEvent
from panoptes_network.errors import PermanentError, Reason

MAX_REQUEUES = 5


class Verdict(Enum):
    """What is to be done about something that seems lost."""

    SEND = auto()
    WAIT = auto()
    GIVE_UP = auto()


def verdict(sent: Sequence[datetime], now: datetime) -> Verdict:
    """Judge by the times at which it was sent again before."""
    if sent and now - sent[-1] < lease():
        return Verdict.WAIT
    return Verdict.GIVE_UP if len(sent) >= MAX_REQUEUES else Verdict.SEND


def grace() -> timedelta:
    """Return the age at which an upload without results counts as lost."""
    return timedelta(seconds=settings().sweep_grace_s)


def lease() -> timedelta:
    """Return how long whoever works on an image may be silent."""
    return timedelta(seconds=settings().sweep_lease_s)


def database_now(session: Session) -> datetime:
    """Return the time of the clock that all rows are dated by."""
    now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return now


def exhausted(last_words: str) -> PermanentError:
    """Return what is said of an image that was sent again often enough."""
    return PermanentError(
        Reason.TRIES_EXHAUSTED,
        f"sent again {MAX_REQUEUES} times, and nothing came of it; {last_words}",
    )


def withdraw(event_ids: Sequence[int]) -> None:
    """Take back what was noted as sent and was not: what it should have gone to is away."""
    run_transaction(
        lambda session: session.execute(
            delete(ImageEvent).where(ImageEvent.event_id.in_(event_ids))
        )
    )
