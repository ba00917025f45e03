"""Behaviour of all console commands: exit statuses, errors in plain words, closed pipes.

Exit statuses are listed in docs/commands.md.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import click
from google.auth.exceptions import GoogleAuthError
from pydantic import ValidationError
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError

from panoptes_network import invalid_values
from panoptes_network.closed_pipe import outlive_reader
from panoptes_network.errors import PermanentError, TransientError

LOCAL_SETTINGS = "set -a; . .local/env; set +a"
"""Shell command that sets the environment for the network on one machine."""
_LOOK = "For the network on this machine, see: make status"
NO_SUCH_TABLE = "42P01"
REFUSED_LOGINS = frozenset({"28000", "28P01", "3D000"})
"""invalid_authorization_specification, invalid_password, invalid_catalog_name."""


class ExitStatus(IntEnum):
    """Exit statuses of commands."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    NOTHING_DONE = 3


class BadInput(click.ClickException):
    """The arguments or the environment are wrong: the same command would fail again."""

    exit_code = ExitStatus.BAD_INPUT


class NothingDone(click.ClickException):
    """There is nothing to act on."""

    exit_code = ExitStatus.NOTHING_DONE


class Program(click.Command):
    """A console command that explains errors and survives a closed pipe."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command; see `click.Command.main`."""
        outlive_reader()
        # Errors are told once, by the command.
        logging.getLogger("panoptes_network").addHandler(logging.NullHandler())
        return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> object:
        """Run the callback, and explain its errors."""
        with errors_explained():
            return super().invoke(ctx)


class ProgramGroup(Program, click.Group):
    """A console command with subcommands; see `Program`."""


class DatabaseCommand(click.Command):
    """A subcommand that needs the database; its help does not."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the callback if DATABASE_URL is set."""
        require_environment("DATABASE_URL")
        return super().invoke(ctx)


class DatabaseProgramGroup(ProgramGroup):
    """A console command whose subcommands all need the database."""

    command_class = DatabaseCommand


def require_environment(*names: str) -> None:
    """Raise BadInput if an environment variable is missing."""
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise BadInput(
            f"{' and '.join(missing)} {verb} not set. For the network on this machine, run:"
            f" {LOCAL_SETTINGS}"
        )


@contextmanager
def errors_explained() -> Iterator[None]:
    """Turn errors that the user can fix into one line and an exit status.

    Raises
    ------
    BadInput
        For errors that would come again.
    click.ClickException
        If a service is unavailable; the same command may work later.
    """
    try:
        yield
    except PermanentError as error:
        raise BadInput(error.message) from error
    except TransientError as error:
        raise click.ClickException(f"{str(error).rstrip('.')}. {_LOOK}") from error
    except ValidationError as error:
        raise BadInput(f"wrong settings in the environment: {_settings(error)}") from error
    except ArgumentError as error:
        raise BadInput("DATABASE_URL is not a database URL") from error
    except DBAPIError as error:
        if explained := _database_error(error):
            raise explained from error
        raise
    except GoogleAuthError as error:
        raise click.ClickException(
            f"no access to Google Cloud ({_first_line(error)}). For the network on this machine,"
            f" run: {LOCAL_SETTINGS}. For the cloud: gcloud auth application-default login"
        ) from error


def _settings(error: ValidationError) -> str:
    problems = (
        (".".join(map(str, one["loc"])).upper(), invalid_values.words(one))
        for one in error.errors()
    )
    return "; ".join(f"{name}: {words}".removeprefix(": ") for name, words in problems)


def _database_error(error: DBAPIError) -> click.ClickException | None:
    """Return an error in plain words for a database that is not ready or not there."""
    response = error.orig.args[0] if error.orig and error.orig.args else None
    fields = response if isinstance(response, dict) else {}
    if fields.get("C") == NO_SUCH_TABLE:
        return BadInput("the database has no tables yet. Run: panoptes-migrate")
    if fields.get("C") in REFUSED_LOGINS:
        return BadInput(f"the database refuses DATABASE_URL: {fields.get('M')}")
    if isinstance(error, InterfaceError) and not fields:
        words = str(error.orig).partition(" (")[0]
        return click.ClickException(f"the database does not respond: {words}. {_LOOK}")
    return None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].partition(". ")[0].rstrip(".")
