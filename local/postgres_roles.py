"""Roles and the database of a cluster: the only work done as its superuser."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from local.postgres import DATABASE, OWNER, SUPERUSER, Cluster
from panoptes_network.database.roles import READER

_DEFINE = text(
    "SELECT format('%s ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE LOGIN PASSWORD %L',"
    " CASE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = :name) THEN 'ALTER' ELSE 'CREATE' END,"
    " CAST(:name AS text), CAST(:verifier AS text))"
)
_DATABASE_EXISTS = text("SELECT count(*) FROM pg_database WHERE datname = :name")

_BEFORE = "panoptes_before"
"""New name of earlier versions' owner, which initdb created, so that it stays a superuser."""

_FIRST_SUPERUSER = text("SELECT rolname FROM pg_roles WHERE oid = 10")
_OWNED_BY_FIRST = text("""
SELECT format('ALTER TABLE %s OWNER TO %I', oid::regclass, CAST(:owner AS text)) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relowner = 10
    AND relkind IN ('r', 'p', 'v', 'm', 'f')
UNION ALL
SELECT format('ALTER ROUTINE %s OWNER TO %I', oid::regprocedure, CAST(:owner AS text)) FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND proowner = 10
""")
"""Statements that transfer the first superuser's objects to an owner."""

_LET_READ = text(f"""
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public GRANT SELECT ON TABLES TO {READER}
""")


def create_database(cluster: Cluster) -> None:
    """Create the owner, the reader role, and the database, if missing.

    Objects owned by an earlier version's superuser become the owner's.
    """
    with superuser(cluster) as connection:
        is_earlier = connection.scalar(_FIRST_SUPERUSER) == OWNER
        if is_earlier:
            connection.execute(text(f"ALTER ROLE {OWNER} RENAME TO {_BEFORE}"))
            connection.execute(text(f"ALTER ROLE {_BEFORE} NOLOGIN PASSWORD NULL"))
        for role in (OWNER, READER):
            _define(connection, cluster, role)
        connection.execute(text(f"GRANT {READER} TO {OWNER} WITH ADMIN OPTION"))
        if not connection.scalar(_DATABASE_EXISTS, {"name": DATABASE}):
            connection.execute(text(f"CREATE DATABASE {DATABASE} OWNER {OWNER}"))
        connection.execute(text(f"ALTER DATABASE {DATABASE} OWNER TO {OWNER}"))
    with superuser(cluster, DATABASE) as connection:
        for statement in connection.scalars(_OWNED_BY_FIRST, {"owner": OWNER}).all():
            connection.exec_driver_sql(statement)
        connection.execute(_LET_READ)


def create_users(cluster: Cluster, names: Iterable[str]) -> None:
    """Create users with a password and no rights; for existing ones, only reset the password."""
    with superuser(cluster) as connection:
        for name in names:
            _define(connection, cluster, name)


def _define(connection: Connection, cluster: Cluster, name: str) -> None:
    statement = connection.scalar(_DEFINE, {"name": name, "verifier": cluster.verifier(name)})
    connection.exec_driver_sql(statement or "")


@contextmanager
def superuser(cluster: Cluster, database: str = "postgres") -> Iterator[Connection]:
    """Connect as the superuser during the block; each statement is committed by itself."""
    engine = create_engine(
        cluster.url(SUPERUSER, database),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={"ssl_context": False},  # it is on this machine
    )
    with engine.connect() as connection:
        yield connection
