"""Connections to the database, and how a transaction is tried again.

Limits lie one within the other: a lock is waited for shorter than a statement may take, which the
server ends before the connection stops listening; what is away is given up within `AWAY_S`.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, func, select, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session
from tenacity import RetryCallState, retry, retry_if_exception, wait_random_exponential

from panoptes_network.config import settings
from panoptes_network.database import cloud_sql
from panoptes_network.errors import PanoptesError, TransientError

T = TypeVar("T")

POOL_SIZE = 2
MAX_OVERFLOW = 4
MAX_CONNECTIONS = POOL_SIZE + MAX_OVERFLOW
"""Connections of one process at a time."""
POOL_TIMEOUT_S = 2
"""For how long a transaction waits for one of them."""
CONNECT_TIMEOUT_S = 4
"""For how long a new connection waits for the server's first answer."""
AWAY_S = 4
"""No new try begins after so long, where the database is away or does not let anyone in."""
LOCK_TIMEOUT_S = 15
"""For how long the server lets a statement wait for another's lock."""
STATEMENT_TIMEOUT_S = 55
"""After so long the server ends a statement."""
CANCEL_S = 5
"""What the server may take to end a statement whose time is over."""
ANSWER_TIMEOUT_S = STATEMENT_TIMEOUT_S + CANCEL_S
"""For how long pg8000 waits for an answer."""
MAX_TRIES = 4

QUERY_CANCELED = "57014"
LOCK_NOT_AVAILABLE = "55P03"
_CONFLICTS = frozenset({"40001", "40P01"})
"""serialization_failure, deadlock_detected (PostgreSQL, appendix A)."""
_PASSING = _CONFLICTS | {QUERY_CANCELED, LOCK_NOT_AVAILABLE, "57P01", "57P02", "57P03", "57P05"}
"""Besides these: admin_shutdown, crash_shutdown, cannot_connect_now, idle_session_timeout."""
_NO_ROOM = "53"
"""Class of insufficient_resources; 53300 is too_many_connections."""
_WORDS = {
    QUERY_CANCELED: "the database took too long to answer: ask for less",
    LOCK_NOT_AVAILABLE: "what is asked for is locked for the moment",
}

_log = logging.getLogger(__name__)


@cache
def engine() -> Engine:
    """Return this process's engine: few connections, each tested before it is used.

    A serverless instance answers a handful of requests at a time and there may be hundreds
    of instances, so that the pool is small.
    """
    return connecting(
        pool_size=POOL_SIZE,
        max_overflow=MAX_OVERFLOW,
        pool_timeout=POOL_TIMEOUT_S,
        pool_pre_ping=True,
        pool_recycle=1800,
    )


def connecting(**options: Any) -> Engine:
    """Return an engine for DATABASE_URL, with further `options` of `create_engine`.

    With CLOUD_SQL_INSTANCE set the address says only who connects to which database. A
    connection is never used again after an error that is not the server's whole answer.
    """
    if settings().cloud_sql_instance:
        how: dict[str, Any] = {"creator": partial(cloud_sql.connect, _startup())}
    else:
        how = {"connect_args": {"timeout": CONNECT_TIMEOUT_S, "startup_params": _startup()}}
    made = create_engine(settings().database_url, **how, **options)
    event.listen(made, "checkout", lambda connection, *_: _listen(connection, ANSWER_TIMEOUT_S))
    event.listen(made, "checkin", lambda connection, _: _listen(connection, CONNECT_TIMEOUT_S))
    event.listen(made, "handle_error", _discard_unless_answered)
    return made


def _startup() -> dict[str, str]:
    """Return the limits of a session, in milliseconds, that the server keeps itself."""
    limits_s = {"lock_timeout": LOCK_TIMEOUT_S, "statement_timeout": STATEMENT_TIMEOUT_S}
    return {name: str(round(limit_s * 1000)) for name, limit_s in limits_s.items()}


def limit_waiting(session: Session, statement_s: float, lock_s: float) -> None:
    """Let no statement of a transaction take longer than this, nor wait so long for a lock."""
    limits_s = {"statement_timeout": statement_s, "lock_timeout": lock_s}
    session.execute(
        select(
            *(
                func.set_config(name, str(max(1, round(limit_s * 1000))), True)
                for name, limit_s in limits_s.items()
            )
        )
    )
    _listen(session.connection().connection.dbapi_connection, statement_s + CANCEL_S)


def let_statements_take_long(connection: Connection) -> None:
    """Let each statement of a connection take as long as it needs, but not wait so for a lock."""
    _listen(connection.connection.dbapi_connection, None)
    connection.execute(text("SET statement_timeout = 0"))
    connection.commit()


def _listen(connection: Any, limit_s: float | None) -> None:
    """Set for how long an answer is waited for, None for ever.

    A connection that is None is closed.

    pg8000 has one limit, which begins as that of connecting. A connection in the pool has the
    same, so that its test does not hang where the server does.
    """
    if connection is not None:
        connection._usock.settimeout(limit_s)  # noqa: SLF001 - it has no public name


def _discard_unless_answered(context: ExceptionContext) -> None:
    """Let a connection go whose next answer may be that of the statement before.

    pg8000 sends the statement before it encodes the values. Where that fails, or a value of
    the answer cannot be read, or the thread is interrupted, the rest of the answer stays in
    the socket: the next to use the connection would read it as their own. Only an error of
    the server's ends an answer; after a fatal one the server has closed the connection.
    """
    answer = _server_said(context.original_exception)
    if context.is_disconnect or (answer and answer.get("V") not in ("FATAL", "PANIC")):
        return
    context.is_disconnect = True
    # The others in the pool are tested before they are used.
    context.invalidate_pool_on_disconnect = False


def run_transaction(work: Callable[[Session], T]) -> T:
    """Run `work` in one transaction and commit it; the whole is retried on passing faults.

    Parameters
    ----------
    work : callable
        Gets a session and returns the result. It may run more than once, so it must have
        no effect outside the database.

    Raises
    ------
    TransientError
        When the database stays away, is full, or keeps refusing; when no connection is free;
        when a statement or a lock took too long.
    """
    try:
        return _attempt(work)
    except PoolTimeoutError as error:
        raise TransientError("all connections to the database are in use") from error
    except (DBAPIError, OSError) as error:
        if not _is_passing(error):
            raise
        raise TransientError(_words(error)) from error


def _words(error: DBAPIError | OSError) -> str:
    """Return what may be told to anyone: neither statement nor address, which the log has."""
    if not isinstance(error, DBAPIError):
        return f"the database is away: {error}"
    _log.warning("the database is away: %s", error.orig)
    return _WORDS.get(sqlstate(error) or "", "the database is away")


def _is_passing(error: BaseException) -> bool:
    if isinstance(error, OSError):
        # pg8000 lets a timeout of its socket through as it is.
        return True
    if not isinstance(error, DBAPIError):
        return False
    code = sqlstate(error) or ""
    if code in _PASSING or code.startswith(_NO_ROOM):
        return True
    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)


def sqlstate(error: DBAPIError) -> str | None:
    """Return PostgreSQL's code of an error; None where the error is not the server's."""
    return _server_said(error.orig).get("C")


def _server_said(error: BaseException | None) -> dict[str, str]:
    """Return the fields of an error that the server sent; none where it did not."""
    details = error.args[0] if error and error.args else None
    return details if isinstance(details, dict) else {}


def _has_tried_enough(state: RetryCallState) -> bool:
    """Return whether to give up: a conflict may recur, what is away is not waited for."""
    error = state.outcome.exception() if state.outcome else None
    code = sqlstate(error) if isinstance(error, DBAPIError) else None
    if state.attempt_number >= MAX_TRIES or code in (QUERY_CANCELED, LOCK_NOT_AVAILABLE):
        return True
    return code not in _CONFLICTS and (state.seconds_since_start or 0) >= AWAY_S


@retry(
    retry=retry_if_exception(_is_passing),
    stop=_has_tried_enough,
    wait=wait_random_exponential(multiplier=0.1, max=2),
    reraise=True,
)
def _attempt(work: Callable[[Session], T]) -> T:
    with Session(engine(), expire_on_commit=False) as session, session.begin(), _guarded(session):
        return work(session)


@contextmanager
def _guarded(session: Session) -> Iterator[None]:
    """Discard the session's connection where `work` broke off for a reason that nobody foresaw."""
    try:
        yield
    except (DBAPIError, PanoptesError, TransientError):
        raise  # the engine has judged the first; the others are ours, between two statements
    except BaseException:
        session.invalidate()
        raise
