"""Machine code for loops over pixels, cached on disk if possible."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from numba import njit

P = ParamSpec("P")
R = TypeVar("R")

_REORDER = {"reassoc", "contract", "arcp", "nsz"}
"""Sums may be reordered, eight at a time; NaN stays NaN."""


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of arrays and numbers with numba, for one thread.

    The machine code is cached beside the module, in NUMBA_CACHE_DIR, or in the user's cache. If
    none is writable, each process compiles it again.
    """
    try:
        fast = njit(cache=True, nogil=True, fastmath=_REORDER)(function)
    except RuntimeError:
        fast = njit(nogil=True, fastmath=_REORDER)(function)
    return cast(Callable[P, R], fast)
