"""The job that migrates the database before a new version of the services takes traffic."""

from panoptes_network.database import migrate
from panoptes_network.telemetry import log

SERVICE = "job-migrate"


def main() -> None:
    """Apply the missing migrations, then grant each service's user its rights."""
    logger = log.setup(SERVICE)
    migrate.prepare()
    logger.info("the database is ready")


if __name__ == "__main__":
    main()
