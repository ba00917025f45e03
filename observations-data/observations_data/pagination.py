"""Keyset pagination of rows sorted by a number that may be unknown.

A page starts after the previous page's last row, so that inserts never shift it. Rows with equal
numbers are sorted by their ids, in the same direction; unknown numbers come last in both.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, and_, cast, literal, or_, tuple_
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION
from sqlalchemy.orm import Session

from observations_data.database import AnyRow, Query
from observations_data.http.query_parameters import BadParameterError, Parameters, choice
from panoptes_network import storable

Sorts = TypeVar("Sorts", bound=StrEnum)
Id = int | str
IdColumn = ColumnElement[int] | ColumnElement[str]
Number = ColumnElement[float] | ColumnElement[float | None] | ColumnElement[int]
LARGEST = 2**63
KEY = "sort_key"
"""Name of the sort column."""


class Direction(StrEnum):
    """Ascending or descending."""

    ASC = "asc"
    DESC = "desc"


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page: its number, None if unknown, and its ids."""

    key: float | None
    ids: tuple[Id, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """Sort key, direction, and the row after which to start."""

    sort: str
    direction: Direction
    cursor: Cursor | None = None

    @classmethod
    def parse(
        cls,
        parameters: Parameters,
        sorts: type[Sorts],
        falling: frozenset[Sorts],
        ids: tuple[type[Id], ...],
    ) -> "Order":
        """Read ``sort``, ``order`` and ``cursor``.

        Parameters
        ----------
        sorts : type of StrEnum
            Sort keys; the first is the default.
        falling : frozenset
            Keys that are descending by default.
        ids : tuple of types
            Types of the ids in a cursor.

        Raises
        ------
        BadParameterError
            For the first invalid one, including a cursor of another order.
        """
        sort = choice(parameters, "sort", sorts) or next(iter(sorts))
        usual = Direction.DESC if sort in falling else Direction.ASC
        order = cls(sort, choice(parameters, "order", Direction) or usual)
        value = parameters.get("cursor")
        try:
            cursor = order._read(value, ids) if value else None
        except (ValueError, OverflowError, RecursionError) as error:
            wanted = "the value of next in a response with this order"
            raise BadParameterError("cursor", wanted) from error
        return cls(order.sort, order.direction, cursor)

    def cursor_of(self, key: float | None, ids: tuple[Id, ...]) -> str:
        """Return the cursor of the page that starts after a row."""
        said = json.dumps([self.sort, self.direction, key, *ids])
        return base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")

    def _read(self, value: str, ids: tuple[type[Id], ...]) -> Cursor:
        said = json.loads(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
        if not isinstance(said, list) or said[:2] != [self.sort, self.direction]:
            raise ValueError(value)
        _, _, key, *found = said
        if not (key is None or type(key) in {int, float}) or [type(i) for i in found] != [*ids]:
            raise ValueError(value)
        if not all(map(_is_storable, found)):
            raise ValueError(value)
        return Cursor(None if key is None else float(key), tuple(found))


def _is_storable(value: Id) -> bool:
    if isinstance(value, int):
        return -LARGEST <= value < LARGEST
    return storable.is_storable(value)


def fetch_page(
    session: Session,
    found: Query,
    key: Number,
    ids: tuple[IdColumn, ...],
    order: Order,
    limit: int,
) -> tuple[list[AnyRow], str | None]:
    """Return up to `limit` of the rows `found`, and the cursor of the next page, or None.

    Parameters
    ----------
    found : Select
        Selects `ids` by name, and any other columns.
    key : ColumnElement
        The number to sort by.
    """
    key = cast(key, DOUBLE_PRECISION)
    directed = [column.asc() if _rises(order) else column.desc() for column in (key, *ids)]
    # Indexes of descending numbers do the same.
    in_order = [directed[0].nulls_last(), *directed[1:]]
    query = found.add_columns(key.label(KEY)).order_by(*in_order)
    if order.cursor is not None:
        query = query.where(_is_after(key, ids, order, order.cursor))
    rows = session.execute(query.limit(limit + 1)).all()
    if len(rows) <= limit:
        return list(rows), None
    last = rows[limit - 1]
    own_ids = tuple(getattr(last, column.key or "") for column in ids)
    return list(rows[:limit]), order.cursor_of(getattr(last, KEY), own_ids)


def _rises(order: Order) -> bool:
    return order.direction is Direction.ASC


def _is_after(
    key: Number, ids: tuple[IdColumn, ...], order: Order, cursor: Cursor
) -> ColumnElement[bool]:
    last = [literal(own, column.type) for own, column in zip(cursor.ids, ids, strict=True)]
    if cursor.key is None:
        return and_(key.is_(None), _follows(order, [*ids], last))
    return or_(key.is_(None), _follows(order, [key, *ids], [literal(cursor.key), *last]))


def _follows(
    order: Order, row: Sequence[Number | IdColumn], last: Sequence[ColumnElement[Any]]
) -> ColumnElement[bool]:
    return tuple_(*row) > tuple_(*last) if _rises(order) else tuple_(*row) < tuple_(*last)
