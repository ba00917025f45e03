"""Ends well while the worker of this container answers: the container's health check."""

from urllib.request import urlopen

from panoptes_network.config import settings

TIMEOUT_S = 4


def main() -> None:
    """Ask the worker for its health.

    Raises
    ------
    OSError
        When it does not answer, or answers a fault.
    """
    urlopen(f"http://127.0.0.1:{settings().health_port}/health", timeout=TIMEOUT_S).close()


if __name__ == "__main__":
    main()
