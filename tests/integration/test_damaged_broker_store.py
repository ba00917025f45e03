"""A damaged store of the broker is said at the start, with what to do, and not as a traceback."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from local.broker.store import Store
from tests.conftest import free_port


def _serve(store: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local.broker", "--port", str(free_port())]
    return subprocess.run(
        [*command, "--store", str(store)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def _fill(path: Path) -> None:
    """Make a store with enough messages for many pages."""
    Store(path)._db.close()
    statement = "INSERT INTO messages (subscription, body, due) VALUES (?, ?, 0)"
    with sqlite3.connect(path) as db:
        db.executemany(statement, [("s", b"x" * 1000)] * 99)
    db.close()


def _overwritten(path: Path) -> None:
    path.write_bytes(b"no database, but long enough to be one: " * 500)


def _with_a_damaged_page(path: Path) -> None:
    _fill(path)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = b"\xa5" * 4096
    path.write_bytes(content)


def _with_a_damaged_header(path: Path) -> None:
    _fill(path)
    content = path.read_bytes()
    path.write_bytes(b"\0" * 100 + content[100:])


@pytest.mark.parametrize("damage", [_overwritten, _with_a_damaged_page, _with_a_damaged_header])
def test_what_to_do_is_said(damage: object, tmp_path: Path) -> None:
    store = tmp_path / "pubsub.sqlite"
    assert callable(damage)
    damage(store)
    done = _serve(store)
    assert done.returncode == 1
    assert f"the messages in {store} are damaged" in done.stderr
    assert f"mv {store}* damaged/" in done.stderr
    assert "Traceback" not in done.stderr
