"""How the database is read: one unchanging view for each request, and plain JSON values out of it.

A value that JSON cannot hold (NaN, infinity) becomes null, a time an ISO 8601 string in UTC
that ends in Z.
"""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Concatenate, ParamSpec

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from panoptes_network.config import settings
from panoptes_network.database.engine import limit_waiting, run_transaction
from panoptes_network.errors import PermanentError, Reason

P = ParamSpec("P")
Json = dict[str, Any]
AnyRow = Row[*tuple[Any, ...]]

LOCK_TIMEOUT_S = 2
"""For how long a page waits for a lock of another's: those who change tables take them whole."""


def read(
    query: Callable[Concatenate[Session, P], Mapping[str, object]],
    *args: P.args,
    **kwargs: P.kwargs,
) -> Json:
    """Run `query` on one unchanging view of the database, which it cannot write to.

    Each of its statements has READ_TIMEOUT_S, so that none holds a connection for long.

    Raises
    ------
    TransientError
        When the database is away, full, locked, or took too long.
    """

    def work(session: Session) -> Mapping[str, object]:
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        limit_waiting(session, settings().read_timeout_s, LOCK_TIMEOUT_S)
        return query(session, *args, **kwargs)

    result: Json = plain(run_transaction(work))
    return result


def unknown(what: str, name: str) -> PermanentError:
    """Return the error that says that there is no such thing."""
    return PermanentError(Reason.OBJECT_MISSING, f"there is no {what} {name[:200]!r}")


def plain(value: Any) -> Any:
    """Return a value as JSON has it; what is none of ours (bytes, arrays) stays as it is."""
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
