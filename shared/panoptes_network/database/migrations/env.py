"""Where Alembic finds the models and the database."""

from alembic import context

from panoptes_network.database.engine import connecting
from panoptes_network.database.operation_models import METADATA

_engine = connecting()
with _engine.connect() as _connection:
    context.configure(connection=_connection, target_metadata=METADATA)
    with context.begin_transaction():
        context.run_migrations()
_engine.dispose()
