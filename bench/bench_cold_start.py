"""How long each staged service takes to its first answer, from nothing, and the memory it then has.

``python bench/bench_cold_start.py [--rounds 5]``: every service is staged and installed in an empty
environment of its own, started, and asked for its health. On a busy machine the CPU seconds are
those to believe. The floor is a function that says hello, started by functions-framework in the
same environment. Compiled modules are there, as in an image.
"""

import argparse
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import requests
import table

from deployment import stage as staging
from deployment.rehearsal import Rehearsal, rehearse
from deployment.service import Kind, deployments
from deployment.stage import stage

HELLO = "def hello(request):\n    return 'hello'\n"
LIMIT_S = 120


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    table.heading(f"from the start to the first answer, median of {rounds}; memory then")
    with tempfile.TemporaryDirectory() as folder:
        staging.BUILD = Path(folder) / "build"
        for service, deployment in deployments().items():
            if deployment.kind is not Kind.JOB:
                rehearsal = rehearse(service, stage(service), Path(folder) / "venv")
                _measure(rehearsal, rounds)


def _measure(rehearsal: Rehearsal, rounds: int) -> None:
    ours = [_first_answer(rehearsal, "/health") for _ in range(rounds + 1)][1:]
    seconds, cpu_s, memory_mb = (statistics.median(column) for column in zip(*ours, strict=True))
    table.line(rehearsal.service, seconds, note=f"{cpu_s:.2f} s CPU {memory_mb:4.0f} MB")
    table.line("its imports alone", _median(lambda: _imports(rehearsal), rounds), depth=2)
    if rehearsal.deployment.kind is Kind.FUNCTION:
        floor = _median(lambda: _hello(rehearsal), rounds)
        table.ratio("a function that says hello fits into it", seconds / floor)


def _median(measure: Callable[[], float], rounds: int) -> float:
    return statistics.median(measure() for _ in range(rounds))


def _first_answer(rehearsal: Rehearsal, path: str) -> tuple[float, float, float]:
    """Return seconds by the clock and of processors to the first answer, and memory then, MB."""
    port = _free_port()
    began = time.perf_counter()
    with rehearsal.running(rehearsal.environment(port)) as process:
        _wait(f"http://127.0.0.1:{port}{path}")
        seconds = time.perf_counter() - began
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(True)]
        cpu_s = sum(sum(one.cpu_times()[:2]) for one in family)
        return seconds, cpu_s, sum(one.memory_full_info().pss for one in family) / 1e6


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _wait(url: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        try:
            requests.get(url, timeout=LIMIT_S)
        except requests.ConnectionError:
            time.sleep(0.005)
        else:
            return
    raise RuntimeError(f"{url} does not answer")


def _imports(rehearsal: Rehearsal) -> float:
    began = time.perf_counter()
    subprocess.run(
        [str(rehearsal.python), "-c", "import sys; sys.path.insert(0, '.'); import main"],
        cwd=rehearsal.folder,
        env=rehearsal.environment(0),
        check=True,
    )
    return time.perf_counter() - began


def _hello(rehearsal: Rehearsal) -> float:
    """Return the seconds to the first answer of a function that says hello."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "main.py"
        source.write_text(HELLO)
        port = _free_port()
        command = [str(rehearsal.python), "-m", "functions_framework", "--host=127.0.0.1"]
        began = time.perf_counter()
        with subprocess.Popen(
            [*command, "--target=hello", f"--port={port}"],
            cwd=folder,
            env=rehearsal.environment(port),
            stdout=subprocess.DEVNULL,
        ) as process:
            try:
                _wait(f"http://127.0.0.1:{port}/")
                return time.perf_counter() - began
            finally:
                process.terminate()


if __name__ == "__main__":
    main()
