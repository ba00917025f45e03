"""Refused uploads, newest first, with reasons and remedies."""

import re
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from observations_data.database import as_record, count
from observations_data.http.query_parameters import (
    DEFAULT_LIMIT,
    BadParameterError,
    Parameters,
    choice,
    limit,
    text,
)
from panoptes_network.database import refusals
from panoptes_network.database.models import ImageEvent
from panoptes_network.errors import Reason
from panoptes_network.nights import advice
from panoptes_network.responses.network import RefusedUpload, RefusedUploadPage

MAX_EVENT_ID = 2**63 - 1
_UNIT = re.compile(r"PAN[0-9]{3}", re.IGNORECASE | re.ASCII)
_GENERATION = re.compile(r"generation ([0-9]{1,19})")


@dataclass(frozen=True, slots=True)
class UploadSearch:
    """A search of refused uploads: unit, reason, and cursor."""

    unit_id: str | None = None
    reason_code: Reason | None = None
    before_event: int | None = None
    limit: int = DEFAULT_LIMIT

    @classmethod
    def parse(cls, parameters: Parameters) -> "UploadSearch":
        """Read query parameters.

        Raises
        ------
        BadParameterError
            For the first invalid one.
        """
        unit_id = text(parameters, "unit")
        if unit_id is not None and not _UNIT.fullmatch(unit_id):
            raise BadParameterError("unit", "an id like PAN001")
        reason_code = choice(parameters, "reason_code", Reason)
        return cls(unit_id, reason_code, _cursor(parameters), limit(parameters))


def uploads(session: Session, search: UploadSearch) -> RefusedUploadPage:
    """Return a page of the matching refused uploads."""
    query = refusals.standing()
    if search.unit_id is not None:
        query = query.where(refusals.is_of_unit(search.unit_id))
    if search.reason_code is not None:
        query = query.where(ImageEvent.reason_code == search.reason_code)
    total = count(session, select(func.count()).select_from(query.subquery()))
    if search.before_event is not None:
        query = query.where(ImageEvent.event_id < search.before_event)
    page = query.order_by(ImageEvent.event_id.desc()).limit(search.limit + 1)
    rows = session.scalars(page).all()
    shown = rows[: search.limit]
    following = str(shown[-1].event_id) if len(rows) > search.limit else None
    return {"items": [_upload(row) for row in shown], "total": total, "next": following}


def _cursor(parameters: Parameters) -> int | None:
    value = text(parameters, "cursor")
    if value is None:
        return None
    if not re.fullmatch("[0-9]{1,19}", value) or int(value) > MAX_EVENT_ID:
        raise BadParameterError("cursor", "the value of next in a response")
    return int(value)


def _upload(row: ImageEvent) -> RefusedUpload:
    known = advice.of_reason(row.reason_code)
    generation = _GENERATION.fullmatch(row.message_id or "")
    return as_record(
        RefusedUpload,
        {
            "bucket_path": row.bucket_path,
            "generation": generation and generation[1],
            "unit_id": refusals.unit_of(str(row.bucket_path)),
            "at": row.at,
            "state": row.state,
            "reason_code": row.reason_code,
            "reason": row.reason,
            "meaning": known.meaning,
            "action": known.action,
        },
    )
