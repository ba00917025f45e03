"""Storage as a reader sees it: asked for a few objects at a time, and never waited for long."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from panoptes_network import storage
from panoptes_network.config import settings
from panoptes_network.errors import TransientError

MAX_CALLS = 8
"""Requests that may wait for storage at a time: where it hangs, most threads stay free."""
TURN_S = 0.5
"""For how long the next one waits for its turn, longer than storage takes when all is well."""
CONNECT_S = 2
TRIES_S = 2

_turns = BoundedSemaphore(MAX_CALLS)


def patience() -> storage.Patience:
    """Return how long a reader waits for storage."""
    return storage.Patience(CONNECT_S, settings().file_timeout_s, TRIES_S)


def find(bucket: str, path: str) -> storage.StoredObject:
    """Look up the newest generation of an object.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, when there is no such object.
    TransientError
        When storage is away, or as many requests as may wait for it do.
    """
    with _turn():
        return storage.find(bucket, path, patience=patience())


def read_range(stored: storage.StoredObject, start: int, length: int) -> bytes:
    """Return up to `length` bytes from `start`; nothing after the object's end. See `find`."""
    with _turn():
        return storage.read_range(stored, start, length, patience())


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=TURN_S):
        raise TransientError("storage is slow, and enough requests wait for it: try again")
    try:
        yield
    finally:
        _turns.release()
