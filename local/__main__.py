"""``python -m local``: the commands behind the Makefile."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import wraps
from importlib import import_module
from types import ModuleType
from typing import ParamSpec

import click
from rich.console import Console
from rich.table import Table

from local import log_lines, network, state
from local.postgres import Cluster
from panoptes_network.commands import ProgramGroup
from panoptes_network.errors import TransientError

P = ParamSpec("P")
# Files and pipes have no width: keep table rows on one line there.
_console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def _plain_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Show errors that the user can fix as a message, without a traceback."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (state.NetworkError, TransientError) as error:
            raise click.ClickException(str(error)) from error
        except PermissionError as error:
            raise click.ClickException(
                f"{error.filename} belongs to another user: use each checkout as one user"
            ) from error

    return wrapped


@click.group(cls=ProgramGroup, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run the whole PANOPTES network on this machine."""


@main.command()
@_plain_errors
def up() -> None:
    """Start the network in the background."""
    if network.is_running():
        click.echo("the network is already running: see `make status`")
        return
    network.start(_console, attached=False)
    os.environ.update(state.read_env())
    _load("local.first_catalog").load(_console)
    _tell_address()


def _unit(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    return _checked(value and value.upper(), r"PAN[0-9]{3}", "PAN and 3 digits, like PAN001")


def _camera(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    return _checked(value and value.lower(), r"[0-9a-f]{6}", "6 hex digits, like 14d3bd")


def _checked(value: str | None, pattern: str, wanted: str) -> str | None:
    if value and not re.fullmatch(pattern, value):
        raise click.BadParameter(f"{value!r} is not {wanted}")
    return value or None


@main.command("run")
@click.option(
    "--images",
    metavar="PATTERN",
    envvar="IMAGES",
    help="Your own files, such as 'night/**/*.fits.fz'.",
)
@click.option(
    "--unit",
    envvar="UNIT",
    callback=_unit,
    help="Unit of files that do not name it, such as PAN001.",
)
@click.option(
    "--camera",
    envvar="CAMERA",
    callback=_camera,
    help="Camera of files that do not name it, such as 14d3bd.",
)
@click.option(
    "--exit", "leave", is_flag=True, envvar="RUN_EXIT", help="Exit after printing the results."
)
@_plain_errors
def run_main_job(images: str | None, unit: str | None, camera: str | None, *, leave: bool) -> None:
    """Start the network, process images, and run until Ctrl-C.

    If the network is already running, use it and leave it running. Exit status 1 if an image
    failed or a file was skipped; exits at once if no file can be used.
    """
    job = _load("local.run")
    chosen = None
    if images:
        chosen = job.choose_files(images, _load("local.own_files").Given(unit, camera), _console)
    # Other signals stop it as cleanly as Ctrl-C.
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    try:
        with _running_network():
            _load("local.first_catalog").load(_console)
            succeeded = (
                job.process_files(chosen, _console) if chosen else job.process_simulation(_console)
            )
            _tell_address()
            if not leave:
                click.echo("press Ctrl-C to stop")
                with suppress(KeyboardInterrupt):
                    signal.pause()
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0 if succeeded else 1)


@contextmanager
def _running_network() -> Iterator[None]:
    """Run a network during the block; one that was already running is left running."""
    if network.is_running():
        click.echo("the network is already running and will be left running")
        os.environ.update(state.read_env())
        yield
        return
    supervisor = network.start(_console, attached=True)
    try:
        os.environ.update(state.read_env())
        yield
    finally:
        network.stop(_console)
        supervisor.wait()


def _load(module: str) -> ModuleType:
    """Import a module that only one command needs, as importing it takes seconds."""
    return import_module(module)


def _tell_address() -> None:
    click.echo(f"the explorer is at {os.environ['OBSERVATIONS_EXPLORER_URL']}")


@main.command()
@_plain_errors
def down() -> None:
    """Stop the network and keep its data."""
    if not state.is_locked():
        click.echo("the network is not running")
        return
    network.stop(_console)
    click.echo("the network has stopped")


@main.command()
@_plain_errors
def status() -> None:
    """Show the running components; exit status 3 if the network is not running."""
    if not state.is_locked():
        click.echo("the network is not running")
        sys.exit(3)
    table = Table("name", "state", "pid", "port", "uptime", "restarts", "last exit", box=None)
    for part in state.read_state().get("components", []):
        table.add_row(*_status_row(part))
    _console.print(table)


def _status_row(part: state.Report) -> list[str]:
    started = part["started_at"]
    uptime = timedelta(seconds=int(time.time() - started)) if started else ""
    values = [part["pid"], part["port"], uptime, part["restarts"], part["last_exit"]]
    return [part["name"], part["phase"], *("" if v is None else str(v) for v in values)]


@main.command()
@click.option("-f", "--follow", is_flag=True, help="Follow the logs.")
@click.option("-n", "--lines", default=20, help="Number of lines per log.", show_default=True)
@click.option("--raw", is_flag=True, help="Show the lines as they are, JSON, file by file.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@_plain_errors
def logs(names: tuple[str, ...], *, follow: bool, lines: int, raw: bool) -> None:
    """Show the last lines of all logs, or of the named components, in order of time."""
    known = sorted(file.stem for file in (state.state_dir() / "log").glob("*.log"))
    unknown = sorted(set(names) - set(known))
    if unknown or not known:
        what = ", ".join(unknown) or "none: the network was never started"
        raise state.NetworkError(f"no log of {what}; known logs: {', '.join(known)}")
    files = [state.log_file(name) for name in names or known]
    with suppress(KeyboardInterrupt):
        if raw:
            options = [f"--lines={lines}", *(["--follow=name"] if follow else [])]
            subprocess.run(["tail", *options, *map(str, files)], check=False)
            return
        shown = log_lines.follow(files, lines) if follow else log_lines.last_lines(files, lines)
        for line in shown:
            log_lines.show(line, max(map(len, names or known)))


@main.command()
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@_plain_errors
def clean(*, yes: bool) -> None:
    """Remove all local state after confirmation."""
    folder = state.state_dir()
    if not folder.exists():
        click.echo("nothing to remove")
        return
    question = f"Remove {folder} with its database, buckets and queues?"
    if not yes:
        click.confirm(question, abort=True)
    network.stop(_console)
    Cluster(state.postgres_dir(), port=0).remove()
    shutil.rmtree(folder)
    click.echo(f"removed {folder}")


@main.command(hidden=True)
@_plain_errors
def supervise() -> None:
    """Run the network in the foreground, without output."""
    network.supervise()


if __name__ == "__main__":
    main(prog_name="python -m local")
