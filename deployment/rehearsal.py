"""Runs a staged service on this machine as the platform does: its files and packages alone."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deployment.service import Deployment, Kind, deployments

NOWHERE = "127.0.0.1:9"
"""Where nothing listens: a service that looks for the cloud at its start is found out."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A staged service with an environment of its own.

    Attributes
    ----------
    service : str
    folder : Path
        Where it is staged.
    python : Path
        The environment's interpreter; it has what `requirements.txt` of the folder names.
    """

    service: str
    folder: Path
    python: Path

    @property
    def deployment(self) -> Deployment:
        """The service's declaration."""
        return deployments()[self.service]

    @property
    def command(self) -> list[str]:
        """The start command; the port, if there is one, is in the environment."""
        if self.deployment.kind is not Kind.FUNCTION:
            return self._command_of_procfile()
        kind = "cloudevent" if self.deployment.event else "http"
        target = f"--target={self.deployment.entry_point}"
        program = [str(self.python), "-m", "functions_framework", "--host=127.0.0.1"]
        return [*program, target, f"--signature-type={kind}"]

    def environment(self, port: int, **settings: str) -> dict[str, str]:
        """Return all environment variables that it has; emulators are `NOWHERE`."""
        return {
            "PATH": f"{self.python.parent}:{os.defpath}",
            "HOME": str(self.folder.parent),
            "XDG_RUNTIME_DIR": str(self.folder.parent),
            "GUNICORN_CMD_ARGS": "--log-level=warning",
            "PORT": str(port),
            "HEALTH_PORT": str(port),
            "PUBSUB_EMULATOR_HOST": NOWHERE,
            "STORAGE_EMULATOR_HOST": f"http://{NOWHERE}",
            "DATABASE_URL": f"postgresql+pg8000://nobody@{NOWHERE}/metadata",
            **settings,
        }

    @contextmanager
    def running(self, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
        """Run it while the block does."""
        process = subprocess.Popen(
            self.command, cwd=self.folder, env=environment, stdout=subprocess.DEVNULL
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)

    def _command_of_procfile(self) -> list[str]:
        procfile = self.folder / "Procfile"
        if not procfile.exists():
            return [str(self.python), "main.py"]
        words = procfile.read_text().strip().removeprefix("web: ")
        # Only this machine may reach it here.
        words = words.replace("--host 0.0.0.0", "--host 127.0.0.1")
        return ["/bin/sh", "-c", f"exec {words}"]


def rehearse(service: str, folder: Path, home: Path) -> Rehearsal:
    """Install a staged service's requirements, by their hashes, in a new environment.

    Parameters
    ----------
    service : str
    folder : Path
        Where it is staged.
    home : Path
        Where its environment is made; one that is there already is emptied.

    Raises
    ------
    subprocess.CalledProcessError
        If a package is not available; uv's message is on stderr.
    """
    uv = str(Path(sys.executable).with_name("uv"))
    make = [uv, "venv", "--quiet", "--clear", "--python", sys.executable]
    subprocess.run([*make, str(home)], check=True)
    python = home / "bin" / "python"
    install = [uv, "pip", "install", "--quiet", "--python", str(python), "--require-hashes"]
    subprocess.run([*install, "--requirement", str(folder / "requirements.txt")], check=True)
    return Rehearsal(service, folder, python)
