"""Isolated processing of untrusted files, in a process that may run out of memory, hang or crash.

One process is kept for the next call, so that libraries are imported once; it is replaced if a file
crashes it.
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
from typing import ParamSpec, TypeVar

from pebble import ProcessExpired, ProcessPool

from panoptes_network.errors import PermanentError, Reason, TransientError

P = ParamSpec("P")
T = TypeVar("T")

MEMORY_LIMIT_BYTES = 1_300_000_000
"""Limit on the process's own data; converting a frame takes less than half."""

CALLS_A_PROCESS = 100
"""After this many calls a new process takes over, which ends memory leaks of libraries."""

CPU_SHARE = 0.5
"""Fraction of a call's time limit allowed as CPU time: a decoder that exceeds it is in a loop."""

_CRASHES = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL})


def run(work: Callable[P, T], time_limit_s: float, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in the other process and return its result.

    Parameters
    ----------
    work : callable
        A module-level function; it, its arguments and its result must be picklable.
    time_limit_s : float
        Time after which the process is killed. It may first wait for another call.

    Raises
    ------
    PermanentError
        As raised by `work`; TOO_LARGE if it exceeded `MEMORY_LIMIT_BYTES`; DAMAGED_FILE if it
        crashed or used `CPU_SHARE` of the time as CPU time: the same file would do it again.
    TransientError
        If it took too long without using that CPU time, or was killed: the machine may have been
        busy.
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
        raise TransientError(f"the file could not be processed within {time_limit_s:g} s") from None
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
    """Start the other process and import `module` there, so that no call has to wait for that."""
    _pool().schedule(_import, args=[module])


def _import(module: str) -> None:
    import_module(module)


def _on_cpu(limit_s: float, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do the work; above `limit_s` of CPU time the kernel ends the process by SIGXCPU."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    # The limit is for the process: add the CPU time of earlier calls.
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + limit_s), hard))
    try:
        return work(*args, **kwargs)
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, (hard, hard))


def _broken() -> TransientError:
    """Drop a pool whose process could not start: it accepts no more work."""
    _pool.cache_clear()
    return TransientError("the process for untrusted files did not start")


def _expired(error: ProcessExpired) -> PermanentError | TransientError:
    code = error.exitcode or 0
    if code == -signal.SIGXCPU:
        return PermanentError(Reason.DAMAGED_FILE, "the file made its decoder run endlessly")
    if code < 0 and -code in _CRASHES:
        name = signal.Signals(-code).name
        return PermanentError(Reason.DAMAGED_FILE, f"the file made its decoder crash ({name})")
    return TransientError(f"the process working on the file ended unexpectedly ({code})")


@cache
def _pool() -> ProcessPool:
    return ProcessPool(
        max_workers=1,
        max_tasks=CALLS_A_PROCESS,
        initializer=_limit_memory,
        # Not forked: the service has threads, whose locks would stay held in a copy.
        context=get_context("spawn"),
    )


def _limit_memory(*_: object) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
