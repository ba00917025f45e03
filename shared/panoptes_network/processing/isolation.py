"""Work on bytes from anywhere, done in a process that may run out of memory, hang or crash.

One process is kept for the next call, so that libraries are imported once; one that a file has
brought down is replaced.
"""

import math
import resource
import signal
import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as TimeLimitError
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from importlib import import_module
from multiprocessing import get_context
from typing import Any, ParamSpec, TypeVar

from pebble import ProcessExpired, ProcessPool

from panoptes_network.errors import PermanentError, Reason, TransientError

P = ParamSpec("P")
T = TypeVar("T")

MEMORY_LIMIT_BYTES = 1_300_000_000
"""Of the process's own data; a frame's conversion takes less than half of it."""

CALLS_A_PROCESS = 100
"""After so many a new one takes over: what libraries leak ends with the old one."""

CPU_SHARE = 0.5
"""Of a call's time, as processor time: a decoder that uses it up runs in circles."""

_CRASHES = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL})


def run(work: Callable[P, T], time_limit_s: float, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in the other process and return what it returns.

    Parameters
    ----------
    work : callable
        A function of a module; it, its arguments and its result can be pickled.
    time_limit_s : float
        After so long the process is killed. It may have waited for another call before.

    Raises
    ------
    PermanentError
        As `work` does; or TOO_LARGE where it ran out of `MEMORY_LIMIT_BYTES`, DAMAGED_FILE
        where it crashed, or used `CPU_SHARE` of the time as processor time: the same file
        would do it again.
    TransientError
        When it took too long without that, or was killed: the machine may have been busy.
    """
    try:
        pool = _pool()
        called = [time_limit_s * CPU_SHARE, work, *args]
        future = pool.schedule(_on_cpu, args=called, kwargs=dict(kwargs), timeout=time_limit_s)
    except RuntimeError as error:
        raise _broken() from error
    try:
        result: T = future.result()
    except TimeLimitError:
        raise TransientError(f"not done within {time_limit_s:g} s") from None
    except MemoryError as error:
        raise PermanentError(
            Reason.TOO_LARGE,
            f"the file needs more than {MEMORY_LIMIT_BYTES // 10**6} MB to be processed",
        ) from error
    except ProcessExpired as error:
        raise _expired(error) from error
    except BrokenProcessPool as error:
        raise _broken() from error
    return result


def prepare(module: str) -> None:
    """Let the other process start and import `module`, so that no call has to wait for that."""
    _pool().schedule(_import, args=[module])


def _import(module: str) -> None:
    import_module(module)


def _on_cpu(limit_s: float, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do the work; beyond `limit_s` of processor time the kernel ends the process by SIGXCPU."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    # Of the whole process: what it has used for earlier calls is not this call's.
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + limit_s), hard))
    try:
        return work(*args, **kwargs)
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, (hard, hard))


def _broken() -> TransientError:
    """Give up a pool whose process could not even begin: it takes no more work."""
    _pool.cache_clear()
    return TransientError("the process that works on files did not start")


def _expired(error: ProcessExpired) -> PermanentError | TransientError:
    code = error.exitcode or 0
    if code == -signal.SIGXCPU:
        return PermanentError(Reason.DAMAGED_FILE, "the file made its decoder run without an end")
    if code < 0 and -code in _CRASHES:
        name = signal.Signals(-code).name
        return PermanentError(Reason.DAMAGED_FILE, f"the file made its decoder crash ({name})")
    return TransientError(f"the process that worked on the file has ended ({code})")


@cache
def _pool() -> ProcessPool:
    return ProcessPool(
        max_workers=1,
        max_tasks=CALLS_A_PROCESS,
        initializer=_limit_memory,
        # Not forked: the service has threads, whose locks a copy would never see released.
        context=get_context("spawn"),
    )


def _limit_memory(*_: Any) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
