"""The context of a service's work for the log: its trace and its subject.

A trace follows an image from its upload: in headers of requests, in attributes of messages, and in
each log line, so that one search finds everything that happened to it. Headers and attributes are
external: invalid traces are ignored.
"""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Self

from panoptes_network.config import settings

PARENT = "traceparent"
"""Header and attribute of the W3C (https://www.w3.org/TR/trace-context)."""

CLOUD = "X-Cloud-Trace-Context"
"""Google's own header: ``TRACE_ID/SPAN_ID;o=1``, with the span as a decimal number."""

_PARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}"
)
_CLOUD = re.compile(r"(?!0{32})([0-9a-f]{32})(?:/([0-9]{1,20}))?(?:;o=[0-9])?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace and its parent span, as hexadecimal numbers."""

    trace_id: str
    span_id: str

    @classmethod
    def new(cls) -> Self:
        """Start a trace."""
        return cls(secrets.token_hex(16), secrets.token_hex(8))

    @classmethod
    def from_parent(cls, value: object) -> Self | None:
        """Parse a ``traceparent``; None if it is invalid."""
        found = _PARENT.fullmatch(value) if isinstance(value, str) else None
        return cls(*found.groups()) if found else None

    @classmethod
    def from_cloud(cls, value: object) -> Self | None:
        """Parse an ``X-Cloud-Trace-Context``; None if it is invalid."""
        found = _CLOUD.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            return None
        span = int(found[2] or 0)
        known = 0 < span < 2**64
        return cls(found[1].lower(), f"{span:016x}" if known else secrets.token_hex(8))

    @property
    def parent(self) -> str:
        """The trace as a ``traceparent``."""
        return f"00-{self.trace_id}-{self.span_id}-01"


@dataclass(slots=True)
class _Work:
    trace: Trace
    project: str
    about: dict[str, object] = field(default_factory=dict)


_current: ContextVar[_Work | None] = ContextVar("panoptes_work", default=None)


@contextmanager
def work(carrier: Mapping[str, object] | None = None, **about: object) -> Iterator[None]:
    """Log the block as one unit of work.

    Parameters
    ----------
    carrier : mapping, optional
        The headers of a request or the attributes of a message: their trace is continued. Without
        one, a new trace starts.
    about
        The subject of the work, as for :func:`note`.
    """
    given = carrier or {}
    found = Trace.from_parent(given.get(PARENT)) or Trace.from_cloud(given.get(CLOUD))
    token = _current.set(_Work(found or Trace.new(), settings().google_cloud_project))
    note(**about)
    try:
        yield
    finally:
        _current.reset(token)


def follow(parent: object) -> None:
    """Continue the trace named by `parent`, if it is valid.

    A pushed message knows its origin better than the push request that delivers it.
    """
    current, found = _current.get(), Trace.from_parent(parent)
    if current and found:
        current.trace = found


def note(**about: object) -> None:
    """Add fields to each further log line of the work: image_id, bucket_path, …"""
    current = _current.get()
    if current:
        current.about.update({name: value for name, value in about.items() if value is not None})


def noted(name: str) -> object:
    """Return the value noted under a name; None if there is none."""
    current = _current.get()
    return current.about.get(name) if current else None


def headers() -> dict[str, str]:
    """Return the headers that pass the trace to the next service; empty outside of work."""
    current = _current.get()
    if current is None:
        return {}
    trace = current.trace
    return {PARENT: trace.parent, CLOUD: f"{trace.trace_id}/{int(trace.span_id, 16)};o=1"}


def attributes() -> dict[str, str]:
    """Return the attributes that pass the trace with a message; empty outside of work."""
    current = _current.get()
    return {PARENT: current.trace.parent} if current else {}


def log_fields() -> dict[str, object]:
    """Return the log fields of the current work, with the trace as Cloud Logging reads it."""
    current = _current.get()
    if current is None:
        return {}
    trace = current.trace
    return {
        **current.about,
        "logging.googleapis.com/trace": f"projects/{current.project}/traces/{trace.trace_id}",
        "logging.googleapis.com/spanId": trace.span_id,
    }
