"""The programs that the worker runs, each with a time limit and words for what went wrong."""

import shutil
import subprocess
from functools import cache
from itertools import pairwise
from pathlib import Path

from panoptes_network.errors import TransientError

_PACKAGES = {
    "source-extractor": "source-extractor",
    "solve-field": "astrometry.net",
    "fpack": "libcfitsio-bin",
}

_VERSION_S = 30


def run(
    program: str, *arguments: str | Path, folder: Path, timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """Run a program in `folder`; its exit code is the caller's to judge.

    Raises
    ------
    TransientError
        When the program is not installed on this machine.
    subprocess.TimeoutExpired
        When it takes longer than `timeout_s`; it is killed.
    """
    try:
        return subprocess.run(
            [program, *map(str, arguments)],
            cwd=folder,
            timeout=timeout_s,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        raise TransientError(missing_message([program])) from None


def missing() -> list[str]:
    """Return the programs that this machine lacks."""
    return [program for program in _PACKAGES if shutil.which(program) is None]


def missing_message(programs: list[str]) -> str:
    """Say which programs are missing and how they are installed on Debian and Ubuntu."""
    packages = " ".join(_PACKAGES[program] for program in programs)
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


def _word_after(word: str, text: str) -> str:
    words = text.replace("Revision", "revision").split()
    following = (b for a, b in pairwise(words) if a == word)
    return next(following, "unknown")
