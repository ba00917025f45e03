"""A worker as a process of its own, with servers that can be cut off."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.conftest import free_port

ROOT = Path(__file__).parents[2]


class Cable:
    """A TCP connection to a port of this machine that can be pulled and plugged in again."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.port = free_port()
        self._open: list[socket.socket] = []
        self.plug_in()

    def plug_in(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()

    def pull(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._open.clear()

    def _serve(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                ours, _ = listener.accept()
                theirs = socket.create_connection(("127.0.0.1", self._target))
                self._open += [ours, theirs]
                for ends in ((ours, theirs), (theirs, ours)):
                    threading.Thread(target=self._carry, args=ends, daemon=True).start()

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


@dataclass
class WorkerProcess:
    """A worker that runs `main.py`; its log goes to a file."""

    folder: Path
    env: dict[str, str]
    service: str = "gce-plate-solver"
    port: int = field(default_factory=free_port)

    def start(self) -> None:
        self.temporary.mkdir(exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, ROOT / self.service / "main.py"],
                env={
                    **os.environ,
                    **self.env,
                    "HEALTH_PORT": str(self.port),
                    "TMPDIR": str(self.temporary),
                },
                stdout=log,
                start_new_session=True,
            )

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)

    @property
    def temporary(self) -> Path:
        return self.folder / "temporary"

    @property
    def log(self) -> Path:
        return self.folder / "worker.log"

    def said(self, **fields: object) -> list[dict[str, Any]]:
        """Return the log's lines that have these fields."""
        if not self.log.exists():
            return []
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in lines if fields.items() <= line.items()]

    def ask(self, path: str) -> requests.Response | None:
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(f"http://127.0.0.1:{self.port}{path}", timeout=5)
        return None

    def is_ready(self) -> bool:
        answer = self.ask("/ready")
        return answer is not None and answer.status_code == 200


def wait_for(condition: Callable[[], object], timeout_s: float = 60) -> None:
    """Wait until a condition is met; fail if it is not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to it"
        time.sleep(0.05)
