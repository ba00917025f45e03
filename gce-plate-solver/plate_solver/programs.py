"""The programs that the worker runs, each under limits and with words for what went wrong."""

import math
import os
import shutil
import signal
import subprocess
from contextlib import suppress
from functools import cache
from itertools import pairwise
from pathlib import Path

from panoptes_network.errors import TransientError

_PACKAGES = {
    "source-extractor": "source-extractor",
    "solve-field": "astrometry.net",
    "fpack": "libcfitsio-bin",
    "prlimit": "util-linux",
    "setpriv": "util-linux",
}

_VERSION_S = 30

MEMORY_LIMIT_BYTES = 1_000_000_000
"""Of a program's own data; with the largest frame they take less than 0.3 GB."""

FILE_LIMIT_BYTES = 300_000_000
"""Of each file that a program writes: twice the pixels of the largest frame."""


def run(
    program: str, *arguments: str | Path, folder: Path, timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """Run a program in `folder`; its exit code is the caller's to judge.

    It, and what it starts, have `MEMORY_LIMIT_BYTES`, `FILE_LIMIT_BYTES` and CPU seconds as
    many as `timeout_s`; it dies with the worker.

    Raises
    ------
    TransientError
        When the program is not installed on this machine, or takes longer than `timeout_s`;
        then it is killed with all that it has started.
    """
    if shutil.which(program) is None:
        raise TransientError(missing_message([program]))
    command = [*_limits(timeout_s), program, *map(str, arguments)]
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
            output, complaints = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise TransientError(f"{program} was not done within {timeout_s:g} s") from None
        finally:
            if process.returncode is None:
                _kill_group(process)
    return subprocess.CompletedProcess(command, process.returncode, output, complaints)


def failure(done: subprocess.CompletedProcess[str]) -> str:
    """Return why a program failed: the signal that ended it, the end of what it said."""
    how = f"status {done.returncode}"
    if done.returncode < 0:
        how = signal.Signals(-done.returncode).name
    return f"{how}: {(done.stderr + done.stdout)[-500:]}"


def missing() -> list[str]:
    """Return the programs that this machine lacks."""
    return [program for program in _PACKAGES if shutil.which(program) is None]


def missing_message(programs: list[str]) -> str:
    """Say which programs are missing and how they are installed on Debian and Ubuntu."""
    packages = " ".join(dict.fromkeys(_PACKAGES[program] for program in programs))
    return f"not installed: {', '.join(programs)}; try: apt-get install {packages}"


@cache
def versions() -> dict[str, str]:
    """Return the versions of the programs, for the history of each solved file."""
    extractor = run("source-extractor", "--version", folder=Path.cwd(), timeout_s=_VERSION_S)
    solver = run("solve-field", "--help", folder=Path.cwd(), timeout_s=_VERSION_S)
    return {
        "source-extractor": _word_after("version", extractor.stdout),
        "astrometry.net": _word_after("revision", solver.stdout).rstrip(","),
    }


def _limits(timeout_s: float) -> list[str]:
    """Return the command that sets the limits, before the program's own.

    Python code between fork and exec is unsafe beside threads: programs set them. RLIMIT_DATA
    and not RLIMIT_AS, which would count the index files that the solver maps. A program that
    goes over its CPU seconds is told by SIGXCPU, and a second later by SIGKILL.
    """
    cpu_s = math.ceil(timeout_s)
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
