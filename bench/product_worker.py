"""One side of a product, in a process of its own: its seconds, its stages, its memory.

It names what it measures by words, ``module.function``, and imports nothing before: so its peak
memory is of what this side needs, imports included.
"""

import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial, wraps
from importlib import import_module
from pkgutil import resolve_name
from types import TracebackType
from typing import Any

from memory import Programs, peak_mb
from stopwatch import Seconds, timed

Stages = Mapping[str, str]
"""Name of a stage → its function; none is called by another one of them."""

HERE, IMPORTS = "its process", "its process before the first run"
CONVERTER = "the other process"
_CALL_LIMIT_S = 60
_MANY_CALLS = 100_000

_spent_s: dict[str, float] = {}
_imports_mb: list[float] = []
_watched: set[str] = set()


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took.

    Attributes
    ----------
    seconds : Seconds
        Of this process, its programs, and the process in which a service converts.
    stages : dict
        Seconds by the clock, in the order of :data:`Stages`.
    inner_stages : dict
        The same of the process in which a service converts; they are part of one of `stages`.
    peaks_mb : dict
        Most memory that each process has had since it began.
    answer : object
        What was returned.
    """

    seconds: Seconds
    stages: dict[str, float]
    inner_stages: dict[str, float]
    peaks_mb: dict[str, float]
    answer: Any


class Worker:
    """A process that is kept, so that a second run of the same finds all imported."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._process = ProcessPoolExecutor(1, context)

    def __enter__(self) -> "Worker":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.submit(_end_converter).result()
        self._process.shutdown()

    def run(self, function: str, arguments: Sequence[Any], stages: Stages) -> Run:
        """Call a function in the process, where its stages are watched from then on."""
        return self._process.submit(_run, function, arguments, stages).result()

    def request(self, function: str, message: Any, stages: Stages, inner: Stages) -> Run:
        """Call a service's function with a message; `inner` are stages in its converter."""
        return self._process.submit(_request, function, message, stages, inner).result()


def _run(function: str, arguments: Sequence[Any], stages: Stages) -> Run:
    _watch(stages)
    work = partial(resolve_name(function), *arguments)
    if not _imports_mb:
        _imports_mb.append(peak_mb())
    with Programs() as programs:
        seconds, answer = timed(work)
    peaks = {IMPORTS: _imports_mb[0], HERE: peak_mb(), **programs.peaks_mb}
    return Run(seconds, _spent(stages), {}, peaks, answer)


def _request(function: str, message: Any, stages: Stages, inner: Stages) -> Run:
    isolation = import_module("panoptes_network.isolation")
    # One converter for the whole bench, so that its seconds are one counter.
    isolation.__dict__["CALLS_A_PROCESS"] = _MANY_CALLS
    cpu_before = isolation.run(_begin, _CALL_LIMIT_S, dict(inner))
    outer = _run(function, [message], stages)
    cpu, spent, peak = isolation.run(_end, _CALL_LIMIT_S, dict(inner))
    seconds = outer.seconds + Seconds(0, cpu - cpu_before)
    peaks = outer.peaks_mb | {CONVERTER: peak}
    return Run(seconds, outer.stages, spent, peaks, outer.answer)


def _end_converter() -> None:
    """Without this, this process would wait for a converter that waits for work."""
    if "panoptes_network.isolation" in sys.modules:
        pool = resolve_name("panoptes_network.isolation._pool")()
        pool.stop()
        pool.join()


def _begin(stages: Stages) -> float:
    _watch(stages)
    return _cpu_s()


def _end(stages: Stages) -> tuple[float, dict[str, float], float]:
    return _cpu_s(), _spent(stages), peak_mb()


def _spent(stages: Stages) -> dict[str, float]:
    return {stage: _spent_s[stage] for stage in stages}


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _watch(stages: Stages) -> None:
    """Set the stages' seconds to 0, and count them from now on."""
    for stage, function in stages.items():
        _spent_s[stage] = 0.0
        if function not in _watched:
            _watched.add(function)
            place, _, name = function.rpartition(".")
            owner = resolve_name(place)
            setattr(owner, name, _counted(stage, getattr(owner, name)))


def _counted(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def counted(*args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            _spent_s[stage] += time.perf_counter() - started

    return counted
