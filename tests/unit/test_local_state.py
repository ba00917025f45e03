import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import state


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PANOPTES_LOCAL_DIR", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_free_preferred_port_is_taken() -> None:
    port = _free_port()
    assert state.choose_ports({"storage": port}) == {"storage": port}


def test_a_taken_port_is_no_failure_and_its_substitute_is_remembered(taken_port: int) -> None:
    first = state.choose_ports({"storage": taken_port})
    assert first["storage"] != taken_port
    assert state.choose_ports({"storage": taken_port}) == first


def test_one_port_is_not_given_twice() -> None:
    port = _free_port()
    ports = state.choose_ports({"storage": port, "pubsub": port})
    assert ports["storage"] == port
    assert ports["pubsub"] != port


@pytest.mark.parametrize("content", ["", "{", "[]", '{"storage": "high"}', '{"storage": -1}'])
def test_a_damaged_ports_file_is_no_failure(folder: Path, content: str) -> None:
    (folder / "ports.json").write_text(content)
    port = _free_port()
    assert state.choose_ports({"storage": port}) == {"storage": port}
    assert json.loads((folder / "ports.json").read_text()) == {"storage": port}


def test_a_shell_reads_the_addresses_as_they_were_written(folder: Path) -> None:
    variables = {"RAW_BUCKET": "panoptes-raw", "FOLDER": "/with space/it's $HOME `id`"}
    state.write_env(variables)
    shell = 'set -a; . "$0"; env -0'
    output = subprocess.run(
        ["/bin/sh", "-c", shell, str(folder / "env")], check=True, capture_output=True, text=True
    ).stdout
    seen = dict(entry.split("=", 1) for entry in output.split("\0") if entry)
    assert {name: seen[name] for name in variables} == variables
    assert state.read_env() == variables


def test_only_the_owner_reads_the_addresses(folder: Path) -> None:
    (folder / "env").write_text("OF_AN_EARLIER_VERSION=1")
    (folder / "env").chmod(0o644)
    state.write_env({"DATABASE_URL": "postgresql+pg8000://panoptes@127.0.0.1/metadata"})
    assert (folder / "env").stat().st_mode & 0o777 == 0o600


def test_the_lock_is_had_once_and_ends_with_its_holder() -> None:
    assert not state.is_locked()
    with state.lock():
        assert state.is_locked()
        with pytest.raises(state.NetworkError, match="running already"), state.lock():
            pass
    assert not state.is_locked()


def test_the_lock_of_a_killed_process_is_free() -> None:
    code = "import os, signal\nfrom local import state\nwith state.lock(): os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code], cwd=state.ROOT, env=os.environ, check=False)
    assert not state.is_locked()
