"""Make the database and bring its tables to the newest version."""

from sqlalchemy.engine import make_url

from local import postgres
from panoptes_network.config import settings
from panoptes_network.database.migrate import migrate


def main() -> None:
    """Make what is missing on the server that DATABASE_URL names."""
    port = make_url(settings().database_url).port
    if port is None:
        raise ValueError("DATABASE_URL names no port")
    postgres.create_database(port)
    migrate()


if __name__ == "__main__":
    main()
