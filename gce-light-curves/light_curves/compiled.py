"""Machine code for loops over pixels, kept on disk where there is a place for it."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from numba import njit

P = ParamSpec("P")
R = TypeVar("R")

_REORDER = {"reassoc", "contract", "arcp", "nsz"}
"""Sums may be taken in another order, eight at once; NaN stays NaN."""


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of arrays and numbers by numba, for one thread.

    The machine code is kept beside the module, in NUMBA_CACHE_DIR, or in the user's cache. Where
    none of them can be written it is made anew in each process.
    """
    try:
        fast = njit(cache=True, nogil=True, fastmath=_REORDER)(function)
    except RuntimeError:
        fast = njit(nogil=True, fastmath=_REORDER)(function)
    return cast(Callable[P, R], fast)
