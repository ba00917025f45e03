"""Database connections, and transactions with retries.

Time limits are nested: the wait for a lock is shorter than the statement timeout, after which the
server ends a statement, and that is shorter than the connection's wait for a response. An
unavailable database is given up after `AWAY_S`.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, TypedDict, TypeVar, Unpack

from sqlalchemy import Connection, Engine, create_engine, event, func, select, text
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session
from sqlalchemy.pool import Pool
from tenacity import RetryCallState, retry, retry_if_exception, wait_random_exponential

from panoptes_network.config import settings
from panoptes_network.database import cloud_sql
from panoptes_network.errors import PanoptesError, TransientError

if TYPE_CHECKING:
    import pg8000.dbapi

T = TypeVar("T")

POOL_SIZE = 2
MAX_OVERFLOW = 4
MAX_CONNECTIONS = POOL_SIZE + MAX_OVERFLOW
"""Maximum number of connections per process."""
POOL_TIMEOUT_S = 2
"""Longest wait for a free connection."""
CONNECT_TIMEOUT_S = 4
"""Longest wait for the server's first response to a new connection."""
AWAY_S = 4
"""No new attempt starts after this time if the database is unavailable or refuses connections."""
LOCK_TIMEOUT_S = 15
"""Longest wait of a statement for a lock, enforced by the server."""
STATEMENT_TIMEOUT_S = 55
"""Longest run time of a statement, enforced by the server."""
CANCEL_S = 5
"""Time allowed for the server to cancel a statement."""
ANSWER_TIMEOUT_S = STATEMENT_TIMEOUT_S + CANCEL_S
"""Longest wait of pg8000 for a response."""
MAX_TRIES = 4

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

QUERY_CANCELED = "57014"
LOCK_NOT_AVAILABLE = "55P03"
_CONFLICTS = frozenset({"40001", "40P01"})
"""serialization_failure, deadlock_detected (PostgreSQL, appendix A)."""
_PASSING = _CONFLICTS | {QUERY_CANCELED, LOCK_NOT_AVAILABLE, "57P01", "57P02", "57P03", "57P05"}
"""In addition to these: admin_shutdown, crash_shutdown, cannot_connect_now, idle_session_timeout.
"""
_NO_ROOM = "53"
"""Class insufficient_resources; 53300 is too_many_connections."""
_WORDS = {
    QUERY_CANCELED: "the query took too long: narrow the search or request fewer rows",
    LOCK_NOT_AVAILABLE: "the requested data is locked: try again in a moment",
}

_log = logging.getLogger(__name__)


@cache
def engine() -> Engine:
    """Return this process's engine: a small pool of connections, each tested before use.

    A serverless instance handles a few requests at a time and there may be hundreds of instances,
    so the pool is small.
    """
    return connecting(
        pool_size=POOL_SIZE,
        max_overflow=MAX_OVERFLOW,
        pool_timeout=POOL_TIMEOUT_S,
        pool_pre_ping=True,
        pool_recycle=1800,
    )


class PoolOptions(TypedDict, total=False):
    """Options of `create_engine` for its pool of connections."""

    poolclass: type[Pool]
    pool_size: int
    max_overflow: int
    pool_timeout: float
    pool_pre_ping: bool
    pool_recycle: int


class _ConnectOptions(TypedDict, total=False):
    creator: Callable[[], DBAPIConnection]
    connect_args: dict[str, object]


def connecting(**options: Unpack[PoolOptions]) -> Engine:
    """Return an engine for DATABASE_URL, with these `options` for its pool.

    With CLOUD_SQL_INSTANCE set, the URL only names the user and the database. A connection is never
    reused after an error unless the server had sent its complete response.
    """
    if settings().cloud_sql_instance:
        how: _ConnectOptions = {"creator": partial(cloud_sql.connect, _startup())}
    else:
        how = {"connect_args": _connect_arguments(settings().database_url)}
    made = create_engine(settings().database_url, **how, **options)
    event.listen(made, "checkout", lambda connection, *_: _listen(connection, ANSWER_TIMEOUT_S))
    event.listen(made, "checkin", lambda connection, _: _listen(connection, CONNECT_TIMEOUT_S))
    event.listen(made, "handle_error", _discard_unless_answered)
    return made


def _connect_arguments(url: str) -> dict[str, object]:
    """Return pg8000's arguments for the server of a URL, without TLS if it is on this machine.

    For each connection that may be encrypted, pg8000 first loads the machine's certificates, which
    takes 20 to 40 ms.
    """
    arguments: dict[str, object] = {"timeout": CONNECT_TIMEOUT_S, "startup_params": _startup()}
    if make_url(url).host in _LOOPBACK:
        arguments["ssl_context"] = False
    return arguments


def _startup() -> dict[str, str]:
    """Return the session's time limits in milliseconds, as enforced by the server."""
    limits_s = {"lock_timeout": LOCK_TIMEOUT_S, "statement_timeout": STATEMENT_TIMEOUT_S}
    return {name: str(round(limit_s * 1000)) for name, limit_s in limits_s.items()}


def limit_waiting(session: Session, statement_s: float, lock_s: float) -> None:
    """Limit the time that a transaction's statements may run and wait for locks."""
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
    """Lift the limit on the run time of a connection's statements; keep the one for locks."""
    _listen(connection.connection.dbapi_connection, None)
    connection.execute(text("SET statement_timeout = 0"))
    connection.commit()


def _listen(connection: "pg8000.dbapi.Connection | None", limit_s: float | None) -> None:
    """Set the time that a connection waits for a response; None waits forever.

    Does nothing if the connection is None, as it is once closed.

    pg8000 has one timeout, first set for connecting. Pooled connections keep it, so that their test
    does not hang if the server does.
    """
    if connection is not None:
        connection._usock.settimeout(limit_s)  # noqa: SLF001 - it has no public name


def _discard_unless_answered(context: ExceptionContext) -> None:
    """Invalidate a connection that might next return the previous statement's response.

    pg8000 sends a statement before it encodes the values. If that fails, or a value in the response
    cannot be decoded, or the thread is interrupted, the rest of the response stays in the socket,
    where the next user of the connection would read it as its own. Only a server error completes a
    response; after a fatal error the server has closed the connection.
    """
    answer = _server_said(context.original_exception)
    if context.is_disconnect or (answer and answer.get("V") not in ("FATAL", "PANIC")):
        return
    context.is_disconnect = True
    # The other pooled connections are tested before use.
    context.invalidate_pool_on_disconnect = False


def run_transaction(work: Callable[[Session], T]) -> T:
    """Run `work` in one transaction and commit it; retry it after transient failures.

    Parameters
    ----------
    work : callable
        Takes a session and returns the result. It may run more than once, so it must have no
        effects outside the database.

    Raises
    ------
    TransientError
        If the database stays unavailable, is full or keeps refusing; if no connection is free; if a
        statement or a lock takes too long.
    """
    try:
        return _attempt(work)
    except PoolTimeoutError as error:
        raise TransientError("all database connections are in use: try again soon") from error
    except (DBAPIError, OSError) as error:
        if not _is_passing(error):
            raise
        raise TransientError(_words(error)) from error


def _words(error: DBAPIError | OSError) -> str:
    """Return a message that is safe for anyone: the statement and URL are only in the log."""
    if not isinstance(error, DBAPIError):
        return f"the database is unavailable: {error}"
    _log.warning("the database is unavailable: %s", error.orig)
    return _WORDS.get(sqlstate(error) or "", "the database is unavailable")


def _is_passing(error: BaseException) -> bool:
    if isinstance(error, OSError):
        # pg8000 lets its socket's timeout errors through unchanged.
        return True
    if not isinstance(error, DBAPIError):
        return False
    code = sqlstate(error) or ""
    if code in _PASSING or code.startswith(_NO_ROOM):
        return True
    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)


def sqlstate(error: DBAPIError) -> str | None:
    """Return PostgreSQL's error code; None if the error is not from the server."""
    return _server_said(error.orig).get("C")


def _server_said(error: BaseException | None) -> dict[str, str]:
    """Return the fields of a server error; empty if the server did not send one."""
    details = error.args[0] if error and error.args else None
    return details if isinstance(details, dict) else {}


def _has_tried_enough(state: RetryCallState) -> bool:
    """Return whether to stop retrying: an unavailable database is retried only briefly."""
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
    """Invalidate the session's connection if `work` failed for an unexpected reason."""
    try:
        yield
    except (DBAPIError, PanoptesError, TransientError):
        raise  # the engine has judged the first; the others are ours, between two statements
    except BaseException:
        session.invalidate()
        raise
