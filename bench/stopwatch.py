"""Seconds of work and of programs, by the clock and by the processor."""

import os
import resource
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seconds:
    """What something took: `wall` by the clock, `cpu` of all processors, user and system.

    The database's and the storage server's own processor time is in `wall` alone.
    """

    wall: float
    cpu: float

    def __add__(self, other: "Seconds") -> "Seconds":
        return Seconds(self.wall + other.wall, self.cpu + other.cpu)

    def __mul__(self, factor: float) -> "Seconds":
        return Seconds(self.wall * factor, self.cpu * factor)


def timed(work: Callable[[], T]) -> tuple[Seconds, T]:
    """Return what `work` takes, with the programs that it runs, and what it returns."""
    wall, cpu = time.perf_counter(), _cpu_s()
    result = work()
    return Seconds(time.perf_counter() - wall, _cpu_s() - cpu), result


def timed_program(command: Sequence[str], folder: Path) -> Seconds:
    """Return what a program takes in `folder`.

    Raises
    ------
    RuntimeError
        When it fails, with the end of what it said.
    """
    started = time.perf_counter()
    with (folder / "output.log").open("wb+") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        said = (folder / "output.log").read_text(errors="replace")[-500:]
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {said}")
    return Seconds(wall, usage.ru_utime + usage.ru_stime)


def own_cpu_s() -> float:
    """Return what this process has taken of processors since it began, without its programs."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _cpu_s() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
