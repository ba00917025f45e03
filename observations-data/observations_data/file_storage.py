"""Storage access for readers: few concurrent calls, and short waits."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from panoptes_network import storage
from panoptes_network.config import settings
from panoptes_network.errors import TransientError

MAX_CALLS = 8
"""Requests that may wait for storage at a time: if it hangs, most threads stay free."""
TURN_S = 0.5
"""Longest wait for a turn, longer than storage normally takes."""
CONNECT_S = 2
TRIES_S = 2

_turns = BoundedSemaphore(MAX_CALLS)


def patience() -> storage.Patience:
    """Return the time limits for storage while a reader waits."""
    return storage.Patience(CONNECT_S, settings().file_timeout_s, TRIES_S)


def find(bucket: str, path: str) -> storage.StoredObject:
    """Look up the newest generation of an object.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, if the object does not exist.
    TransientError
        If storage is unavailable, or too many requests wait for it.
    """
    with _turn():
        return storage.find(bucket, path, patience=patience())


def read_range(stored: storage.StoredObject, start: int, length: int) -> bytes:
    """Return up to `length` bytes from `start`; none past the object's end. See `find`."""
    with _turn():
        return storage.read_range(stored, start, length, patience())


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=TURN_S):
        raise TransientError("storage is slow and too many requests are waiting: try again")
    try:
        yield
    finally:
        _turns.release()
