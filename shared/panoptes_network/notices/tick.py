"""A request of the scheduler: make the notices that are due, and send their messages."""

import logging
import time
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from typing import TypedDict

from pydantic import BaseModel, ConfigDict
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from panoptes_network.database.engine import run_transaction
from panoptes_network.database.notice_models import Notice
from panoptes_network.errors import TransientError
from panoptes_network.notices import mail, nights, outbox, silence, webhook
from panoptes_network.notices.letter import End

BUDGET_S = 40
"""Shorter than the scheduler's request timeout; the next request continues."""

_SENDERS = {"mail": mail.send, "webhook": webhook.send}
_log = logging.getLogger(__name__)


class NoticeRequest(BaseModel):
    """A request to tell owners what is new."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Told(TypedDict):
    """The titles of new notices, and the numbers of messages by the end of their attempts.

    `unconfirmed` may have arrived and are not sent again. `has_mail` is whether mail is configured;
    without it, none is sent.
    """

    notices: list[str]
    sent: int
    again: int
    failed: int
    unconfirmed: int
    has_mail: bool


def tell(_: NoticeRequest) -> Told:
    """Make a notice of each finished night and of each unit that went silent, and send them.

    Raises
    ------
    TransientError
        If the database is unavailable, or observations-data did not return all night reports.
    """
    deadline = time.monotonic() + BUDGET_S
    made, fault = _make(datetime.now(UTC), deadline)
    unconfirmed = outbox.tidy()
    ends = _send_all(deadline)
    if fault is not None:
        raise fault
    return {
        "notices": made,
        "sent": ends[End.SENT],
        "again": ends[End.AGAIN],
        "failed": ends[End.FAILED],
        "unconfirmed": ends[End.UNKNOWN] + unconfirmed,
        "has_mail": mail.is_configured(),
    }


def _make(now: datetime, deadline: float) -> tuple[list[str], TransientError | None]:
    """Return the titles of new notices, and what kept others from being made."""
    made = [notice.title for notice in silence.due(now) if _add(notice)]
    fault: TransientError | None = None
    for night in nights.due(now):
        if time.monotonic() > deadline:
            break
        try:
            notice = nights.notice_of(night, now)
        except TransientError as error:
            _log.warning("no notice of %s, %s: %s", night.unit_id, night.night.date, error)
            fault = error
            continue
        if notice is not None and _add(notice):
            made.append(notice.title)
    for title in made:
        _log.info("notice: %s", title)
    return made, fault


def _add(notice: Notice) -> bool:
    """Add a notice and its messages; return False if another process was faster."""
    columns = ("unit_id", "night", "kind", "title", "n_images", "findings")
    row = {name: getattr(notice, name) for name in columns}

    def work(session: Session) -> bool:
        query = insert(Notice).values(row).on_conflict_do_nothing().returning(Notice.notice_id)
        notice_id = session.scalar(query)
        if notice_id is None:
            return False
        outbox.enqueue(session, notice_id, notice.unit_id)
        return True

    return run_transaction(work)


def _send_all(deadline: float) -> Counter[End]:
    ends = Counter[End]()
    kinds = ["webhook", *(["mail"] if mail.is_configured() else [])]
    for kind in kinds:
        while time.monotonic() < deadline and (letter := outbox.claim(kind)):
            try:
                outcome = _SENDERS[kind](letter, partial(outbox.begin_sending, letter))
            except outbox.LostClaimError:
                _log.info("message %s is not sent: it was ended or taken", letter.message_id)
                continue
            outbox.finish(letter, outcome)
            ends[outcome.end] += 1
            log = _log.info if outcome.end is End.SENT else _log.warning
            words = outcome.words or "sent"
            log("message %s, try %d: %s", letter.message_id, letter.tries, words)
    return ends
