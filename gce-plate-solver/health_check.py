"""Health check of the container: succeeds while its worker responds."""

from urllib.request import urlopen

from panoptes_network.config import settings

TIMEOUT_S = 4


def main() -> None:
    """Request the worker's health.

    Raises
    ------
    OSError
        If it does not respond, or reports a failure.
    """
    urlopen(f"http://127.0.0.1:{settings().health_port}/health", timeout=TIMEOUT_S).close()


if __name__ == "__main__":
    main()
