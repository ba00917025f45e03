"""The plate solver: a worker on the pull subscription `gce-plate-solver`."""

import sys

from panoptes_network import log
from plate_solver import programs, worker


def main() -> int:
    """Run until told to stop; 1 where this machine lacks a program that the work needs."""
    logger = log.setup(worker.SERVICE)
    missing = programs.missing()
    if missing:
        logger.critical(programs.missing_message(missing))
        return 1
    worker.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
