"""Running programs: what is said when one is missing, and what ends when one takes too long."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from panoptes_network.errors import Reason, TransientError, UnsolvedError
from plate_solver import external_programs


@pytest.fixture
def no_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def test_output_and_exit_code_are_the_caller_s(tmp_path: Path) -> None:
    done = external_programs.run(
        "sh", "-c", "pwd; echo no >&2; exit 3", folder=tmp_path, cpu_limit_s=30
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, f"{tmp_path}\n", "no\n")


def test_output_that_is_no_text_does_no_harm(tmp_path: Path) -> None:
    done = external_programs.run("printf", r"a\377b", folder=tmp_path, cpu_limit_s=30)
    assert done.stdout == "a\N{REPLACEMENT CHARACTER}b"


def test_arguments_pass_no_shell(tmp_path: Path) -> None:
    words = "$(touch here) ; 'quoted' *"
    assert (
        external_programs.run("echo", words, folder=tmp_path, cpu_limit_s=30).stdout == f"{words}\n"
    )
    assert not (tmp_path / "here").exists()


def test_a_program_that_hangs_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(external_programs, "STALL_S", 1.5)
    script = "sleep 600 & echo $! > child; echo $$ > parent; wait"
    with pytest.raises(TransientError, match=r"sh hangs: no activity for 1\.5 s"):
        external_programs.run("sh", "-c", script, folder=tmp_path, cpu_limit_s=1)
    assert_killed(tmp_path)


def test_a_program_over_its_processor_time_is_killed_with_its_children(tmp_path: Path) -> None:
    """The time of all together counts, also of what has ended."""
    busy = "i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done"
    script = f"(while :; do ({busy}); done) & echo $! > child; echo $$ > parent; wait"
    with pytest.raises(UnsolvedError, match="sh used up its 2 s of processor time") as caught:
        external_programs.run("sh", "-c", script, folder=tmp_path, cpu_limit_s=2)
    assert caught.value.reason is Reason.NOT_SOLVED
    assert_killed(tmp_path)


def test_a_program_may_take_long_when_it_gets_little_processor_time(tmp_path: Path) -> None:
    """As on a busy machine: here it sleeps between its bits of work."""
    script = "for i in 1 2 3 4 5; do sleep 0.5; done; echo done"
    assert (
        external_programs.run("sh", "-c", script, folder=tmp_path, cpu_limit_s=1).stdout == "done\n"
    )


def assert_killed(tmp_path: Path) -> None:
    pids = [int((tmp_path / name).read_text()) for name in ("parent", "child")]
    wait_until(lambda: not any(map(_lives, pids)))


def _lives(pid: int) -> bool:
    """Return whether a process runs; one that nobody has waited for yet does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_a_program_dies_with_the_worker(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from plate_solver.external_programs import run;"
        "run('sh', '-c', 'echo $$ > pid; exec sleep 600', folder=Path(), cpu_limit_s=60)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    pid_file = tmp_path / "pid"
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env=environment) as worker:
        wait_until(lambda: pid_file.exists() and pid_file.read_text().strip())
        worker.kill()
    wait_until(lambda: not _lives(int(pid_file.read_text())))


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("x = bytearray(10**9)", "MemoryError"),
        ("open('large', 'wb').write(bytes(400_000_000))", "File too large"),
        ("while True: pass", "SIGXCPU"),
    ],
)
def test_a_program_has_limits(tmp_path: Path, script: str, words: str) -> None:
    limits = f'ulimit -S -t 1; exec {sys.executable} -c "{script}"'
    done = external_programs.run("sh", "-c", limits, folder=tmp_path, cpu_limit_s=60)
    assert words in external_programs.failure(done)
    assert done.returncode


def test_what_outlives_a_killed_worker_has_a_limit_too(tmp_path: Path) -> None:
    done = external_programs.run(
        "sh", "-c", "ulimit -t; ulimit -c", folder=tmp_path, cpu_limit_s=6.5
    )
    assert done.stdout.split() == ["9", "0"]


@pytest.mark.usefixtures("no_programs")
def test_a_missing_program_is_named_with_its_package(tmp_path: Path) -> None:
    with pytest.raises(TransientError, match=r"solve-field.*apt-get install astrometry\.net"):
        external_programs.run("solve-field", folder=tmp_path, cpu_limit_s=30)


@pytest.mark.usefixtures("no_programs")
def test_all_missing_programs_are_told_at_once() -> None:
    missing = external_programs.missing()
    assert missing == ["source-extractor", "solve-field", "fpack", "prlimit", "setpriv"]
    message = external_programs.missing_message(missing)
    assert message.endswith(
        "apt-get install source-extractor astrometry.net libcfitsio-bin util-linux"
    )


def test_nothing_is_missing_here() -> None:
    assert external_programs.missing() == []


def test_versions_are_those_that_the_packages_have() -> None:
    """Debian's package database is the judge."""
    versions = external_programs.versions()
    assert list(versions) == ["source-extractor", "astrometry.net"]
    for package, version in versions.items():
        query = ["dpkg-query", "--show", "--showformat=${Version}", package]
        installed = subprocess.run(query, capture_output=True, text=True, check=True).stdout
        # As in 2.25.0+ds-3: the program's own version, then the packaging's.
        assert installed.split("+")[0].split("-")[0] == version
