"""The command of the storage server."""

from pathlib import Path

import pytest

from local.storage import PROGRAM, server_command


def test_the_program_is_that_of_the_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PROGRAM, raising=False)
    program = Path(server_command(Path("/buckets"), 4443, "panoptes-local")[0])
    assert program.is_file()


def test_another_program_takes_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROGRAM, "/opt/fake-gcs-server")
    command = server_command(Path("/buckets"), 4443, "panoptes-local", "uploads")
    assert command[0] == "/opt/fake-gcs-server"
    assert "-filesystem-root=/buckets" in command
