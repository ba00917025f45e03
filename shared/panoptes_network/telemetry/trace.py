"""What a service works on: the trace that it belongs to and what is known of it, for the log.

A trace goes with an image from its upload on: in the headers of requests, in the attributes
of messages, and from there into each line that is logged meanwhile, so that one search finds
all that happened to it. Headers and attributes come from outside: what is no trace is ignored.
"""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Self

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
    """A trace and the span in it that asked for the work, as hexadecimal numbers."""

    trace_id: str
    span_id: str

    @classmethod
    def new(cls) -> Self:
        """Begin a trace."""
        return cls(secrets.token_hex(16), secrets.token_hex(8))

    @classmethod
    def from_parent(cls, value: object) -> Self | None:
        """Read a ``traceparent``; None for anything that is none."""
        found = _PARENT.fullmatch(value) if isinstance(value, str) else None
        return cls(*found.groups()) if found else None

    @classmethod
    def from_cloud(cls, value: object) -> Self | None:
        """Read an ``X-Cloud-Trace-Context``; None for anything that is none."""
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
    about: dict[str, Any] = field(default_factory=dict)


_current: ContextVar[_Work | None] = ContextVar("panoptes_work", default=None)


@contextmanager
def work(carrier: Mapping[str, Any] | None = None, **about: Any) -> Iterator[None]:
    """Log what happens in the block as one piece of work.

    Parameters
    ----------
    carrier : mapping, optional
        The headers of a request or the attributes of a message: their trace is carried on.
        Without one, a new trace begins.
    about
        What is known of the work: as :func:`note`.
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
    """Let the work belong to the trace that `parent` names, if it names one.

    What was pushed knows where it comes from better than the push that brings it.
    """
    current, found = _current.get(), Trace.from_parent(parent)
    if current and found:
        current.trace = found


def note(**about: Any) -> None:
    """Log with each further line of the work what is known by now: image_id, bucket_path, …"""
    current = _current.get()
    if current:
        current.about.update({name: value for name, value in about.items() if value is not None})


def noted(name: str) -> Any:
    """Return what was noted under a name; None for nothing."""
    current = _current.get()
    return current.about.get(name) if current else None


def headers() -> dict[str, str]:
    """Return the headers that carry the trace to the next service; none outside of any work."""
    current = _current.get()
    if current is None:
        return {}
    trace = current.trace
    return {PARENT: trace.parent, CLOUD: f"{trace.trace_id}/{int(trace.span_id, 16)};o=1"}


def attributes() -> dict[str, str]:
    """Return the attributes that carry the trace with a message; none outside of any work."""
    current = _current.get()
    return {PARENT: current.trace.parent} if current else {}


def log_fields() -> dict[str, Any]:
    """Return what each line of the log says of the work, the trace as Cloud Logging reads it."""
    current = _current.get()
    if current is None:
        return {}
    trace = current.trace
    return {
        **current.about,
        "logging.googleapis.com/trace": f"projects/{current.project}/traces/{trace.trace_id}",
        "logging.googleapis.com/spanId": trace.span_id,
    }
