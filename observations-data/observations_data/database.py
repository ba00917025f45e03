"""Read access to the database: one consistent snapshot per request, with plain JSON values.

Values that JSON cannot represent (NaN, infinity) become null; times become ISO 8601 strings in UTC
that end in Z.
"""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Row, Select, text
from sqlalchemy.orm import Session

from panoptes_network.config import settings
from panoptes_network.database.engine import limit_waiting, run_transaction
from panoptes_network.errors import PermanentError, Reason

P = ParamSpec("P")
R = TypeVar("R")
AnyRow = Row[*tuple[Any, ...]]
Query = Select[*tuple[object, ...]]
"""A query of columns that are chosen at run time."""

LOCK_TIMEOUT_S = 2
"""Longest wait of a page for another transaction's lock: schema changes lock whole tables."""


def read(query: Callable[Concatenate[Session, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run `query` in one read-only snapshot of the database.

    Each statement is limited to READ_TIMEOUT_S, so that none holds a connection for long.

    Raises
    ------
    TransientError
        If the database is unavailable, full, locked, or too slow.
    """

    def work(session: Session) -> R:
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        limit_waiting(session, settings().read_timeout_s, LOCK_TIMEOUT_S)
        return query(session, *args, **kwargs)

    result: R = plain(run_transaction(work))
    return result


def count(session: Session, query: Select[int]) -> int:
    """Return the number that a query counts."""
    return session.scalar(query) or 0


def as_record(kind: Callable[..., R], fields: Mapping[str, object]) -> R:
    """Return the fields of a row as a record of a response, whose times `read` turns into text.

    Nothing is checked: tests validate whole responses by their types.
    """
    return kind(**fields)


def unknown(what: str, name: str) -> PermanentError:
    """Return the error for a missing object."""
    return PermanentError(Reason.OBJECT_MISSING, f"there is no {what} {name[:200]!r}")


def plain(value: Any) -> Any:
    """Return a value as in JSON; other types (bytes, arrays) are unchanged."""
    if value is None or isinstance(value, str):  # most are: a page has 20,000 values
        return value
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
