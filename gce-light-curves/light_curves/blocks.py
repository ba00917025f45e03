"""Blocks of stars, so that memory does not grow with their number."""

from collections.abc import Iterator


def blocks(count: int, at_once: int) -> Iterator[slice]:
    """Yield slices of up to `at_once` items that together cover `count` items."""
    for start in range(0, count, at_once):
        yield slice(start, min(start + at_once, count))
