"""Temporary folders: those of the dead go, those of the living stay."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from panoptes_network.processing.workspace import PREFIX, remove_leftovers, work_folder

KILLED = """
import os, signal
from panoptes_network.processing.workspace import work_folder
with work_folder() as folder:
    (folder / "pixels").write_bytes(b"half")
    print(folder, flush=True)
    if input() == "die":
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@contextmanager
def other_worker(temporary: Path) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    env = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", KILLED]
    with subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())


def test_a_folder_is_removed_at_the_end(temporary: Path) -> None:
    with pytest.raises(ZeroDivisionError), work_folder() as folder:  # noqa: PT012
        (folder / "a").mkdir()
        (folder / "a" / "b").touch()
        _ = 1 / 0
    assert list(temporary.iterdir()) == []


def test_what_a_killed_worker_has_left_is_removed(temporary: Path) -> None:
    with other_worker(temporary) as (process, folder):
        process.communicate("die\n")
    assert (folder / "pixels").exists()
    assert remove_leftovers() == [folder]
    assert list(temporary.iterdir()) == []


def test_what_a_living_worker_has_stays(temporary: Path) -> None:
    with other_worker(temporary) as (process, folder), work_folder() as ours:
        assert remove_leftovers() == []
        assert (folder / "pixels").exists()
        assert ours.exists()
        process.communicate("leave\n")
    assert list(temporary.iterdir()) == []


def test_what_is_none_of_ours_stays(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("other.abc", f"x{PREFIX}abc"):
        (temporary / name).mkdir()
    (temporary / f"{PREFIX}file").touch()
    (temporary / f"{PREFIX}link").symlink_to(temporary / "other.abc")
    assert remove_leftovers() == []
    (temporary / f"{PREFIX}dir").mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(os, "getuid", lambda: -1)
        assert remove_leftovers() == []
    assert remove_leftovers() == [temporary / f"{PREFIX}dir"]
    assert len(list(temporary.iterdir())) == 4


def test_a_folder_that_is_taken_for_a_leftover_is_made_anew(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker starts between the making of a folder and its lock."""
    lock = fcntl.flock

    def after_removal(file: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        assert len(remove_leftovers()) == 1
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", after_removal)
    with work_folder() as folder:
        assert list(temporary.iterdir()) == [folder]
