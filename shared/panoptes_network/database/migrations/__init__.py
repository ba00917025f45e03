"""Alembic migrations of the database `metadata`: `python -m panoptes_network.database.migrate`."""
