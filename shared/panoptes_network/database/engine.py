"""Connections to the database, and how a transaction is tried again."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, TypeVar

from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_random_exponential

from panoptes_network.config import settings
from panoptes_network.database import cloud_sql
from panoptes_network.errors import TransientError

T = TypeVar("T")

STATEMENT_TIMEOUT_S = 60
"""For how long pg8000 waits to connect, or for an answer."""

_RETRIABLE_SQLSTATES = frozenset({"40001", "40P01", "55P03"})
"""serialization_failure, deadlock_detected, lock_not_available (PostgreSQL, appendix A)."""


@cache
def engine() -> Engine:
    """Return this process's engine: few connections, each tested before it is used.

    A serverless instance answers a handful of requests at a time and there may be hundreds
    of instances, so that the pool is small.
    """
    return create_engine(
        settings().database_url,
        pool_size=2,
        max_overflow=4,
        pool_pre_ping=True,
        pool_recycle=1800,
        **how_to_connect(),
    )


def how_to_connect() -> dict[str, Any]:
    """Return what `create_engine` has to know besides the address.

    With CLOUD_SQL_INSTANCE set the address says only who connects to which database.
    """
    if settings().cloud_sql_instance:
        return {"creator": partial(cloud_sql.connect, STATEMENT_TIMEOUT_S)}
    return {"connect_args": {"timeout": STATEMENT_TIMEOUT_S}}


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
        When the database stays away or keeps refusing.
    """
    try:
        return _attempt(work)
    except (DBAPIError, OSError) as error:
        if _is_passing(error):
            raise TransientError(f"the database is away: {error}") from error
        raise


def _is_passing(error: BaseException) -> bool:
    if isinstance(error, OSError):
        # pg8000 lets a timeout of its socket through as it is.
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError):
        return True
    return sqlstate(error) in _RETRIABLE_SQLSTATES


def sqlstate(error: DBAPIError) -> str | None:
    """Return PostgreSQL's code of an error; None where the error is not the server's."""
    details = error.orig.args[0] if error.orig and error.orig.args else None
    return details.get("C") if isinstance(details, dict) else None


@retry(
    retry=retry_if_exception(_is_passing),
    stop=stop_after_attempt(4),
    wait=wait_random_exponential(multiplier=0.1, max=2),
    reraise=True,
)
def _attempt(work: Callable[[Session], T]) -> T:
    with Session(engine(), expire_on_commit=False) as session, session.begin():
        return work(session)
