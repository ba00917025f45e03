"""Facts of a unit or observation that an operator sets, and pins against changes by images."""

from datetime import UTC, datetime
from typing import Self, TypedDict

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.orm import Session

from panoptes_network.database.engine import run_transaction
from panoptes_network.database.models import Fact, FactChange, FactValue, Sequence, Unit
from panoptes_network.database.parents import (
    MAX_ELEVATION_M,
    MAX_EXPTIME_S,
    MIN_ELEVATION_M,
    facts_of,
    locked_parent,
)
from panoptes_network.errors import PermanentError, Reason

_TEXT = r"^[^\x00]*\S[^\x00]*$"


class _FactsRequest(BaseModel):
    """Values to set, and whether to pin them: None leaves pins unchanged.

    Without values, `pin` applies to all known facts that the request could set.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    pin: bool | None = None
    changed_by: str = Field(max_length=100, pattern=_TEXT)
    reason: str | None = Field(None, max_length=500, pattern=_TEXT)

    @property
    def values(self) -> dict[str, FactValue]:
        """The facts to set, by column name."""
        given = self.model_dump(exclude={"pin", "changed_by", "reason"}, exclude_none=True)
        return {name: value for name, value in given.items() if name in self.names()}

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of the facts that can be set."""
        others = {"pin", "changed_by", "reason", "unit_id", "sequence_id"}
        return [name for name in cls.model_fields if name not in others]

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.values and self.pin is None:
            raise ValueError("give a value to set, or use pin or unpin")
        return self


class ShownFact(TypedDict):
    """A fact as it is now."""

    value: FactValue
    is_pinned: bool


class UnitFactsRequest(_FactsRequest):
    """Facts of a unit."""

    unit_id: str = Field(pattern="^PAN[0-9]{3}$")
    name: str | None = Field(None, max_length=200, pattern=_TEXT)
    latitude_deg: float | None = Field(None, ge=-90, le=90)
    longitude_deg: float | None = Field(None, ge=-180, le=180)
    elevation_m: float | None = Field(None, ge=MIN_ELEVATION_M, le=MAX_ELEVATION_M)


class ObservationFactsRequest(_FactsRequest):
    """Facts of an observation."""

    sequence_id: str = Field(max_length=64, pattern=r"^[^\x00]*$")
    field: str | None = Field(None, max_length=200, pattern=_TEXT)
    exptime_s: float | None = Field(None, gt=0, le=MAX_EXPTIME_S)


def change_unit(request: UnitFactsRequest) -> dict[str, ShownFact]:
    """Return the unit's current facts; see `change_observation`."""
    return run_transaction(lambda session: _change(session, Unit, request.unit_id, request))


def change_observation(request: ObservationFactsRequest) -> dict[str, ShownFact]:
    """Return the observation's current facts, each with its ``value`` and ``is_pinned``.

    Raises
    ------
    PermanentError
        BAD_REQUEST if the unit or observation does not exist.
    TransientError
        If the database is unavailable.
    """
    subject = request.sequence_id
    return run_transaction(lambda session: _change(session, Sequence, subject, request))


def _change(
    session: Session, table: type[Unit | Sequence], subject: str, request: _FactsRequest
) -> dict[str, ShownFact]:
    row = locked_parent(session, table, subject)
    if row is None:
        what = "unit" if table is Unit else "observation"
        raise PermanentError(Reason.BAD_REQUEST, f"there is no {what} {subject!r}")
    known = facts_of(session, subject)
    for name in request.values or request.names():
        _set(session, row, subject, name, known.get(name), request)
    session.flush()
    now = facts_of(session, subject)
    return {
        name: {"value": getattr(row, name), "is_pinned": name in now and now[name].is_pinned}
        for name in request.names()
    }


def _set(
    session: Session,
    row: Unit | Sequence,
    subject: str,
    name: str,
    known: Fact | None,
    request: _FactsRequest,
) -> None:
    """Set or pin one fact; an operator's value counts as newer than all images so far."""
    old = getattr(row, name)
    new = request.values.get(name, old)
    was_pinned = known is not None and known.is_pinned
    is_pinned = was_pinned if request.pin is None else request.pin
    if new is None or (new == old and is_pinned == was_pinned):
        return
    setattr(row, name, new)
    if known is None or new != old:
        known = session.merge(_said_now(subject, name))
    known.is_pinned = is_pinned
    session.add(
        FactChange(
            subject=subject,
            name=name,
            old_value=old,
            new_value=new,
            is_pinned=is_pinned,
            changed_by=request.changed_by,
            reason=request.reason,
        )
    )


def _said_now(subject: str, name: str) -> Fact:
    return Fact(
        subject=subject,
        name=name,
        image_id=None,
        taken_at=datetime.now(UTC),
        was_sent=True,
        from_unit=True,
        generation=0,
    )
