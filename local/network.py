"""Start the network, wait for it, and stop it, from a terminal."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

from rich.console import Console

from local.components import PREFERRED_PORTS, components, network_env, shared_env
from local.state import (
    ROOT,
    NetworkError,
    Report,
    choose_ports,
    is_locked,
    lock,
    log_file,
    read_state,
    write_env,
    write_state,
)
from local.supervisor import Phase, Supervisor

START_LIMIT_S = 180.0
STOP_LIMIT_S = 120.0
MAX_FAILURES = 3
"""A component that fails this often before it was ever ready is given up."""
_POLL_S = 0.05
_UP = frozenset({Phase.READY, Phase.DONE})


def supervise() -> None:
    """Run the network in this process until it is told to stop."""
    with lock():
        write_state({"pid": os.getpid()})  # from here on, the last network's is not believed
        ports = choose_ports(PREFERRED_PORTS)
        env = network_env(ports)
        parts = components(ports, env)
        write_env(env)
        Supervisor(parts, shared_env(env)).run()


def is_running() -> bool:
    """Return whether a network is running and not about to stop."""
    return is_locked() and not read_state().get("stopping", False)


def start(console: Console, *, attached: bool, module: str = "local") -> subprocess.Popen[bytes]:
    """Start the network; report components as they become ready, and return when all are.

    Parameters
    ----------
    attached : bool
        Whether it ends with this process, however that ends.
    module : str
        The module whose command ``supervise`` runs the network.

    Returns
    -------
    subprocess.Popen
        The supervisor.

    Raises
    ------
    NetworkError
        If it is already running, or a component does not start; then nothing is left running.
    """
    if is_running():
        raise NetworkError("the network is running already: see `make status`")
    _wait_until_stopped(console)  # the last one may be about to leave
    log = log_file("supervisor")
    log.parent.mkdir(parents=True, exist_ok=True)
    tie = ["setpriv", "--pdeathsig=TERM", "--"] if attached else []
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*tie, sys.executable, "-m", module, "supervise"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_ready(console, process)
    except BaseException:
        process.terminate()
        process.wait()
        raise
    return process


def stop(console: Console) -> None:
    """Stop the network and return when all of it has stopped; do nothing if none is running.

    Raises
    ------
    NetworkError
        If it does not stop.
    """
    if is_running():
        os.kill(read_state()["pid"], signal.SIGTERM)
    _wait_until_stopped(console)


def _wait_until_stopped(console: Console) -> None:
    deadline = time.monotonic() + STOP_LIMIT_S
    with console.status("stopping the network"):
        while is_locked():
            if time.monotonic() > deadline:
                raise NetworkError("the network does not stop: see `make logs`")
            time.sleep(_POLL_S)


def _wait_until_ready(console: Console, process: subprocess.Popen[bytes]) -> None:
    begun = time.monotonic()
    told: set[str] = set()
    with console.status("starting the network") as status:
        for parts in _reports(process, begun + START_LIMIT_S):
            for part in parts:
                if part["phase"] in _UP and part["name"] not in told:
                    told.add(part["name"])
                    console.print(f"  {part['name']:<24}{time.monotonic() - begun:5.1f} s")
            open_ones = [part["name"] for part in parts if part["phase"] not in _UP]
            if not open_ones:
                return
            status.update(f"starting {', '.join(open_ones)}")


def _reports(process: subprocess.Popen[bytes], deadline: float) -> Iterator[list[Report]]:
    """Yield the supervisor's reports repeatedly; NetworkError if it cannot start."""
    while True:
        time.sleep(_POLL_S)
        if process.poll() is not None:
            raise NetworkError(f"the network did not start: {_last_lines('supervisor')}")
        state = read_state()
        parts = state.get("components", []) if state.get("pid") == process.pid else []
        for part in parts:
            if part["restarts"] >= MAX_FAILURES and part["phase"] not in _UP:
                raise NetworkError(
                    f"{part['name']} does not start ({part['last_exit']}):\n"
                    f"{_last_lines(part['name'])}"
                )
        if time.monotonic() > deadline:
            raise NetworkError("the network did not start in time: see `make status`")
        if parts:
            yield parts


def _last_lines(name: str, count: int = 12) -> str:
    file = log_file(name)
    lines = file.read_text(errors="replace").splitlines() if file.exists() else []
    return "\n".join(lines[-count:])
