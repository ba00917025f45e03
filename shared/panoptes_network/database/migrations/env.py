"""Alembic's environment: the models and the database connection."""

from alembic import context
from sqlalchemy import NullPool

from panoptes_network.database.engine import connecting, let_statements_take_long
from panoptes_network.database.metadata import METADATA

_engine = connecting(poolclass=NullPool)
with _engine.connect() as _connection:
    let_statements_take_long(_connection)
    # Each migration releases its locks; if one fails, those before it stay applied.
    context.configure(
        connection=_connection, target_metadata=METADATA, transaction_per_migration=True
    )
    with context.begin_transaction():
        context.run_migrations()
