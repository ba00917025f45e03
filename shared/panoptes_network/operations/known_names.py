"""Checks that the unit, image or sequence of an operator's request exists."""

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from panoptes_network.database import refusals
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.models import Image, Sequence, Unit
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.operations.selection import Filters


def require_known(filters: Filters) -> None:
    """Raise an error if a filter names a unit, image or sequence that does not exist.

    Raises
    ------
    PermanentError
        BAD_REQUEST with the name.
    TransientError
        If the database is unavailable.
    """
    run_transaction(lambda session: _require(session, filters))


def add_unit(unit_id: str) -> bool:
    """Make a unit known before its first upload; return False if it is known already.

    Raises
    ------
    TransientError
        If the database is unavailable.
    """
    statement = insert(Unit).values(unit_id=unit_id).on_conflict_do_nothing()
    return run_transaction(lambda session: bool(session.scalar(statement.returning(Unit.unit_id))))


def _require(session: Session, filters: Filters) -> None:
    unit_id, image_id, sequence_id = filters.unit_id, filters.image_id, filters.sequence_id
    if unit_id and not session.get(Unit, unit_id) and not refusals.has_any(session, unit_id):
        raise _unknown("unit", unit_id, _units(session))
    if image_id and not session.scalar(select(1).where(Image.image_id == image_id)):
        raise _unknown("image", image_id, "an id is like PAN001_14d3bd_20181011T134333")
    if sequence_id and not session.get(Sequence, sequence_id):
        raise _unknown("sequence", sequence_id, "an id is like PAN001_14d3bd_20181011T134202")


def _units(session: Session) -> str:
    known = session.scalars(select(Unit.unit_id).order_by(Unit.unit_id).limit(10)).all()
    count = session.scalar(select(func.count()).select_from(Unit)) or 0
    if not known:
        return "there are no units yet"
    return f"known units: {', '.join(known)}" + (" …" if count > len(known) else "")


def _unknown(what: str, name: str, hint: str) -> PermanentError:
    return PermanentError(Reason.BAD_REQUEST, f"there is no {what} {name!r}; {hint}")
