"""The plate solver: a worker on the pull subscription `gce-plate-solver`."""

from panoptes_network.telemetry import log
from plate_solver import worker


def main() -> None:
    """Run until told to stop."""
    log.setup(worker.SERVICE)
    worker.run()


if __name__ == "__main__":
    main()
