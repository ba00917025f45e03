"""Retry policy for lost work: resend once per lease, at most five times."""

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
    """Action for an item that seems lost."""

    SEND = auto()
    WAIT = auto()
    GIVE_UP = auto()


def verdict(sent: Sequence[datetime], now: datetime) -> Verdict:
    """Return the action, from the times of earlier resends."""
    if sent and now - sent[-1] < lease():
        return Verdict.WAIT
    return Verdict.GIVE_UP if len(sent) >= MAX_REQUEUES else Verdict.SEND


def grace() -> timedelta:
    """Return the age at which an upload without results counts as lost."""
    return timedelta(seconds=settings().sweep_grace_s)


def lease() -> timedelta:
    """Return how long a worker on an image may be silent."""
    return timedelta(seconds=settings().sweep_lease_s)


def database_now(session: Session) -> datetime:
    """Return the database clock's time, by which all rows are dated."""
    now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return now


def exhausted(last_words: str) -> PermanentError:
    """Return the message for an image that reached its limit of resends."""
    return PermanentError(
        Reason.TRIES_EXHAUSTED,
        f"sent again {MAX_REQUEUES} times without result; {last_words}",
    )


def withdraw(event_ids: Sequence[int]) -> None:
    """Withdraw the records of items not sent because their receiver is unavailable."""
    run_transaction(
        lambda session: session.execute(
            delete(ImageEvent).where(ImageEvent.event_id.in_(event_ids))
        )
    )
