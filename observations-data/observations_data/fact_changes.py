"""Queries of the changed facts of a unit or an observation."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from observations_data.database import as_record
from panoptes_network.database.models import FactChange
from panoptes_network.responses.observations import FactChange as Change

MAX_CHANGES = 50
COLUMNS = (
    FactChange.at,
    FactChange.name,
    FactChange.old_value,
    FactChange.new_value,
    FactChange.is_pinned,
    FactChange.image_id,
    FactChange.changed_by,
    FactChange.reason,
)


def changes(session: Session, subject: str) -> list[Change]:
    """Return the last changes of a unit's or an observation's facts, newest first."""
    query = select(*COLUMNS).where(FactChange.subject == subject)
    found = session.execute(query.order_by(FactChange.change_id.desc()).limit(MAX_CHANGES))
    return [as_record(Change, row._asdict()) for row in found]
