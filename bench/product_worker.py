"""One side of a product, in a process of its own: its seconds, its stages, its memory.

It names what it measures by words, ``module.function``, and imports nothing before: so its peak
memory is of what this side needs, imports included.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial, wraps
from importlib import import_module
from pkgutil import resolve_name
from typing import Any

from memory import Programs, peak_mb
from stopwatch import Seconds, own_cpu_s, timed

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


@dataclass(frozen=True, slots=True)
class Worker:
    """Runs sides in a process that is kept: a second run of the same finds all imported."""

    process: Executor

    def run(self, function: str, arguments: Sequence[Any], stages: Stages) -> Run:
        """Call a function in the process, where its stages are watched from then on."""
        return self.process.submit(_run, function, arguments, stages).result()

    def request(self, function: str, message: Any, stages: Stages, inner: Stages) -> Run:
        """Call a service's function with a message; `inner` are stages in its converter."""
        return self.process.submit(_request, function, message, stages, inner).result()


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
    isolation = import_module("panoptes_network.processing.isolation")
    # One converter for the whole bench, so that its seconds are one counter.
    isolation.__dict__["CALLS_A_PROCESS"] = _MANY_CALLS
    cpu_before = isolation.run(_begin, _CALL_LIMIT_S, dict(inner))
    outer = _run(function, [message], stages)
    cpu, spent, peak = isolation.run(_end, _CALL_LIMIT_S, dict(inner))
    seconds = outer.seconds + Seconds(0, cpu - cpu_before)
    peaks = outer.peaks_mb | {CONVERTER: peak}
    return Run(seconds, outer.stages, spent, peaks, outer.answer)


def _begin(stages: Stages) -> float:
    _watch(stages)
    return own_cpu_s()


def _end(stages: Stages) -> tuple[float, dict[str, float], float]:
    return own_cpu_s(), _spent(stages), peak_mb()


def _spent(stages: Stages) -> dict[str, float]:
    return {stage: _spent_s[stage] for stage in stages}


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
