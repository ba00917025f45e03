"""Make the database ready for the services of this version: the command `panoptes-migrate`."""

from functools import partial

from panoptes_network.config import settings
from panoptes_network.database import roles
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.migrate import migrate


def main() -> None:
    """Apply the migrations that are missing, then give DATABASE_WRITERS their rights."""
    migrate()
    run_transaction(partial(roles.grant, writers=settings().database_writers))


if __name__ == "__main__":
    main()
