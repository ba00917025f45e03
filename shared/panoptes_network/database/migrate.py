"""Bring the database to the newest version: ``python -m panoptes_network.database.migrate``."""

from pathlib import Path

from alembic import command
from alembic.config import Config


def alembic_config() -> Config:
    """Return what leads Alembic to the migrations."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def migrate(revision: str = "head") -> None:
    """Apply the migrations that are missing up to `revision`; nothing where none is."""
    command.upgrade(alembic_config(), revision)


if __name__ == "__main__":
    migrate()
