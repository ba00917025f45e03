"""Keyset pagination of observations: their order, and the cursor from page to page.

A page starts after the previous page's last row, so that inserts never shift it. Observations with
equal keys are sorted by their ids, in the same direction. Those with an unknown key, or a time that
cannot be right, come last in both directions.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, literal, not_, null, tuple_
from sqlalchemy.orm import Session

from observations_data.database import AnyRow, Query
from observations_data.http.query_parameters import BadParameterError, Parameters, choice
from observations_data.pagination import KEY, Direction
from observations_data.position import Cone
from panoptes_network import storable
from panoptes_network.database.models import Sequence, SequenceFigures
from panoptes_network.database.times import has_plausible

SortKey = datetime | str | float
SortColumn = (
    ColumnElement[datetime]
    | ColumnElement[str]
    | ColumnElement[str | None]
    | ColumnElement[int]
    | ColumnElement[float]
    | ColumnElement[float | None]
)


class Sort(StrEnum):
    """Sort keys of observations."""

    TIME = "time"
    FIELD = "field"
    UNIT = "unit"
    IMAGES = "images"
    EXPTIME = "exptime"
    DISTANCE = "distance"


@dataclass(frozen=True, slots=True)
class Order:
    """An order of observations; by default newest first."""

    sort: Sort = Sort.TIME
    direction: Direction = Direction.DESC

    @classmethod
    def parse(cls, parameters: Parameters) -> "Order":
        """Read ``sort`` and ``order``; times, image numbers and exposures descend by default."""
        sort = choice(parameters, "sort", Sort) or Sort.TIME
        usual = Direction.DESC if sort in _USUALLY_FALLING else Direction.ASC
        return cls(sort, choice(parameters, "order", Direction) or usual)

    @property
    def needs_place(self) -> bool:
        """Whether it requires a position on the sky."""
        return self.sort == Sort.DISTANCE

    def key(self, cone: Cone | None) -> SortColumn:
        """Return the sort key."""
        if self.needs_place and cone is not None:
            return cone.distance
        return _KEYS[self.sort]


NEWEST_FIRST = Order()
_USUALLY_FALLING = {Sort.TIME, Sort.IMAGES, Sort.EXPTIME}
_KEYS: dict[Sort, SortColumn] = {
    Sort.TIME: Sequence.start_time.expression,
    Sort.FIELD: Sequence.field.expression,
    # An id begins with its unit's id, followed by the camera and the time.
    Sort.UNIT: Sequence.sequence_id.expression,
    Sort.IMAGES: SequenceFigures.n_images.expression,
    Sort.EXPTIME: Sequence.exptime_s.expression,
}
_MAYBE_UNKNOWN = {Sort.TIME, Sort.FIELD, Sort.EXPTIME}


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last observation of a page: its key, None if unknown, and its id."""

    order: Order
    key: SortKey | None
    sequence_id: str

    def __str__(self) -> str:
        key = self.key.isoformat() if isinstance(self.key, datetime) else self.key
        said = json.dumps([self.order.sort, self.order.direction, key, self.sequence_id])
        return base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, parameters: Parameters, order: Order) -> "Cursor | None":
        """Parse the parameter ``cursor`` of a request in this order; None if there is none.

        Raises
        ------
        BadParameterError
            If it is invalid, or belongs to another order.
        """
        value = parameters.get("cursor")
        try:
            return cls._parse(value, order) if value else None
        except (ValueError, OverflowError, RecursionError) as error:
            wanted = "the value of next in a response with this order"
            raise BadParameterError("cursor", wanted) from error

    @classmethod
    def _parse(cls, value: str, order: Order) -> "Cursor":
        said = json.loads(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
        if not isinstance(said, list) or said[:2] != [order.sort, order.direction]:
            raise ValueError(value)
        _, _, key, sequence_id = said
        if key is not None or order.sort not in _MAYBE_UNKNOWN:
            key = _READERS[order.sort](key)
        return cls(order, key, _text(sequence_id))


def _text(value: object) -> str:
    if not isinstance(value, str) or not storable.is_storable(value):
        raise ValueError(value)
    return value


def _time(value: object) -> datetime:
    found = datetime.fromisoformat(_text(value))
    if found.tzinfo is None:
        raise ValueError(value)
    return found.astimezone(UTC)


def _real(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(value)  # noqa: TRY004 - one kind of error for all that is no cursor
    return float(value)


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise ValueError(value)
    return value


_READERS: dict[Sort, Callable[[object], SortKey]] = {
    Sort.TIME: _time,
    Sort.FIELD: _text,
    Sort.UNIT: _text,
    Sort.IMAGES: _count,
    Sort.EXPTIME: _real,
    Sort.DISTANCE: _real,
}


def fetch_page(
    session: Session,
    found: Query,
    key: SortColumn,
    order: Order,
    cursor: Cursor | None,
    limit: int,
) -> list[AnyRow]:
    """Return up to `limit` rows of the observations `found` after `cursor`, in `order`.

    Rows with a known key are read first, by an index; then, if keys may be unknown, the others.
    """
    rows: list[AnyRow] = []
    if cursor is None or cursor.key is not None:
        known = _known(found.add_columns(key.label(KEY)), key, order, cursor)
        rows += session.execute(known.limit(limit)).all()
    if len(rows) < limit and order.sort in _MAYBE_UNKNOWN:
        unknown = _unknown(found.add_columns(null().label(KEY)), key, order, cursor)
        rows += session.execute(unknown.limit(limit - len(rows))).all()
    return rows


def _is_known(key: SortColumn, order: Order) -> ColumnElement[bool]:
    return has_plausible(Sequence.start_time) if order.sort == Sort.TIME else key.is_not(None)


def _known(found: Query, key: SortColumn, order: Order, cursor: Cursor | None) -> Query:
    known = found.where(_is_known(key, order)).order_by(
        _directed(key, order), _directed(Sequence.sequence_id.expression, order)
    )
    if cursor is None:
        return known
    row = tuple_(key, Sequence.sequence_id)
    last = tuple_(literal(cursor.key, key.type), literal(cursor.sequence_id))
    return known.where(row > last if order.direction == Direction.ASC else row < last)


def _unknown(found: Query, key: SortColumn, order: Order, cursor: Cursor | None) -> Query:
    sequence_id = Sequence.sequence_id.expression
    unknown = found.where(not_(_is_known(key, order))).order_by(_directed(sequence_id, order))
    if cursor is None or cursor.key is not None:
        return unknown
    if order.direction == Direction.ASC:
        return unknown.where(sequence_id > cursor.sequence_id)
    return unknown.where(sequence_id < cursor.sequence_id)


def _directed(column: SortColumn, order: Order) -> SortColumn:
    return column.asc() if order.direction == Direction.ASC else column.desc()
