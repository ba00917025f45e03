"""Readiness of the database."""

from sqlalchemy import select

from panoptes_network.database.engine import engine


def check() -> None:
    """Raise an error unless the database responds to a query."""
    with engine().connect() as connection:
        connection.execute(select(1))
