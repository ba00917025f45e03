"""Who may write which table: each service's user has the rights that its work needs."""

from collections.abc import Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from panoptes_network.database.metadata import METADATA
from panoptes_network.database.models import Source

READER = "panoptes_reader"
"""The role that a migration makes; it can only read."""

_WRITE = "INSERT, UPDATE, DELETE"
_PARTITION = "EXECUTE ON FUNCTION ensure_sources_partition"


def grant(session: Session, writers: Mapping[str, Sequence[str]]) -> None:
    """Give users what they may do, and take from them what they may not do any more.

    Parameters
    ----------
    session : Session
        Of the owner of the tables.
    writers : mapping of str to sequence of str
        The tables that each user may write; all of them may read everything.

    Raises
    ------
    ValueError
        For a table that there is not.
    sqlalchemy.exc.ProgrammingError
        For a user that there is not.
    """
    named = {table for tables in writers.values() for table in tables}
    unknown = named - METADATA.tables.keys()
    if unknown:
        raise ValueError(f"there is no table {', '.join(sorted(unknown))}")
    for user, tables in writers.items():
        _run(session, f"REVOKE {_WRITE} ON ALL TABLES IN SCHEMA public FROM %I", user)
        _run(session, f"REVOKE {_PARTITION} FROM %I", user)
        _run(session, f"GRANT {READER} TO %I", user)
        for table in tables:
            _run(session, f"GRANT {_WRITE} ON %2$I TO %1$I", user, table)
        if Source.__tablename__ in tables:
            _run(session, f"GRANT {_PARTITION} TO %I", user)


def _run(session: Session, statement: str, *names: str) -> None:
    """Run a statement with names in it, which PostgreSQL itself puts in quotes."""
    parameters = {f"name{number}": name for number, name in enumerate(names)}
    places = ", ".join(f"CAST(:{place} AS text)" for place in parameters)
    written = text(f"SELECT format(:statement, {places})")
    quoted = session.scalar(written, {"statement": statement, **parameters})
    session.connection().exec_driver_sql(quoted or "")
