"""Running programs: what is said when one is missing, and what ends when one takes too long."""

import os
import subprocess
from pathlib import Path

import pytest

from panoptes_network.errors import TransientError
from plate_solver import programs


@pytest.fixture
def no_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def test_output_and_exit_code_are_the_caller_s(tmp_path: Path) -> None:
    done = programs.run("sh", "-c", "pwd; echo no >&2; exit 3", folder=tmp_path, timeout_s=30)
    assert (done.returncode, done.stdout, done.stderr) == (3, f"{tmp_path}\n", "no\n")


def test_output_that_is_no_text_does_no_harm(tmp_path: Path) -> None:
    done = programs.run("printf", r"a\377b", folder=tmp_path, timeout_s=30)
    assert done.stdout == "a\N{REPLACEMENT CHARACTER}b"


def test_arguments_pass_no_shell(tmp_path: Path) -> None:
    words = "$(touch here) ; 'quoted' *"
    assert programs.run("echo", words, folder=tmp_path, timeout_s=30).stdout == f"{words}\n"
    assert not (tmp_path / "here").exists()


def test_a_program_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    script = "echo $$ > pid; exec sleep 600"
    with pytest.raises(subprocess.TimeoutExpired):
        programs.run("sh", "-c", script, folder=tmp_path, timeout_s=1)
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.usefixtures("no_programs")
def test_a_missing_program_is_named_with_its_package(tmp_path: Path) -> None:
    with pytest.raises(TransientError, match=r"solve-field.*apt-get install astrometry\.net"):
        programs.run("solve-field", folder=tmp_path, timeout_s=30)


@pytest.mark.usefixtures("no_programs")
def test_all_missing_programs_are_told_at_once() -> None:
    missing = programs.missing()
    assert missing == ["source-extractor", "solve-field", "fpack"]
    message = programs.missing_message(missing)
    assert message.endswith("apt-get install source-extractor astrometry.net libcfitsio-bin")


def test_nothing_is_missing_here() -> None:
    assert programs.missing() == []


def test_versions_are_those_that_the_packages_have() -> None:
    """Debian's package database is the judge."""
    versions = programs.versions()
    assert list(versions) == ["source-extractor", "astrometry.net"]
    for package, version in versions.items():
        query = ["dpkg-query", "--show", "--showformat=${Version}", package]
        installed = subprocess.run(query, capture_output=True, text=True, check=True).stdout
        # As in 2.25.0+ds-3: the program's own version, then the packaging's.
        assert installed.split("+")[0].split("-")[0] == version
