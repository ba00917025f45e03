"""Logs as one JSON object a line on stdout, in the fields that Google Cloud Logging reads."""

import logging
import sys

from pythonjsonlogger.json import JsonFormatter


def setup(service: str) -> logging.Logger:
    """Send this process's log to stdout as JSON lines and return the service's logger."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        JsonFormatter(
            "{levelname}{message}{name}",
            style="{",
            rename_fields={"levelname": "severity"},
            timestamp="time",
        )
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    return logging.getLogger(service)
