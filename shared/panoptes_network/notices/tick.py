"""The scheduler's task: make the notices that are due."""

import logging
import time
from datetime import UTC, datetime
from typing import TypedDict

from pydantic import BaseModel, ConfigDict
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from panoptes_network.database.engine import run_transaction
from panoptes_network.database.notice_models import Notice
from panoptes_network.errors import TransientError
from panoptes_network.notices import nights, silence

BUDGET_S = 40
"""Shorter than the scheduler's request timeout; the next request continues."""

_log = logging.getLogger(__name__)


class NoticeRequest(BaseModel):
    """A request to tell owners what is new."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Told(TypedDict):
    """The titles of new notices."""

    notices: list[str]


def tell(_: NoticeRequest) -> Told:
    """Make a notice of each finished night and of each unit that went silent.

    Raises
    ------
    TransientError
        If the database is unavailable, or observations-data did not return all night reports.
    """
    now, ends = datetime.now(UTC), time.monotonic() + BUDGET_S
    made = [notice.title for notice in silence.due(now) if _add(notice)]
    fault: TransientError | None = None
    for night in nights.due(now):
        if time.monotonic() > ends:
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
    if fault is not None:
        raise fault
    return {"notices": made}


def _add(notice: Notice) -> bool:
    """Add a notice; return False if another process was faster."""
    columns = ("unit_id", "night", "kind", "title", "n_images", "findings")
    row = {name: getattr(notice, name) for name in columns}

    def work(session: Session) -> bool:
        query = insert(Notice).values(row).on_conflict_do_nothing().returning(Notice.notice_id)
        return session.scalar(query) is not None

    return run_transaction(work)
