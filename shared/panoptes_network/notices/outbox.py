"""Messages on their way: each goes out once, whatever happens to the sender.

A sender claims a message and commits, connects, commits that it is `sending`, and sends. One that
was only claimed has certainly not been sent, and is claimed again after `LEASE`. One that was
`sending` may have arrived: it ends as `unconfirmed`, and nobody is told twice. See
`docs/decisions/0039-owners-are-told.md`.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from panoptes_network.database.engine import run_transaction
from panoptes_network.database.notice_models import (
    Message,
    MessageState,
    Notice,
    Subscription,
    UnsubscribeLink,
)
from panoptes_network.notices.letter import End, Letter, Outcome

LEASE = timedelta(minutes=10)
"""Longer than any attempt: each step of it has its own time limit."""
MAX_TRIES = 6
FIRST_PAUSE = timedelta(minutes=5)
"""Before the second try; each pause is four times the one before, a day at the end."""
NEWS = timedelta(days=3)
"""A message that waited for longer is dropped: it is no news any more."""
MAX_A_DAY = 10
"""Messages that a subscription gets: nobody wants a mail for each night of an old archive."""

_log = logging.getLogger(__name__)


class LostClaimError(Exception):
    """Another sender has the message, or its subscription was ended."""


def enqueue(session: Session, notice_id: int, unit_id: str) -> None:
    """Add a message of a notice for each subscription of the unit."""
    today = (
        select(func.count())
        .select_from(Message)
        .join(Notice, Notice.notice_id == Message.notice_id)
        .where(
            Message.subscription_id == Subscription.subscription_id,
            Message.state != MessageState.DROPPED,
            Notice.made_at > func.now() - timedelta(days=1),
        )
        .correlate(Subscription)
        .scalar_subquery()
    )
    query = (
        select(Subscription.subscription_id, today)
        .join(UnsubscribeLink, UnsubscribeLink.token_hash == Subscription.token_hash)
        .where(Subscription.unit_id == unit_id, UnsubscribeLink.ended_at.is_(None))
    )
    for subscription_id, number in session.execute(query).all():
        session.add(
            Message(
                message_id=str(uuid4()),
                subscription_id=subscription_id,
                notice_id=notice_id,
                state=MessageState.DUE if number < MAX_A_DAY else MessageState.DROPPED,
                error=None if number < MAX_A_DAY else f"{MAX_A_DAY} messages within a day",
            )
        )


def tidy() -> int:
    """End what must not be sent any more; return how many messages may or may not have arrived.

    Raises
    ------
    TransientError
        If the database is unavailable.
    """
    return run_transaction(_tidy)


def claim(kind: str) -> Letter | None:
    """Claim the next message of a kind of subscription; None if there is none.

    Raises
    ------
    TransientError
        If the database is unavailable.
    """
    name = str(uuid4())
    return run_transaction(lambda session: _claim(session, kind, name))


def begin_sending(letter: Letter) -> None:
    """Commit that a message is about to be sent.

    Raises
    ------
    LostClaimError
        If it must not be: then nothing has been sent.
    TransientError
        If the database is unavailable.
    """
    ended = (
        select(UnsubscribeLink.token_hash)
        .join(Subscription, Subscription.token_hash == UnsubscribeLink.token_hash)
        .where(
            Subscription.subscription_id == Message.subscription_id,
            UnsubscribeLink.ended_at.is_not(None),
        )
        .exists()
    )
    query = (
        update(Message)
        .where(_is_of(letter), ~ended)
        .values(state=MessageState.SENDING, changed_at=func.now())
        .returning(Message.message_id)
    )
    if run_transaction(lambda session: session.scalar(query)) is None:
        raise LostClaimError(letter.message_id)


def finish(letter: Letter, outcome: Outcome) -> None:
    """Commit how an attempt ended.

    Raises
    ------
    TransientError
        If the database is unavailable; the message then ends as unconfirmed.
    """
    state = _STATES[outcome.end]
    pause = FIRST_PAUSE * 4 ** (letter.tries - 1)
    if outcome.end is End.AGAIN and letter.tries >= MAX_TRIES:
        state = MessageState.FAILED
    query = (
        update(Message)
        .where(_is_of(letter))
        .values(
            state=state,
            error=outcome.words,
            changed_at=func.now(),
            due_at=func.now() + pause if state == MessageState.DUE else Message.due_at,
        )
    )
    run_transaction(lambda session: session.execute(query))


_STATES = {
    End.SENT: MessageState.SENT,
    End.AGAIN: MessageState.DUE,
    End.FAILED: MessageState.FAILED,
    End.UNKNOWN: MessageState.UNCONFIRMED,
}


def _is_of(letter: Letter) -> ColumnElement[bool]:
    # A transaction whose commit was lost is run again: `sending` may be its own doing.
    return and_(
        Message.message_id == letter.message_id,
        Message.claim == letter.claim,
        Message.state.in_((MessageState.CLAIMED, MessageState.SENDING)),
    )


def _tidy(session: Session) -> int:
    waits = Message.state.in_((MessageState.DUE, MessageState.CLAIMED))
    ended = (
        select(Subscription.subscription_id)
        .join(UnsubscribeLink, UnsubscribeLink.token_hash == Subscription.token_hash)
        .where(UnsubscribeLink.ended_at.is_not(None))
    )
    old = select(Notice.notice_id).where(Notice.made_at < func.now() - NEWS)
    is_left = Message.changed_at < func.now() - LEASE
    is_hopeless = and_(Message.state == MessageState.CLAIMED, is_left, Message.tries >= MAX_TRIES)
    _end(
        session,
        waits & Message.subscription_id.in_(ended),
        MessageState.DROPPED,
        "the subscription was ended",
    )
    _end(
        session, waits & Message.notice_id.in_(old), MessageState.DROPPED, "it is no news any more"
    )
    # Whatever stops its senders is not to be tried for ever.
    _end(session, is_hopeless, MessageState.FAILED, f"{MAX_TRIES} senders were stopped")
    lost = _end(
        session,
        and_(Message.state == MessageState.SENDING, is_left),
        MessageState.UNCONFIRMED,
        "the sender was stopped while it was sending",
    )
    for message_id in lost:
        _log.warning("message %s may have arrived, and is not sent again", message_id)
    return len(lost)


def _end(
    session: Session, which: ColumnElement[bool], state: MessageState, words: str
) -> Sequence[str]:
    """End messages; return their ids."""
    query = (
        update(Message)
        .where(which)
        .values(state=state, error=words, changed_at=func.now())
        .returning(Message.message_id)
    )
    return session.scalars(query).all()


def _claim(session: Session, kind: str, name: str) -> Letter | None:
    is_left = and_(Message.state == MessageState.CLAIMED, Message.changed_at < func.now() - LEASE)
    is_due = and_(Message.state == MessageState.DUE, Message.due_at <= func.now())
    query = (
        select(Message, Subscription, Notice)
        .join(Subscription, Subscription.subscription_id == Message.subscription_id)
        .join(Notice, Notice.notice_id == Message.notice_id)
        .where(Subscription.kind == kind, or_(is_due, is_left))
        .order_by(Message.due_at, Message.message_id)
        .limit(1)
        .with_for_update(of=Message, skip_locked=True)
    )
    row = session.execute(query).one_or_none()
    if row is None:
        return None
    message, subscription, notice = row
    message.state, message.claim = MessageState.CLAIMED, name
    message.tries += 1
    message.changed_at = func.now()
    session.flush()
    return Letter(
        message_id=message.message_id,
        claim=name,
        tries=message.tries,
        kind=kind,
        address=subscription.address,
        secret=subscription.secret,
        token=subscription.token,
        unit_id=notice.unit_id,
        night=notice.night,
        notice_kind=notice.kind,
        title=notice.title,
        n_images=notice.n_images,
        findings=notice.findings,
        made_at=notice.made_at,
    )
