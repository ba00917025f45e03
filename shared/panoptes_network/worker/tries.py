"""The limit of the attempts at one piece of work."""

from panoptes_network.errors import PermanentError, Reason

MAX_TRIES = 5
"""Attempts per image, or per sequence in its current state; unavailable dependencies cost none."""


def are_exhausted(tries: int) -> bool:
    """Return whether the attempt with this number, from 1, is the last one."""
    return tries >= MAX_TRIES


def check(tries: int) -> None:
    """Raise an error for an attempt beyond the limit, after one that ended without an error.

    Raises
    ------
    PermanentError
        With :attr:`Reason.TRIES_EXHAUSTED`.
    """
    if tries > MAX_TRIES:
        raise exhausted("the worker was killed, possibly for using too much memory")


def exhausted(last: str) -> PermanentError:
    """Return the error after the last attempt, with the words of its failure."""
    return PermanentError(
        Reason.TRIES_EXHAUSTED, f"given up after {MAX_TRIES} attempts; last error: {last}"
    )
