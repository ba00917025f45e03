"""Log lines of all components in one readable form: time, component, severity, message."""

import json
import re
import subprocess
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click

NOT_SHOWN = frozenset(
    {
        *("severity", "message", "name", "time", "service", "exc_info", "stack_info", "taskName"),
        *("logging.googleapis.com/trace", "logging.googleapis.com/spanId"),
        "logging.googleapis.com/trace_sampled",
    }
)
"""Fields that have a place of their own, or that only programs need."""
COLORS = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}
_HEAD_OF_FILE = re.compile(r"==> (?P<path>.+) <==")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
NO_TIME = datetime.min.replace(tzinfo=UTC)


class Line(NamedTuple):
    """A log line; a line of another program has neither time nor severity."""

    component: str
    text: str
    time: datetime | None = None
    severity: str = ""


def parse(component: str, raw: str) -> Line:
    """Read a line: a JSON object of a service, or text of another program."""
    try:
        fields = json.loads(raw)
        moment = datetime.fromisoformat(fields["time"])
        message = str(fields["message"])
    except (ValueError, LookupError, TypeError):
        return Line(component, raw)
    others = [f"{name}={value}" for name, value in fields.items() if name not in NOT_SHOWN]
    text = "  ".join([message, *others])
    if traceback := fields.get("exc_info"):
        text = f"{text}\n{traceback}"
    at = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return Line(component, text, at, str(fields.get("severity", "")))


def last_lines(files: list[Path], count: int) -> list[Line]:
    """Return the last lines of all files in order of time.

    A line without a time stays after the line before it in its file.
    """
    timed: list[tuple[datetime, Line]] = []
    for file in files:
        at = NO_TIME
        with file.open(encoding="utf-8", errors="replace") as lines:
            for raw in deque(lines, maxlen=count):
                line = parse(file.stem, raw.rstrip("\n"))
                at = line.time or at
                timed.append((at, line))
    return [line for _, line in sorted(timed, key=lambda pair: pair[0])]


def follow(files: list[Path], count: int) -> Iterator[Line]:
    """Yield the last lines of all files, then each new line, until interrupted."""
    command = ["tail", "--verbose", f"--lines={count}", "--follow=name", *map(str, files)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, encoding="utf-8", errors="replace"
    ) as tail:
        component = files[0].stem
        try:
            for raw in tail.stdout or ():
                if head := _HEAD_OF_FILE.fullmatch(raw.rstrip("\n")):
                    component = Path(head["path"]).stem
                elif raw.strip():
                    yield parse(component, raw.rstrip("\n"))
        finally:
            tail.terminate()


def show(line: Line, width: int) -> None:
    """Print a line; the component's name takes `width` characters."""
    clock = f"{line.time.astimezone(UTC):%H:%M:%S}" if line.time else " " * 8
    severity = click.style(f"{line.severity:<8}", fg=COLORS.get(line.severity))
    # Uploaded text may contain terminal control sequences.
    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", line.text)
    click.echo(f"{clock}  {line.component:<{width}}  {severity} {text}")
