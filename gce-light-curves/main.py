"""Light curves: a worker on the pull subscription `gce-light-curves`."""

from light_curves import worker
from panoptes_network.telemetry import log


def main() -> None:
    """Run until told to stop."""
    log.setup(worker.SERVICE)
    worker.run()


if __name__ == "__main__":
    main()
