"""The job that makes the database ready before a new version of the services takes traffic."""

from panoptes_network.database import migrate
from panoptes_network.telemetry import log

SERVICE = "job-migrate"


def main() -> None:
    """Apply the migrations that are missing, then give each service's user its rights."""
    logger = log.setup(SERVICE)
    migrate.main()
    logger.info("the database is ready")


if __name__ == "__main__":
    main()
