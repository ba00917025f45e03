"""What the worker depends on: waited for, and spoken of once."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from panoptes_network import config
from panoptes_network.errors import TransientError
from panoptes_network.processing import workspace
from panoptes_network.worker import dependencies
from panoptes_network.worker.dependencies import Dependencies
from plate_solver.dependencies import check_solver


class Away:
    """A part that is away for a number of looks."""

    def __init__(self, looks: int) -> None:
        self.left = looks

    def __call__(self) -> None:
        self.left -= 1
        if self.left >= 0:
            raise TransientError("nobody answers")


def watched(checks: dict[str, Callable[[], None]]) -> Dependencies:
    watched = Dependencies(checks)
    threading.Thread(target=watched.watch, daemon=True).start()
    return watched


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(dependencies, "MAX_BACKOFF_S", 0.05)
    caplog.set_level("INFO")


def test_what_goes_away_is_said_once_and_once_that_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    there = watched({"database": Away(20), "storage": Away(0)})
    assert there.wait(threading.Event())
    assert caplog.messages == [
        "database is unavailable, waiting: nobody answers",
        "database is back",
    ]
    assert (there.away, there.is_known) == ([], True)


def test_all_that_is_there_is_not_worth_a_word(caplog: pytest.LogCaptureFixture) -> None:
    assert watched({"database": Away(0)}).wait(threading.Event())
    assert caplog.messages == []


def test_nothing_is_there_before_it_was_looked_at() -> None:
    unknown = Dependencies({})
    stopping = threading.Event()
    threading.Timer(0.1, stopping.set).start()
    assert not unknown.is_known
    assert not unknown.wait(stopping)


def test_a_stop_ends_the_waiting() -> None:
    away = watched({"database": Away(10**6)})
    stopping = threading.Event()
    threading.Timer(0.1, stopping.set).start()
    assert not away.wait(stopping)
    assert away.away == ["database"]


def test_after_a_doubt_all_is_looked_at_again() -> None:
    part = Away(0)
    there = watched({"database": part})
    assert there.wait(threading.Event())
    part.left = 2
    there.recheck()
    assert not there.is_known
    assert there.wait(threading.Event())
    assert part.left < 0


def test_a_broker_that_is_away_is_told_but_not_waited_for() -> None:
    there = watched({"database": Away(0)})
    there.note(dependencies.BROKER, "unavailable")
    assert there.away == ["broker"]
    assert there.wait(threading.Event())


def test_a_look_of_long_ago_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    there = watched({})
    assert there.wait(threading.Event())
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + dependencies.LATELY_S)
    assert not there.is_known


def test_a_solver_without_index_files_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASTROMETRY_INDEX_DIR", str(tmp_path))
    config.settings.cache_clear()
    with pytest.raises(TransientError, match="no index files"):
        check_solver()
    (tmp_path / "index-4107.fits").touch()
    check_solver()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TransientError, match="apt-get install"):
        check_solver()
    config.settings.cache_clear()


def test_a_disk_without_room_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace.check_room()
    monkeypatch.setattr(workspace, "MIN_FREE_BYTES", 2**62)
    with pytest.raises(TransientError, match="are free in"):
        workspace.check_room()
