"""The network's state below `.local`: lock, ports, addresses, state and logs."""

import fcntl
import json
import os
import shlex
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeGuard, TypeVar

from pydantic import TypeAdapter
from typing_extensions import TypedDict

Content = TypeVar("Content")
ROOT = Path(__file__).resolve().parents[1]
"""The checkout."""

LOOPBACK = "127.0.0.1"


class NetworkError(Exception):
    """An error that the user can fix; the message explains it."""


class Report(TypedDict):
    """A component's data for `status`."""

    name: str
    phase: str
    pid: int | None
    port: int | None
    once: bool
    started_at: float | None
    restarts: int
    last_exit: str | None


class State(TypedDict, total=False):
    """The state file; `pid` is the supervisor's."""

    pid: int
    stopping: bool
    components: list[Report]


_STATE = TypeAdapter(State)
_PORTS = TypeAdapter(dict[str, object])


def state_dir() -> Path:
    """Return the folder of all local state: ``.local``, or PANOPTES_LOCAL_DIR."""
    return Path(os.environ.get("PANOPTES_LOCAL_DIR") or ROOT / ".local").absolute()


def log_file(name: str) -> Path:
    """Return a component's log file."""
    return state_dir() / "log" / f"{name}.log"


def postgres_dir() -> Path:
    """Return the folder of the PostgreSQL cluster."""
    return state_dir() / "postgres"


def env_file() -> Path:
    """Return the file for a client's shell: ``set -a; . .local/env``."""
    return state_dir() / "env"


@contextmanager
def lock() -> Iterator[None]:
    """Hold the lock of the running network; the kernel releases it when its holder ends.

    Raises
    ------
    NetworkError
        If another process holds it.
    """
    state_dir().mkdir(parents=True, exist_ok=True)
    with (state_dir() / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NetworkError("the network is running already: see `make status`") from None
        yield


def is_locked() -> bool:
    """Return whether a network is running with this state."""
    if not (state_dir() / "lock").exists():
        return False
    try:
        with lock():
            return False
    except NetworkError:
        return True


def write_state(state: State) -> None:
    """Replace the state file atomically, so that readers never see a partial one."""
    draft = state_dir() / "state.json.new"
    draft.write_text(json.dumps(state, indent=1))
    draft.replace(state_dir() / "state.json")


def read_state() -> State:
    """Return the state last written by the supervisor; empty if there is none yet."""
    return _read_json(_STATE, state_dir() / "state.json") or {}


def choose_ports(preferred: Mapping[str, int]) -> dict[str, int]:
    """Assign each name a loopback port: the last one if free, else the preferred, else any."""
    file = state_dir() / "ports.json"
    known = _read_json(_PORTS, file) or {}
    chosen: dict[str, int] = {}
    for name, port in preferred.items():
        wishes = [wish for wish in (known.get(name), port) if _is_port(wish)]
        free = (wish for wish in wishes if wish not in chosen.values() and _is_free(wish))
        chosen[name] = next(free, 0) or _any_port()
    file.write_text(json.dumps(chosen, indent=1))
    return chosen


def write_env(variables: Mapping[str, str]) -> None:
    """Write the addresses in shell syntax; they contain a password."""
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in variables.items()]
    draft = env_file().with_name("env.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(lines)
    draft.replace(env_file())


def read_env() -> dict[str, str]:
    """Return the addresses of the network that runs, or last ran, here."""
    words = shlex.split(env_file().read_text())
    return dict(word.split("=", 1) for word in words)


def _read_json(content: TypeAdapter[Content], file: Path) -> Content | None:
    """Return a file's content; None if there is none of this type."""
    try:
        return content.validate_json(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def _is_port(value: object) -> TypeGuard[int]:
    """Return whether a value read from a file is a valid port."""
    return isinstance(value, int) and 0 < value < 2**16


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a port in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def _any_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
