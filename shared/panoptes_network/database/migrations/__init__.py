"""Alembic migrations of the database `metadata`: `panoptes-migrate`."""
