"""A network with one worker in its container, and images that are sent to it."""

import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import text

from local import network, state
from panoptes_network import config, pubsub, storage
from panoptes_network.database.engine import engine, run_transaction
from panoptes_network.states import END_STATES, ImageState
from simulator import Frame
from tests.conftest import forget_storage_client
from tests.container.container import Container, wait_for


@contextmanager
def running(container: Container, folder: Path) -> Iterator[None]:
    """Run the network in a folder while the block lasts; this process has its settings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
        _set(patch, {**container.variables, "PANOPTES_LOCAL_DIR": str(folder)})
        console = Console(quiet=True)
        supervisor = network.start(console, attached=True, module="tests.container.supervise")
        try:
            _set(patch, state.read_env())
            _forget()
            yield
        finally:
            _forget()
            supervisor.send_signal(signal.SIGTERM)
            supervisor.wait(90)


def _set(patch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        patch.setenv(name, value)


def _forget() -> None:
    """Drop the settings and connections of another network."""
    if engine.cache_info().currsize:
        engine().dispose()
    engine.cache_clear()
    forget_storage_client()
    pubsub.publisher.cache_clear()
    config.settings.cache_clear()


def upload(frames: Sequence[Frame]) -> None:
    """Upload frames as a unit does."""
    with tempfile.TemporaryDirectory() as folder:
        for frame in frames:
            path = frame.object_path.path
            storage.upload(config.settings().raw_bucket, path, frame.write(Path(folder)), {})


def state_of(frame: Frame) -> str | None:
    """Return an image's state, None while it is unknown."""
    query = text("SELECT state FROM images WHERE image_id = :id")
    about = {"id": str(frame.object_path.image_id)}
    found: str | None = run_transaction(lambda session: session.scalar(query, about))
    return found


def are_solved(frames: Sequence[Frame], limit_s: float) -> bool:
    """Upload frames, and wait until they have ended; return whether all of them are solved."""
    upload(frames)
    began = time.monotonic()
    wait_for(lambda: all(state_of(frame) in END_STATES for frame in frames), limit_s)
    states = {str(state_of(frame)) for frame in frames}
    size = "x".join(map(str, reversed(frames[0].data.shape)))
    print(
        f"{len(frames)} of {size}: {', '.join(sorted(states))},"
        f" {time.monotonic() - began:.1f} s from the upload on"
    )
    return states == {ImageState.SOURCES_EXTRACTED.value}
