"""Logs as JSON lines on stdout, with the fields that Google Cloud Logging reads."""

import logging
import re
import sys
from contextvars import ContextVar

from pythonjsonlogger.json import JsonFormatter

from panoptes_network.telemetry import trace

_SECRETS = (
    # A token, with or without a header's scheme before it.
    (re.compile(r"(?i)\b(bearer|basic)(\s+)[\w.~+/=-]{8,}"), r"\1\2[secret]"),
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]*(?:\.[\w-]*)?"), "[secret]"),
    (re.compile(r"\bya29\.[\w.-]+"), "[secret]"),
    # The password in a URL.
    (re.compile(r"(\w://[^\s:/@\"\\]*):[^\s/@\"\\]+@"), r"\1:[secret]@"),
    (
        re.compile(r"(?i)\b(\w*(?:password|passwd|secret|token|api_?key))=[^\s&\"\\';,)]+"),
        r"\1=[secret]",
    ),
    # The token of a link that ends a subscription, in any path or URL.
    (re.compile(r"(?i)(/unsubscribe/)[^\s/?&:\"\\';,)]+"), r"\1[secret]"),
)

_service: ContextVar[str] = ContextVar("panoptes_service", default="")


class _Formatter(JsonFormatter):
    def format(self, record: logging.LogRecord) -> str:
        """Format a line without the secrets that a message or a traceback may quote."""
        line = super().format(record)
        for pattern, replacement in _SECRETS:
            line = pattern.sub(replacement, line)
        return line


class _Context(logging.Filter):
    """Adds the service, and the context of its work, to each line."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in {"service": self._service, **trace.log_fields()}.items():
            record.__dict__.setdefault(name, value)
        return True


def setup(service: str) -> logging.Logger:
    """Send this process's log to stdout as JSON lines and return the service's logger."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        _Formatter(
            "{levelname}{message}{name}",
            style="{",
            rename_fields={"levelname": "severity"},
            timestamp="time",
        )
    )
    handler.addFilter(_Context(service))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    _service.set(service)
    return logging.getLogger(service)


def service() -> str:
    """Return the service whose log was set up last."""
    return _service.get()
