"""The audit of packages: one that looked nothing up has not passed."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

import audit

ROOT = Path(__file__).parents[2]
GOOD: dict[str, Any] = {"name": "flask", "version": "3.1", "vulns": []}
BAD: dict[str, Any] = {"name": "old", "version": "1", "vulns": [{"id": "CVE-1"}, {"id": "CVE-2"}]}
UNKNOWN: dict[str, Any] = {"name": "astropy", "skip_reason": "not found on PyPI"}


@pytest.mark.parametrize(
    ("packages", "last", "status"),
    [
        ([GOOD], "audit: 1 of 1 packages checked, 0 vulnerable", 0),
        ([GOOD, BAD], "audit: old 1: CVE-1, CVE-2", 1),
        ([UNKNOWN], "AUDIT NOT DONE: 0 of 1 packages checked", 3),
        ([], "AUDIT NOT DONE: 0 of 0 packages checked", 3),
        ([GOOD, UNKNOWN], "AUDIT INCOMPLETE: 1 packages not checked: astropy", 3),
        ([BAD, UNKNOWN], "AUDIT INCOMPLETE: 1 packages not checked: astropy", 1),
    ],
)
def test_what_was_not_looked_up_has_not_passed(
    packages: list[audit.Package], last: str, status: int
) -> None:
    lines, ended = audit.judge(packages)
    assert (lines[-1], ended) == (last, status)


@pytest.mark.parametrize("output", ["", "no JSON", "{}", "[]"])
def test_a_report_that_cannot_be_read_has_not_passed(
    output: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = subprocess.CompletedProcess([], 1, output, "first\nno network")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    assert audit.main() == audit.NOT_DONE
    assert capsys.readouterr().out == "AUDIT NOT DONE: no packages were checked: no network\n"


@pytest.mark.parametrize(("status", "lint", "alone"), [(0, 0, 0), (1, 2, 2), (3, 0, 2)])
def test_lint_goes_on_without_the_service_and_make_audit_does_not(
    status: int, lint: int, alone: int, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\ncase $1 in *audit.py) exit {status};; esac\n")
    python.chmod(0o755)
    for target, wanted in (("lint-audit", lint), ("audit", alone)):
        command = ["make", "-s", f"PYTHON={python}", "-o", "setup", target]
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
        assert done.returncode == wanted, (target, done.stderr)
