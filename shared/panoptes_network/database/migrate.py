"""The command `panoptes-migrate`: migrate the database to the newest version."""

from functools import partial
from pathlib import Path

import click
from alembic import command
from alembic.config import Config

from panoptes_network.commands import Program, require_environment
from panoptes_network.config import settings
from panoptes_network.database import roles
from panoptes_network.database.engine import run_transaction


def prepare() -> None:
    """Apply the missing migrations, then grant rights to DATABASE_WRITERS."""
    migrate()
    run_transaction(partial(roles.grant, writers=settings().database_writers))


def alembic_config() -> Config:
    """Return Alembic's configuration for these migrations."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def migrate(revision: str = "head") -> None:
    """Apply the missing migrations up to `revision`."""
    command.upgrade(alembic_config(), revision)


@click.command(
    cls=Program,
    epilog="Exit statuses: docs/commands.md.",
)
def main() -> None:
    """Migrate the database of DATABASE_URL to the newest version.

    Then give the users in DATABASE_WRITERS their rights. A second run changes nothing.
    """
    require_environment("DATABASE_URL")
    prepare()
    click.echo("the database is at the newest version")


if __name__ == "__main__":
    main()
