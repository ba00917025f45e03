"""A request of the scheduler: make the notices that are due, and send their messages."""

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import TypedDict, TypeVar

from pydantic import BaseModel, ConfigDict
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from panoptes_network.database.engine import run_transaction
from panoptes_network.database.notice_models import Notice
from panoptes_network.errors import TransientError
from panoptes_network.notices import mail, nights, outbox, silence, webhook
from panoptes_network.notices.letter import End, Letter, Outcome

MAKE_S = 60
SEND_S = 60
"""Time for making notices, and for sending those of each kind: less than between two requests.

The next request continues.
"""

Found = TypeVar("Found")
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
    made, fault = _make(datetime.now(UTC), time.monotonic() + MAKE_S)
    unconfirmed = outbox.tidy()
    ends = _send_all()
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
    made: list[str] = []
    faults: list[TransientError] = []
    silent = _due(silence.due, now, faults)
    unreported = _due(nights.due, now, faults)
    for notice in chain(silent, _of_nights(unreported, now, deadline, faults)):
        if _add(notice):
            made.append(notice.title)
            _log.info("notice: %s", notice.title)
    return made, faults[0] if faults else None


def _due(
    find: Callable[[datetime], Iterable[Found]], now: datetime, faults: list[TransientError]
) -> list[Found]:
    try:
        return list(find(now))
    except TransientError as error:
        _log.warning("no notices are made: %s", error)
        faults.append(error)
        return []


def _of_nights(
    unreported: list[nights.UnitNight],
    now: datetime,
    deadline: float,
    faults: list[TransientError],
) -> Iterator[Notice]:
    # In any order: nights that are not ready must not take the time of the others each time.
    for night in random.sample(unreported, len(unreported)):
        if time.monotonic() > deadline:
            return
        try:
            notice = nights.notice_of(night, now)
        except TransientError as error:
            _log.warning("no notice of %s, %s: %s", night.unit_id, night.night.date, error)
            faults.append(error)
            continue
        if notice is not None:
            yield notice


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


def _send_all() -> Counter[End]:
    ends = Counter[End]()
    for kind in ["webhook", *(["mail"] if mail.is_configured() else [])]:
        deadline = time.monotonic() + SEND_S
        while time.monotonic() < deadline and (letter := outbox.claim(kind)):
            try:
                outcome = _attempt(letter)
            except outbox.LostClaimError:
                _log.info("message %s is not sent: it was ended or taken", letter.message_id)
                continue
            outbox.finish(letter, outcome)
            ends[outcome.end] += 1
            log = _log.info if outcome.end is End.SENT else _log.warning
            words = outcome.words or "sent"
            log("message %s, try %d: %s", letter.message_id, letter.tries, words)
    return ends


def _attempt(letter: Letter) -> Outcome:
    """Send a message; whatever goes wrong with it keeps no other from being sent."""
    has_begun = False

    def before_sending() -> None:
        nonlocal has_begun
        outbox.begin_sending(letter)
        has_begun = True

    try:
        return _SENDERS[letter.kind](letter, before_sending)
    except (outbox.LostClaimError, TransientError):
        raise
    except Exception:
        _log.exception("message %s", letter.message_id)
        return Outcome(End.UNKNOWN if has_begun else End.AGAIN, "an unexpected error; see the log")
