import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from local import state

PREAMBLE = """
import os, signal, sys
from pathlib import Path
from local.supervisor import Component, Supervisor
here = Path(sys.argv[1])

def shell(script):
    return ["sh", "-c", script]
"""
SLEEP = "while :; do sleep 0.05; done"


class Running:
    """A supervisor in a process of its own, and what it says of its components."""

    def __init__(self, folder: Path, components: str) -> None:
        script = PREAMBLE + textwrap.dedent(components)
        script += "\nSupervisor(components, dict(os.environ)).run()\n"
        self.process = subprocess.Popen(
            [sys.executable, "-c", script, str(folder)], cwd=state.ROOT, start_new_session=True
        )

    def component(self, name: str) -> dict[str, Any]:
        components = state.read_state().get("components", [])
        return next((dict(part) for part in components if part["name"] == name), {})

    def wait_for(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert self.process.poll() is None, "the supervisor has ended"
            assert time.monotonic() < deadline, state.read_state()
            time.sleep(0.02)

    def wait_for_phase(self, name: str, phase: str) -> dict[str, Any]:
        self.wait_for(lambda: self.component(name).get("phase") == phase)
        return self.component(name)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


@pytest.fixture
def supervise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Running]]:
    monkeypatch.setenv("PANOPTES_LOCAL_DIR", str(tmp_path))
    started: list[Running] = []

    def start(components: str) -> Running:
        started.append(Running(tmp_path, components))
        return started[-1]

    yield start
    for running in started:
        if running.process.poll() is None:
            running.stop()


def test_a_component_waits_until_what_it_needs_is_ready(
    supervise: Callable[[str], Running], tmp_path: Path
) -> None:
    running = supervise(f"""
        components = [
            Component("step", shell(f"echo step >>{{here}}/order"), once=True),
            Component("server", shell(f"sleep 0.3; echo server >>{{here}}/order; {SLEEP}"),
                      after=["step"], ready=lambda: "server" in (here / "order").read_text()),
            Component("client", shell(f"echo client >>{{here}}/order; {SLEEP}"), after=["server"]),
        ]
    """)
    running.wait_for_phase("client", "ready")
    running.wait_for(lambda: "client" in (tmp_path / "order").read_text())
    assert (tmp_path / "order").read_text().split() == ["step", "server", "client"]
    assert running.component("step")["phase"] == "done"


def test_a_killed_component_is_restarted_and_said_so(supervise: Callable[[str], Running]) -> None:
    running = supervise(f'components = [Component("server", shell("{SLEEP}"))]')
    first = running.wait_for_phase("server", "ready")
    os.kill(first["pid"], signal.SIGKILL)
    running.wait_for(lambda: running.component("server")["restarts"] == 1)
    second = running.wait_for_phase("server", "ready")
    assert second["pid"] != first["pid"]
    assert second["last_exit"] == "SIGKILL"


def test_a_component_that_ends_by_itself_is_restarted(
    supervise: Callable[[str], Running],
) -> None:
    running = supervise('components = [Component("server", shell("exit 7"))]')
    running.wait_for(lambda: running.component("server").get("restarts", 0) >= 2)
    assert running.component("server")["last_exit"] == "status 7"


def test_a_step_is_taken_again_after_its_server_was_restarted(
    supervise: Callable[[str], Running], tmp_path: Path
) -> None:
    running = supervise(f"""
        components = [
            Component("server", shell("{SLEEP}")),
            Component("step", shell(f"echo taken >>{{here}}/steps"), after=["server"], once=True),
        ]
    """)
    running.wait_for_phase("step", "done")
    os.kill(running.component("server")["pid"], signal.SIGKILL)
    running.wait_for(lambda: (tmp_path / "steps").read_text().count("taken") == 2)


def test_each_is_stopped_by_its_own_signal_in_reverse_order(
    supervise: Callable[[str], Running], tmp_path: Path
) -> None:
    running = supervise(f"""
        def server(name, after, stop):
            script = f"trap 'echo {{name}} >>{{here}}/order; exit' {{stop.name[3:]}}; "
            script += f"touch {{here}}/{{name}}; {SLEEP}"
            return Component(name, shell(script), after, (here / name).exists, stop_signal=stop)
        components = [
            server("first", [], signal.SIGINT), server("second", ["first"], signal.SIGTERM),
        ]
    """)
    running.wait_for_phase("second", "ready")
    running.stop()
    assert (tmp_path / "order").read_text().split() == ["second", "first"]


def test_what_does_not_stop_is_ended_by_force(
    supervise: Callable[[str], Running], tmp_path: Path
) -> None:
    running = supervise(f"""
        import local.supervisor
        local.supervisor.STOP_LIMIT_S = 0.2
        script = f"trap '' TERM; touch {{here}}/deaf; {SLEEP}"
        components = [Component("deaf", shell(script), ready=(here / "deaf").exists)]
    """)
    pid = running.wait_for_phase("deaf", "ready")["pid"]
    running.stop()
    assert not psutil.pid_exists(pid)


def test_what_a_component_left_behind_ends_with_it(
    supervise: Callable[[str], Running], tmp_path: Path
) -> None:
    running = supervise(
        'components = [Component("server", shell(f"sleep 300 & echo $! >{here}/left; wait"))]'
    )
    pid = running.wait_for_phase("server", "ready")["pid"]
    running.wait_for(lambda: (tmp_path / "left").exists() and (tmp_path / "left").read_text() != "")
    left = psutil.Process(int((tmp_path / "left").read_text()))
    os.kill(pid, signal.SIGKILL)
    left.wait(30)
    assert not left.is_running()


def test_components_die_with_a_killed_supervisor(supervise: Callable[[str], Running]) -> None:
    running = supervise(f"""
        components = [Component("server", shell("{SLEEP}"))]
    """)
    server = psutil.Process(running.wait_for_phase("server", "ready")["pid"])
    running.process.kill()
    running.process.wait()
    server.wait(30)
    assert not server.is_running()


def test_a_log_is_bounded(supervise: Callable[[str], Running], tmp_path: Path) -> None:
    running = supervise("""
        import local.supervisor
        local.supervisor.MAX_LOG_BYTES = 1000
        components = [Component("server", shell("while :; do echo line; sleep 0.001; done"))]
    """)
    running.wait_for((tmp_path / "log/server.log.1").exists)
    running.wait_for(lambda: (tmp_path / "log/server.log").stat().st_size < 1000)
