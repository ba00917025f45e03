"""The supervisor: starts components in order, keeps them running, and stops all with itself."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from local.state import ROOT, Report, log_file, state_dir, write_state

POLL_S = 0.05
STOP_LIMIT_S = 20.0
BACKOFF_S: tuple[float, ...] = (0.5, 1, 2, 4, 8, 15, 30)
SETTLED_S = 60.0
"""After running this long, a component may fail again without a longer delay."""
MAX_LOG_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Component:
    """A program of the network.

    Attributes
    ----------
    command : sequence of str
        The program and its arguments.
    after : sequence of str
        Names of the components that must be ready before it starts.
    ready : callable, optional
        Returns whether it is ready; without it, a running component is ready.
    once : bool
        Whether it is a step that ends: ready when it has succeeded. A step is repeated when one of
        its prerequisites was restarted.
    stop_signal : signal.Signals
        Signal for a clean exit; also sent if the supervisor dies.
    privileges : sequence of str
        Options of setpriv(1) for its start.
    port : int, optional
        The loopback port that it listens on.
    env : mapping of str to str
        Additions to the network's environment.
    """

    name: str
    command: Sequence[str]
    after: Sequence[str] = ()
    ready: Callable[[], bool] = lambda: True
    once: bool = False
    stop_signal: signal.Signals = signal.SIGTERM
    privileges: Sequence[str] = ()
    port: int | None = None
    env: dict[str, str] = field(default_factory=dict)


class Phase(StrEnum):
    """Phases of a component."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    DONE = "done"
    RESTARTING = "restarting"
    STOPPED = "stopped"


@dataclass(slots=True)
class _Child:
    """A component and its current or last process."""

    component: Component
    process: subprocess.Popen[bytes] | None = None
    phase: Phase = Phase.WAITING
    started_at: float = 0.0
    not_before: float = 0.0
    failures: int = 0
    restarts: int = 0
    last_exit: str | None = None

    def start(self, env: dict[str, str]) -> None:
        component = self.component
        # setpriv instead of `preexec_fn`: the tie to the parent must be made after the change of
        # user, which would undo it, and Python code between fork and exec is unsafe.
        tie = ["setpriv", f"--pdeathsig={component.stop_signal.name[3:]}"]
        with log_file(component.name).open("ab") as log:
            self.process = subprocess.Popen(
                [*tie, *component.privileges, "--", *component.command],
                cwd=ROOT,
                env=env | component.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.phase, self.started_at = Phase.STARTING, time.time()

    def ended(self, status: int) -> None:
        """Record why the process ended and when to retry; end the processes it left behind."""
        self._end_group()
        self.last_exit = signal.Signals(-status).name if status < 0 else f"status {status}"
        if time.time() - self.started_at > SETTLED_S:
            self.failures = 0
        delay = BACKOFF_S[min(self.failures, len(BACKOFF_S) - 1)]
        self.failures += 1
        self.restarts += 1
        self.phase, self.not_before = Phase.RESTARTING, time.time() + delay

    def ask_to_stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(self.component.stop_signal)

    def wait_until_stopped(self) -> None:
        """Wait for the process to end; kill it if it does not."""
        if self.process and self.process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_LIMIT_S)
            self._end_group()
            self.process.wait()
        self.phase = Phase.STOPPED

    def _end_group(self) -> None:
        """End the processes that it started and left behind."""
        if self.process:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def report(self) -> Report:
        """Return the data for `status`."""
        runs = self.phase in (Phase.STARTING, Phase.READY)
        return {
            "name": self.component.name,
            "phase": self.phase,
            "pid": self.process.pid if self.process and runs else None,
            "port": self.component.port,
            "once": self.component.once,
            "started_at": self.started_at if runs else None,
            "restarts": self.restarts,
            "last_exit": self.last_exit,
        }


class Supervisor:
    """Runs components until it is told to stop.

    Parameters
    ----------
    components : sequence of Component
        Each after its prerequisites; they are stopped in reverse order.
    env : dict of str to str
        The shared environment.
    """

    def __init__(self, components: Sequence[Component], env: dict[str, str]) -> None:
        self._children = {c.name: _Child(c) for c in components}
        self._env = env
        self._stopping = False

    def run(self) -> None:
        """Start all components, restart those that end, and return when all are stopped."""
        for stop in (signal.SIGTERM, signal.SIGINT):
            signal.signal(stop, lambda *_: setattr(self, "_stopping", True))
        (state_dir() / "log").mkdir(parents=True, exist_ok=True)
        self._write_state()
        while not self._stopping:
            before = [child.phase for child in self._children.values()]
            for child in self._children.values():
                self._advance(child)
                _bound_log(child.component.name)
            if before != [child.phase for child in self._children.values()]:
                self._write_state()
            time.sleep(POLL_S)
        self._stop_all()

    def _stop_all(self) -> None:
        """Stop all components, each after those that depend on it."""
        running = dict(self._children)
        while running:
            self._write_state()
            needed = {name for child in running.values() for name in child.component.after}
            leaving = [running.pop(name) for name in set(running) - needed]
            for child in leaving:
                child.ask_to_stop()
            for child in leaving:
                child.wait_until_stopped()

    def _advance(self, child: _Child) -> None:
        """Advance a component by one step, if one is due."""
        if child.phase in (Phase.WAITING, Phase.RESTARTING):
            if time.time() >= child.not_before and self._may_start(child.component):
                child.start(self._env)
        elif child.process and child.phase is not Phase.DONE:
            status = child.process.poll()
            if status == 0 and child.component.once:
                child.phase = Phase.DONE
            elif status is not None:
                child.ended(status)
                self._repeat_steps(child.component.name)
            elif child.phase is Phase.STARTING and self._is_ready(child.component):
                child.phase = Phase.READY

    def _may_start(self, component: Component) -> bool:
        return all(
            self._children[name].phase in (Phase.READY, Phase.DONE) for name in component.after
        )

    @staticmethod
    def _is_ready(component: Component) -> bool:
        return not component.once and component.ready()

    def _repeat_steps(self, name: str) -> None:
        """Repeat the steps that prepared a component which has now ended."""
        for child in self._children.values():
            if child.phase is Phase.DONE and name in child.component.after:
                child.phase = Phase.WAITING

    def _write_state(self) -> None:
        reports = [child.report() for child in self._children.values()]
        write_state({"pid": os.getpid(), "stopping": self._stopping, "components": reports})


def _bound_log(name: str) -> None:
    """Truncate an overlong log, keeping one older part.

    The file is copied and emptied, not renamed: its writer has it open for appending.
    """
    log = log_file(name)
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.with_suffix(".log.1").write_bytes(log.read_bytes())
        os.truncate(log, 0)
