"""Bring the database to the newest version: ``python -m panoptes_network.database.migrate``."""

from pathlib import Path

from alembic import command
from alembic.config import Config


def migrate(revision: str = "head") -> None:
    """Apply the migrations that are missing up to `revision`; nothing where none is."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, revision)


if __name__ == "__main__":
    migrate()
