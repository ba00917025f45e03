"""Where Alembic finds the models and the database."""

from alembic import context
from sqlalchemy import create_engine

from panoptes_network.config import settings
from panoptes_network.database.engine import how_to_connect
from panoptes_network.database.models import Base

_engine = create_engine(settings().database_url, **how_to_connect())
with _engine.connect() as _connection:
    context.configure(connection=_connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
_engine.dispose()
