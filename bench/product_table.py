"""The sides of a product: run in turn, printed beside each other."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import table
from product_worker import Run, Worker
from services import own_process

Call = Callable[[Worker, Path], Run]
"""One run of a side in its process, with an empty folder for its files."""
OfRun = Callable[[Run], float]


@dataclass(frozen=True, slots=True)
class Side:
    """One way to a product: how it is run, and how anybody else can run it.

    Attributes
    ----------
    label : str
        What it is.
    call : callable
        Runs it once.
    command : str
        Words for who wants to do the same.
    rest : str
        What the seconds are of that belong to no stage; empty where there are none such.
    """

    label: str
    call: Call
    command: str = ""
    rest: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """The runs of one side, which stand for the runs of the same number of any other."""

    side: Side
    runs: list[Run] = field(default_factory=list)

    def median(self, of_run: OfRun) -> float:
        """Return the median of a figure."""
        return median(map(of_run, self.runs))

    @property
    def peaks_mb(self) -> dict[str, float]:
        """Most memory of each of its processes."""
        names = [name for run in self.runs for name in run.peaks_mb]
        return {name: max(run.peaks_mb.get(name, 0) for run in self.runs) for name in names}


def measure(sides: Sequence[Side], repeat: int, *, warm_up: bool = True) -> list[Measured]:
    """Run all sides in turn, again and again, so that what else runs slows them alike.

    Each has a process of its own, new and kept; the first round, to warm up, is not counted.
    """
    measured = [Measured(side) for side in sides]
    with ExitStack() as stack:
        workers = [Worker(stack.enter_context(own_process())) for _ in sides]
        for number in range(repeat + warm_up):
            for one, worker in zip(measured, workers, strict=True):
                with TemporaryDirectory(prefix="bench-") as folder:
                    run = one.side.call(worker, Path(folder))
                if number >= warm_up:
                    one.runs.append(run)
    return measured


def print_side(measured: Measured, parts: int = 1) -> None:
    """Print seconds, stages and memory; seconds as of one of so many `parts`."""
    cpu = measured.median(lambda run: run.seconds.cpu) / parts
    wall = measured.median(wall_s) / parts
    table.line(measured.side.label, wall, note=f"CPU {cpu:.2f} s")
    if measured.side.command:
        table.command(measured.side.command)
    for stage in measured.runs[0].stages:
        seconds = median(run.stages[stage] for run in measured.runs)
        table.line(stage, seconds / parts, depth=2)
    if measured.side.rest:
        table.line(measured.side.rest, measured.median(_rest_s) / parts, depth=2)
    for stage in measured.runs[0].inner_stages:
        seconds = median(run.inner_stages[stage] for run in measured.runs)
        table.line(f"in the other process: {stage}", seconds / parts, depth=3)
    for name, peak in measured.peaks_mb.items():
        table.line(f"peak memory of {name}", peak, "MB", depth=2)


def print_ratio(label: str, one: Measured, other: Measured, of_run: OfRun, aim: str = "") -> None:
    """Print the median of the ratios of the runs that were made in one round."""
    pairs = zip(one.runs, other.runs, strict=True)
    table.ratio(label, median(of_run(a) / of_run(b) for a, b in pairs), aim)


def wall_s(run: Run) -> float:
    """Return a run's seconds by the clock."""
    return run.seconds.wall


def cpu_s(run: Run) -> float:
    """Return a run's seconds by the processor."""
    return run.seconds.cpu


def _rest_s(run: Run) -> float:
    return run.seconds.wall - sum(run.stages.values())
