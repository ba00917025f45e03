"""How the database is read: one unchanging view for each request, and plain JSON values out of it.

A value that JSON cannot hold (NaN, infinity) becomes null, a time an ISO 8601 string in UTC
that ends in Z.
"""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Concatenate, ParamSpec

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from panoptes_network.database.engine import run_transaction
from panoptes_network.errors import PermanentError, Reason

P = ParamSpec("P")
Json = dict[str, Any]
AnyRow = Row[*tuple[Any, ...]]


def read(query: Callable[Concatenate[Session, P], Json], *args: P.args, **kwargs: P.kwargs) -> Json:
    """Run `query` on one unchanging view of the database, which it cannot write to.

    Raises
    ------
    TransientError
        When the database is away.
    """

    def work(session: Session) -> Json:
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        return query(session, *args, **kwargs)

    answer: Json = _plain(run_transaction(work))
    return answer


def check(session: Session) -> Json:
    """Return that the database answers."""
    session.execute(select(1))
    return {"status": "ok"}


def sql_text(value: str) -> str:
    """Return text as PostgreSQL can compare it: it has no NUL, and nothing there has one."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}")


def unknown(what: str, name: str) -> PermanentError:
    """Return the error that says that there is no such thing."""
    return PermanentError(Reason.OBJECT_MISSING, f"there is no {what} {name[:200]!r}")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
