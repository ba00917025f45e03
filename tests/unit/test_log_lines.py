"""`make logs`: JSON lines and other lines of all components in one readable form."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from local.__main__ import main
from local.log_lines import last_lines, parse


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PANOPTES_LOCAL_DIR", str(tmp_path))
    (tmp_path / "log").mkdir()
    return tmp_path / "log"


def line(second: int, message: str, severity: str = "INFO", **more: str) -> str:
    fields = {"severity": severity, "message": message, "name": "x", "service": "s"}
    time = f"2026-12-01T02:00:{second:02}.250000+00:00"
    return json.dumps({**fields, "time": time, "logging.googleapis.com/trace": "t", **more}) + "\n"


def test_lines_of_all_components_are_in_order_of_time(logs: Path) -> None:
    (logs / "cf-make-fits.log").write_text(line(1, "first") + line(5, "third", "WARNING"))
    (logs / "postgres.log").write_text("ready\n")
    (logs / "scheduler.log").write_text(
        line(3, "second", reason_code="bad_path") + "Traceback\n  of it\n"
    )
    shown = CliRunner().invoke(main, ["logs"])
    assert shown.exit_code == 0
    assert shown.output.splitlines() == [
        "          postgres               ready",
        "02:00:01  cf-make-fits  INFO     first",
        "02:00:03  scheduler     INFO     second  reason_code=bad_path",
        "          scheduler              Traceback",
        "          scheduler                of it",
        "02:00:05  cf-make-fits  WARNING  third",
    ]
    one = CliRunner().invoke(main, ["logs", "--lines", "1", "cf-make-fits"])
    assert one.output == "02:00:05  cf-make-fits  WARNING  third\n"


def test_a_traceback_is_shown_below_its_message() -> None:
    read = parse("x", line(1, "failed", "ERROR", exc_info="Traceback\nValueError"))
    assert (read.severity, read.text) == ("ERROR", "failed\nTraceback\nValueError")


@pytest.mark.parametrize("raw", ["", "{", "[]", "1", '{"time": 3, "message": ""}', '{"time": "x"}'])
def test_any_other_line_is_shown_as_it_is(raw: str) -> None:
    assert parse("x", raw) == ("x", raw, None, "")


def test_the_last_lines_of_a_damaged_log(logs: Path) -> None:
    file = logs / "x.log"
    file.write_bytes(b"\xff\n" + line(1, "\x1b[31m").encode() + b"unfinished")
    assert [one.text for one in last_lines([file], 5)] == ["\ufffd", "\x1b[31m", "unfinished"]
    assert "\x1b" not in CliRunner().invoke(main, ["logs"]).output


def test_an_unknown_component_is_told_with_those_there_are(logs: Path) -> None:
    (logs / "eventarc.log").write_text("")
    done = CliRunner().invoke(main, ["logs", "nonsense"])
    assert done.exit_code == 1
    assert "no log of nonsense; known logs: eventarc" in done.output
