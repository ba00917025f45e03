"""A worker in its image, run as `infra/workers.tf` has a container engine run it."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import requests

from deployment.service import ROOT
from local import state
from tests.container.dockerfile import Stage, stages

VARIABLE = "CONTAINER"

CHROOT = "/usr/sbin/chroot"  # the PATH that is set is the image's

_MOUNT = """
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
mount --bind "$2" "$1/tmp"
mount -o remount,bind,nosuid,nodev,noexec "$1/tmp"
mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm"
mount -t proc proc "$1/proc"
shift 2
exec "$@"
"""
"""Mounts that only this process and its children see: a read-only root, and a volume as /tmp."""


@dataclass(frozen=True)
class Container:
    """A worker's image, and what an engine would add to it.

    Attributes
    ----------
    service : str
    root : Path
        The image's folder.
    volume : Path
        The folder that is /tmp; nothing else can be written to.
    health_port : int
    """

    service: str
    root: Path
    volume: Path
    health_port: int

    @staticmethod
    def from_environment() -> "Container":
        """Return the container that `variables` names."""
        named = json.loads(os.environ[VARIABLE])
        root, volume = Path(named.pop("root")), Path(named.pop("volume"))
        return Container(root=root, volume=volume, **named)

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables that name the container to another process."""
        return {VARIABLE: json.dumps(asdict(self), default=str)}

    @cached_property
    def stage(self) -> Stage:
        """What the Dockerfile says of the image."""
        return stages(ROOT / self.service / "Dockerfile")[-1]

    @property
    def environment(self) -> dict[str, str]:
        """The image's environment, with a port of its own and no modules of the caller."""
        return {
            **self.stage.environment,
            "HEALTH_PORT": str(self.health_port),
            "PYTHONPATH": "",
            "TMPDIR": "/tmp",  # noqa: S108
        }

    def inside(self, command: list[str]) -> list[str]:
        """Return what runs a command in the container as its user; the environment is the caller's.

        The process keeps its number: each program replaces the one before.
        """
        enter = f'cd {self.stage.folder} && exec "$@"'
        return [
            *("unshare", "--mount", "/bin/sh", "-ec", _MOUNT, "-"),
            *(str(self.root), str(self.volume)),
            *(CHROOT, f"--userspec={self.stage.user}", str(self.root)),
            *("/bin/sh", "-ec", enter, "-"),
            *command,
        ]

    @property
    def pid(self) -> int:
        """The worker's process."""
        parts = {part["name"]: part for part in state.read_state()["components"]}
        pid = parts[self.service]["pid"]
        assert pid is not None
        return pid

    def is_confined(self) -> bool:
        """Print how the worker runs; return whether it is healthy and without rights."""
        process = Path(f"/proc/{self.pid}")
        user = process.stat().st_uid
        is_read_only = bool(os.statvfs(process / "root").f_flag & os.ST_RDONLY)
        ready = requests.get(f"http://127.0.0.1:{self.health_port}/ready", timeout=5)
        print(f"/ready answers {ready.status_code}: {ready.text}")
        command = self.inside(self.stage.health_check)
        health = subprocess.run(command, check=False, env=self.environment).returncode
        root = "read-only" if is_read_only else "writable"
        print(f"the health check ends with {health}; the worker's user is {user}, its root {root}")
        return ready.status_code == 200 and health == 0 and user != 0 and is_read_only

    def stop(self, limit_s: float) -> float:
        """Send SIGTERM; return how many seconds the worker still took, `limit_s` at most."""
        pid, began = self.pid, time.monotonic()
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not Path(f"/proc/{pid}").exists(), limit_s)
        return time.monotonic() - began


def wait_for(condition: Callable[[], object], limit_s: float) -> bool:
    """Wait until a condition is met; return whether it is within the limit."""
    deadline = time.monotonic() + limit_s
    while not (is_met := bool(condition())) and time.monotonic() < deadline:
        time.sleep(0.1)
    return is_met
