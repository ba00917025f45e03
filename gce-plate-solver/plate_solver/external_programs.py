"""Run external programs under resource limits and explain their failures."""

import math
import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from functools import cache
from itertools import pairwise
from pathlib import Path

import psutil

from panoptes_network.errors import Reason, TransientError, UnsolvedError

_PACKAGES = {
    "source-extractor": "source-extractor",
    "solve-field": "astrometry.net",
    "fpack": "libcfitsio-bin",
    "prlimit": "util-linux",
    "setpriv": "util-linux",
}

_VERSION_CPU_S = 30
_LOOK_EVERY_S = 1.0

STALL_S = 120.0
"""A program without CPU time for this long is hung: even on a busy machine each gets some."""

MEMORY_LIMIT_BYTES = 1_000_000_000
"""Limit on a program's own data; with the largest frame they take less than 0.3 GB."""

FILE_LIMIT_BYTES = 300_000_000
"""Limit on each file a program writes: twice the pixels of the largest frame."""


class OverLimitError(UnsolvedError):
    """A program used up its CPU time: it would do so with this frame again."""


def run(
    program: str, *arguments: str | Path, folder: Path, cpu_limit_s: float
) -> subprocess.CompletedProcess[str]:
    """Run a program in `folder`; the caller checks its exit code.

    The program and its children are limited to `MEMORY_LIMIT_BYTES`, `FILE_LIMIT_BYTES` and
    `cpu_limit_s` seconds of CPU time, however long a busy machine takes to provide them. It dies
    with the worker. If it is stopped, its children are stopped, too.

    Raises
    ------
    OverLimitError
        NOT_SOLVED, if it used up its CPU time.
    TransientError
        If the program is not installed, or hangs (`STALL_S`).
    """
    if shutil.which(program) is None:
        raise TransientError(missing_message([program]))
    command = [*_limits(cpu_limit_s), program, *map(str, arguments)]
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        process_group=0,
    ) as process:
        try:
            output, complaints = _wait(process, program, cpu_limit_s)
        finally:
            if process.returncode is None:
                _kill_group(process)
    return subprocess.CompletedProcess(command, process.returncode, output, complaints)


def _wait(process: subprocess.Popen[str], program: str, cpu_limit_s: float) -> tuple[str, str]:
    """Return a program's output once it ends, unless it exceeds its limit or hangs."""
    used_s, moved_at = 0.0, time.monotonic()
    while True:
        try:
            return process.communicate(timeout=_LOOK_EVERY_S)
        except subprocess.TimeoutExpired:
            before_s, used_s = used_s, _cpu_s(process.pid)
        if used_s > cpu_limit_s:
            raise OverLimitError(
                Reason.NOT_SOLVED,
                f"{program} used up its {cpu_limit_s:g} s of processor time",
            )
        if used_s > before_s:
            moved_at = time.monotonic()
        elif time.monotonic() - moved_at > STALL_S:
            raise TransientError(f"{program} hangs: no activity for {STALL_S:g} s")


def _cpu_s(pid: int) -> float:
    """Return the CPU time of a program and its children."""
    total_s = 0.0
    with suppress(psutil.NoSuchProcess):
        program = psutil.Process(pid)
        for process in [program, *program.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total_s += times.user + times.system + times.children_user + times.children_system
    return total_s


def failure(done: subprocess.CompletedProcess[str]) -> str:
    """Return why a program failed: its signal, and the end of its output."""
    how = f"status {done.returncode}"
    if done.returncode < 0:
        how = signal.Signals(-done.returncode).name
    return f"{how}: {(done.stderr + done.stdout)[-500:]}"


def missing() -> list[str]:
    """Return the programs that are not installed."""
    return [program for program in _PACKAGES if shutil.which(program) is None]


def missing_message(programs: list[str]) -> str:
    """Return a message with the missing programs and how to install them on Debian and Ubuntu."""
    packages = " ".join(dict.fromkeys(_PACKAGES[program] for program in programs))
    return f"not installed: {', '.join(programs)}; try: apt-get install {packages}"


@cache
def versions() -> dict[str, str]:
    """Return the versions of the programs, for the history of each solved file."""
    extractor = run("source-extractor", "--version", folder=Path.cwd(), cpu_limit_s=_VERSION_CPU_S)
    solver = run("solve-field", "--help", folder=Path.cwd(), cpu_limit_s=_VERSION_CPU_S)
    return {
        "source-extractor": _word_after("version", extractor.stdout),
        "astrometry.net": _word_after("revision", solver.stdout).rstrip(","),
    }


def _limits(cpu_limit_s: float) -> list[str]:
    """Return the command that sets the limits, to be put before the program's own.

    Limits are set by programs, as Python code between fork and exec is unsafe with threads.
    RLIMIT_DATA is used instead of RLIMIT_AS, which would count the index files that the solver
    maps. The kernel's limit of CPU seconds applies per process; it is for those that outlive a
    killed worker.
    """
    cpu_s = math.ceil(cpu_limit_s) + math.ceil(2 * _LOOK_EVERY_S)
    return [
        *("setpriv", "--pdeathsig=KILL", "--"),
        *("prlimit", f"--data={MEMORY_LIMIT_BYTES}", f"--fsize={FILE_LIMIT_BYTES}"),
        *(f"--cpu={cpu_s}:{cpu_s + 1}", "--core=0", "--"),
    ]


def _kill_group(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _word_after(word: str, text: str) -> str:
    words = text.replace("Revision", "revision").split()
    following = (b for a, b in pairwise(words) if a == word)
    return next(following, "unknown")
