"""All parsers fuzzed, each in a child process; their results as a table."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import ModuleType

from tests.fuzz import cr2_parsers, fits_parsers, message_parsers
from tests.fuzz.harness import INPUTS, ROOT, Result

MODULES: tuple[ModuleType, ...] = (message_parsers, cr2_parsers, fits_parsers)
"""The slowest first, so that it is not left alone at the end."""

BOUNDS_MIB = {
    name: parser.bound_mib for module in MODULES for name, parser in module.PARSERS.items()
}
_AT_ONCE = 2
_TIME_LIMIT_S = 7200


@dataclass(frozen=True)
class Run:
    """How a parser came out: its result, or what its process last said where it failed."""

    result: Result | None
    words: str = ""

    def within(self, bound_mib: int) -> bool:
        """Return whether all inputs were read or refused in so much memory."""
        return self.result is not None and self.result.peak_mib <= bound_mib


def run_all(inputs: int = INPUTS, random_seed: int = 0) -> dict[str, Run]:
    """Fuzz every parser."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        runs = pool.map(lambda module: _run(module, inputs, random_seed), MODULES)
        return {name: run for some in runs for name, run in some.items()}


def _run(module: ModuleType, inputs: int, random_seed: int) -> dict[str, Run]:
    """Fuzz a module's parsers one after the other; a failure ends its process."""
    # Astropy says in many ways that a file is broken.
    command = [sys.executable, "-W", "ignore", "-m", "tests.fuzz.child", module.__name__]
    child = subprocess.run(
        [*command, str(inputs), str(random_seed)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        timeout=_TIME_LIMIT_S,
    )
    words = f"ended with {child.returncode}\n{child.stderr[-4000:]}"
    lines = map(json.loads, child.stdout.splitlines())
    done = {name: Run(Result(**result)) for line in lines for name, result in line.items()}
    return {name: done.get(name, Run(None, words)) for name in module.PARSERS}


def table(runs: dict[str, Run]) -> str:
    """Return the results as Markdown."""
    rows = ["| Parser | Inputs | Seconds | Peak memory, bound (MiB) | How they ended |"]
    rows.append("|---|---|---|---|---|")
    for name, run in runs.items():
        if run.result is None:
            rows.append(f"| `{name}` | | | | FAILED |")
            continue
        ends = ", ".join(f"{end} {count}" for end, count in run.result.outcomes.items())
        memory = f"{run.result.peak_mib}, {BOUNDS_MIB[name]}"
        rows.append(
            f"| `{name}` | {run.result.inputs} | {run.result.seconds:.0f} | {memory} | {ends} |"
        )
    return "\n".join(rows)
