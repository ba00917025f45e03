"""Every console command and script: help without side effects, closed pipes, exit statuses."""

import os
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

ROOT = Path(__file__).parents[2]
PROGRAMS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
SCRIPTS = sorted(
    path for path in (ROOT / "bin").iterdir() if path.is_file() and os.access(path, os.X_OK)
)
MODULES = ("local", "simulator", "deployment.deploy", "deployment.stage", "deployment.sbom")
COMMANDS = [
    *([str(Path(sys.executable).with_name(name))] for name in PROGRAMS),
    *([sys.executable, str(path)] for path in SCRIPTS if path.suffix == ".py"),
    *([str(path)] for path in SCRIPTS if path.suffix != ".py"),
    *([sys.executable, "-m", module] for module in MODULES),
    [str(ROOT / "local/setup")],
    [str(ROOT / ".ci/run")],
]
IN_DATABASE = [
    ["panoptes-migrate"],
    ["panoptes-operate", "list"],
    ["panoptes-operate", "replay", "--unit", "PAN001"],
    ["panoptes-operate", "sweep"],
    ["panoptes-operate", "unit", "PAN001", "--pin"],
    ["load-catalog", "status"],
    ["load-catalog", "gaia"],
]


def label(command: list[str]) -> str:
    return " ".join(Path(word).name for word in command if word != sys.executable)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A port at which every server would be looked for."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.setblocking(False)
        yield server


@pytest.fixture
def environment(listener: socket.socket, tmp_path: Path) -> dict[str, str]:
    """An environment whose addresses all lead to the listener."""
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PANOPTES_LOCAL_DIR": str(tmp_path / "state"),
        "DATABASE_URL": f"postgresql+pg8000://nobody@{address}/nothing",
        "STORAGE_EMULATOR_HOST": f"http://{address}",
        "PUBSUB_EMULATOR_HOST": address,
        "GCE_METADATA_HOST": address,
        "OBSERVATIONS_DATA_URL": f"http://{address}",
        "PANOPTES_NETWORK_URL": f"http://{address}",
        "IMAGE_RECEIVED_URL": f"http://{address}",
        "https_proxy": f"http://{address}",
        "http_proxy": f"http://{address}",
    }


def status_of_checkout() -> str:
    command = ["git", "status", "--porcelain"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("command", COMMANDS, ids=label)
def test_help_touches_nothing(
    command: list[str], environment: dict[str, str], listener: socket.socket, tmp_path: Path
) -> None:
    before = status_of_checkout()
    done = subprocess.run(
        [*command, "--help"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout) > 40
    assert "\\b" not in done.stdout
    with pytest.raises(BlockingIOError):
        listener.accept()
    assert not (tmp_path / "state").exists()
    assert status_of_checkout() == before


@pytest.mark.parametrize("command", COMMANDS, ids=label)
def test_a_reader_may_leave(command: list[str], environment: dict[str, str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*command, "--help"],
            cwd=ROOT,
            env=environment,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("module", ["panoptes_network.closed_pipe", "panoptes_client.output"])
def test_the_work_goes_on_after_the_reader_has_left(module: str, tmp_path: Path) -> None:
    program = (
        f"import sys; from pathlib import Path; from {module} import outlive_reader\n"
        "outlive_reader()\n"
        "for number in range(100_000): print('line', number)\n"
        "sys.stdout.buffer.write(b'bytes')\n"
        f"Path({str(tmp_path / 'done')!r}).touch()"
    )
    pipeline = 'set -o pipefail; "$0" -c "$1" | head -1'
    done = subprocess.run(
        ["bash", "-c", pipeline, sys.executable, program],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "line 0\n", "")
    assert (tmp_path / "done").exists()


def subcommands(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from subcommands(below, (*path, name))


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_subcommand_has_help(name: str) -> None:
    module, _, attribute = PROGRAMS[name].partition(":")
    program: click.Command = getattr(import_module(module), attribute)
    for _, *words in subcommands(program, (name,)):
        done = CliRunner().invoke(program, [*words, "--help"])
        assert done.exit_code == 0, (words, done.output)
        assert "Usage:" in done.output
        assert "\\b" not in done.output


@pytest.mark.parametrize("command", IN_DATABASE, ids=label)
def test_a_missing_environment_is_one_line(command: list[str]) -> None:
    program = Path(sys.executable).with_name(command[0])
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        [program, *command[1:]], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "Error: DATABASE_URL is not set. For the network on this machine, run:"
        " set -a; . .local/env; set +a"
    ]


@pytest.mark.parametrize(
    ("environment", "status", "words"),
    [
        ({"DATABASE_URL": "nonsense"}, 2, "DATABASE_URL is not a database URL"),
        ({"DATABASE_URL": "postgresql+pg8000://a@127.0.0.1:1/x"}, 1, "make status"),
        ({"DATABASE_URL": "x", "READ_TIMEOUT_S": "soon"}, 2, "READ_TIMEOUT_S: must be a number"),
    ],
)
@pytest.mark.parametrize("command", [["panoptes-migrate"], ["load-catalog", "status"]], ids=label)
def test_wrong_settings_are_one_line(
    command: list[str], environment: dict[str, str], status: int, words: str
) -> None:
    program = Path(sys.executable).with_name(command[0])
    environment = {"PATH": os.environ["PATH"], **environment}
    done = subprocess.run(
        [program, *command[1:]], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (status, 1), done.stderr
    assert words in done.stderr
