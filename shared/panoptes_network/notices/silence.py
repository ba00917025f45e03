"""Notices of units that went silent: they usually send images, and have not for some days."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.models import Sequence, SequenceFigures, Unit
from panoptes_network.database.notice_models import Notice
from panoptes_network.database.times import has_plausible
from panoptes_network.nights.advice import EMPTY_NIGHT
from panoptes_network.nights.night import Night

KIND = "silence"
USUAL = timedelta(days=14)
MIN_NIGHTS = 3
"""A unit with images on this many of the `USUAL` days before its last one usually sends some."""
FORGOTTEN = timedelta(days=30)
"""A unit that has been silent for longer is not news."""


def due(now: datetime) -> list[Notice]:
    """Return the notices of units that are silent and whose owners do not know it yet.

    Raises
    ------
    TransientError
        If the database is unavailable.
    """
    return run_transaction(lambda session: list(_unreported(session, now)))


def _unreported(session: Session, now: datetime) -> Iterator[Notice]:
    told = select(Notice.unit_id, Notice.night).where(
        Notice.kind == KIND, Notice.night > (now - FORGOTTEN - USUAL).date()
    )
    known = {(unit_id, night) for unit_id, night in session.execute(told)}
    for unit_id, nights in _nights(session, now).items():
        last = max(nights)
        recent = [night for night in nights if last - night <= USUAL]
        if len(recent) >= MIN_NIGHTS and (unit_id, last) not in known:
            yield Notice(
                unit_id=unit_id,
                night=last,
                kind=KIND,
                title=f"{unit_id}: no images since the night of {last}",
                n_images=0,
                findings=[_question(words) for words in EMPTY_NIGHT],
            )


def _nights(session: Session, now: datetime) -> dict[str, set[date]]:
    """Return the recent nights with images of each unit that is silent now."""
    last = SequenceFigures.last_image
    rows = session.execute(
        select(Sequence.unit_id, Unit.longitude_deg, last)
        .join(SequenceFigures, SequenceFigures.sequence_id == Sequence.sequence_id)
        .join(Unit, Unit.unit_id == Sequence.unit_id)
        .where(last > now - FORGOTTEN - USUAL, has_plausible(last))
    )
    nights: defaultdict[str, set[date]] = defaultdict(set)
    newest: dict[str, datetime] = {}
    for unit_id, longitude_deg, moment in rows:
        if moment is not None:
            nights[unit_id].add(Night.holding(moment, longitude_deg).date)
            newest[unit_id] = max(moment, newest.get(unit_id, moment))
    silence = timedelta(seconds=settings().silent_after_s)
    return {
        unit_id: found
        for unit_id, found in nights.items()
        if silence <= now - newest[unit_id] < FORGOTTEN
    }


def _question(words: str) -> dict[str, str]:
    asked, _, rest = words.partition("? ")
    return {"severity": "note", "what": f"{asked}?", "action": rest}
