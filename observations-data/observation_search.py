"""Which observations a request asks for: its parameters, and the cursor from page to page."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import ColumnElement, and_, or_

from panoptes_network.database.models import Sequence
from panoptes_network.nights import EARLIEST, LATEST

DEFAULT_LIMIT = 50
MAX_LIMIT = 500


class BadParameterError(ValueError):
    """A query parameter that cannot be read; `parameter` is its name."""

    def __init__(self, parameter: str, wanted: str) -> None:
        super().__init__(f"{parameter} must be {wanted}")
        self.parameter = parameter


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last observation of a page; the next page begins behind it."""

    start_time: datetime
    sequence_id: str

    def __str__(self) -> str:
        said = f"{self.start_time.isoformat()} {self.sequence_id}"
        return base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Read a cursor back; ValueError where it is none of ours."""
        said = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        time, _, sequence_id = said.partition(" ")
        start = datetime.fromisoformat(time)
        if start.tzinfo is None or not sequence_id.isprintable():
            raise ValueError(text)
        try:
            return cls(start.astimezone(UTC), sequence_id)
        except OverflowError as error:  # its zone leads out of the years there are
            raise ValueError(text) from error


@dataclass(frozen=True, slots=True)
class Search:
    """Which observations are wanted, and how many of them at once."""

    unit: str | None = None
    field: str | None = None
    limit: int = DEFAULT_LIMIT
    cursor: Cursor | None = None

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> "Search":
        """Read query parameters; those of other names are left alone.

        Raises
        ------
        BadParameterError
            For the first one that cannot be read.
        """
        return cls(
            unit=_text(parameters, "unit"),
            field=_text(parameters, "field"),
            limit=_limit(parameters.get("limit") or str(DEFAULT_LIMIT)),
            cursor=_cursor(parameters.get("cursor")),
        )

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        """What an observation must meet to be found, wherever the page begins."""
        conditions = []
        if self.unit:
            conditions.append(Sequence.unit_id == self.unit.upper())
        if self.field:
            conditions.append(Sequence.field.icontains(self.field, autoescape=True))
        return conditions

    @property
    def page_conditions(self) -> list[ColumnElement[bool]]:
        """`conditions`, and that it comes behind the cursor."""
        if self.cursor is None:
            return self.conditions
        start = self.cursor.start_time
        behind = and_(
            # The first part alone lets the index jump there; the second settles equal times.
            Sequence.start_time <= start,
            or_(Sequence.start_time < start, Sequence.sequence_id > self.cursor.sequence_id),
        )
        return [*self.conditions, behind]


@dataclass(frozen=True, slots=True)
class NightSearch:
    """Which of a unit's nights are wanted: those before a date, and how many of them."""

    before: date | None = None
    limit: int = DEFAULT_LIMIT

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> "NightSearch":
        """Read query parameters; those of other names are left alone.

        Raises
        ------
        BadParameterError
            For the first one that cannot be read.
        """
        before = parameters.get("before")
        return cls(
            before=night_date(before, "before") if before else None,
            limit=_limit(parameters.get("limit") or str(DEFAULT_LIMIT)),
        )


def night_date(text: str, parameter: str) -> date:
    """Read the date of a night.

    Raises
    ------
    BadParameterError
        For what is not a date like 2018-10-11, of years that have telescopes.
    """
    wanted = "a date like 2018-10-11"
    if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise BadParameterError(parameter, wanted)
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise BadParameterError(parameter, wanted) from error
    if not EARLIEST <= found <= LATEST:
        raise BadParameterError(parameter, f"{wanted}, from {EARLIEST} on")
    return found


def _text(parameters: Mapping[str, str], name: str) -> str | None:
    value = parameters.get(name, "").strip()
    if not value.isprintable():
        raise BadParameterError(name, "printable text")
    return value or None


def _limit(value: str) -> int:
    if not re.fullmatch("[0-9]{1,3}", value) or not 1 <= int(value) <= MAX_LIMIT:
        raise BadParameterError("limit", f"a whole number from 1 to {MAX_LIMIT}")
    return int(value)


def _cursor(value: str | None) -> Cursor | None:
    try:
        return Cursor.parse(value) if value else None
    except ValueError as error:
        raise BadParameterError("cursor", "one that an answer gave as next") from error
