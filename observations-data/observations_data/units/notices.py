"""Notices to a unit's owner: finished nights, and that the unit went silent."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from observations_data.database import as_record
from observations_data.units.queries import require_unit
from panoptes_network.database.notice_models import Notice
from panoptes_network.responses import units as responses

MOST = 60
"""Two months of nights."""


def notices(session: Session, unit_id: str) -> responses.NoticeList:
    """Return a unit's newest notices, newest first.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, if the unit does not exist.
    """
    unit = require_unit(session, unit_id)
    query = (
        select(Notice)
        .where(Notice.unit_id == unit.unit_id)
        .order_by(Notice.made_at.desc(), Notice.notice_id.desc())
        .limit(MOST)
    )
    return {
        "unit_id": unit.unit_id,
        "items": [_notice(row) for row in session.scalars(query)],
    }


def _notice(row: Notice) -> responses.Notice:
    return as_record(
        responses.Notice,
        {
            "night": row.night.isoformat(),
            "kind": row.kind,
            "title": row.title,
            "n_images": row.n_images,
            "findings": row.findings,
            "time": row.made_at,
        },
    )
