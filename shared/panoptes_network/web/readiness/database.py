"""Whether the database answers."""

from sqlalchemy import select

from panoptes_network.database.engine import engine


def check() -> None:
    """Raise an error unless the database answers a query."""
    with engine().connect() as connection:
        connection.execute(select(1))
