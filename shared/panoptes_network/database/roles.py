"""Write access to tables: each service's user has only the rights that its work needs."""

from collections.abc import Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from panoptes_network.database.metadata import METADATA
from panoptes_network.database.models import Source
from panoptes_network.database.notice_models import PRIVATE

READER = "panoptes_reader"
"""The read-only role, created by a migration."""

_WRITE = "INSERT, UPDATE, DELETE"
_PARTITION = "EXECUTE ON FUNCTION ensure_sources_partition"


def grant(session: Session, writers: Mapping[str, Sequence[str]]) -> None:
    """Grant users their rights, and revoke all others.

    Parameters
    ----------
    session : Session
        A session of the tables' owner.
    writers : mapping of str to sequence of str
        The tables that each user may write; these users may read all tables but
        those of `PRIVATE`, which only their writers read.

    Raises
    ------
    ValueError
        If a table does not exist.
    sqlalchemy.exc.ProgrammingError
        If a user does not exist.
    """
    named = {table for tables in writers.values() for table in tables}
    unknown = named - METADATA.tables.keys()
    if unknown:
        raise ValueError(f"there is no table {', '.join(sorted(unknown))}")
    for user, tables in writers.items():
        _run(session, f"REVOKE {_WRITE} ON ALL TABLES IN SCHEMA public FROM %I", user)
        _run(session, f"REVOKE {_PARTITION} FROM %I", user)
        _run(session, f"GRANT {READER} TO %I", user)
        for table in PRIVATE:
            _run(session, "REVOKE SELECT ON %2$I FROM %1$I", user, table)
        for table in tables:
            rights = f"SELECT, {_WRITE}" if table in PRIVATE else _WRITE
            _run(session, f"GRANT {rights} ON %2$I TO %1$I", user, table)
        if Source.__tablename__ in tables:
            _run(session, f"GRANT {_PARTITION} TO %I", user)


def _run(session: Session, statement: str, *names: str) -> None:
    """Run a statement with identifiers, which PostgreSQL itself quotes."""
    parameters = {f"name{number}": name for number, name in enumerate(names)}
    places = ", ".join(f"CAST(:{place} AS text)" for place in parameters)
    written = text(f"SELECT format(:statement, {places})")
    quoted = session.scalar(written, {"statement": statement, **parameters})
    session.connection().exec_driver_sql(quoted or "")
