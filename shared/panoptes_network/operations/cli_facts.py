"""The commands `panoptes-operate unit` and `observation`, which set and pin facts."""

import getpass
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

import click
from pydantic import BaseModel

from panoptes_network.commands import DatabaseCommand
from panoptes_network.operations.cli_units import add_unit
from panoptes_network.operations.facts import (
    ObservationFactsRequest,
    ShownFact,
    UnitFactsRequest,
    change_observation,
    change_unit,
)

_HOW = (
    click.option(
        "--pin/--unpin",
        default=None,
        help="Keep new images from changing the value, or allow it again.",
    ),
    click.option("--reason", metavar="WORDS", help="Reason for the change, stored with it."),
    click.option(
        "--by",
        "changed_by",
        default=getpass.getuser,
        help="Author of the change.  [default: login name]",
    ),
)

M = TypeVar("M", bound=BaseModel)


class Ask(Protocol):
    """A function that parses a request of a type, and returns what `change` makes of it."""

    def __call__(
        self,
        model: type[M],
        chosen: Mapping[str, object],
        change: Callable[[M], dict[str, ShownFact]],
    ) -> dict[str, ShownFact]:
        """Return the facts after the change."""


class _UnitGroup(click.Group):
    """The command `unit`; `unit PAN001 …` is short for `unit set PAN001 …`."""

    command_class = DatabaseCommand

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name."""
        if args and self.get_command(ctx, args[0]) is None:
            args = ["set", *args]
        return super().resolve_command(ctx, args)


def add_commands(group: click.Group, ask: Ask) -> None:
    """Add both commands to a group; `ask` parses a request and reports errors in it."""

    @group.group("unit", cls=_UnitGroup)
    def unit() -> None:
        """Add a unit, or set and pin its location and name."""

    unit.add_command(add_unit)

    @unit.command("set")
    @click.argument("unit_id", metavar="UNIT")
    @click.option("--name", help="Display name.")
    @click.option("--latitude", "latitude_deg", type=float, help="Degrees, north positive.")
    @click.option("--longitude", "longitude_deg", type=float, help="Degrees, east positive.")
    @click.option("--elevation", "elevation_m", type=float, help="Metres.")
    @_how
    def set_unit(**chosen: object) -> None:
        """Set or pin a unit's location and name."""
        _show(ask(UnitFactsRequest, chosen, change_unit))

    @group.command("observation")
    @click.argument("sequence_id", metavar="SEQUENCE_ID")
    @click.option("--field", help="Target name.")
    @click.option("--exptime", "exptime_s", type=float, help="Exposure time, seconds.")
    @_how
    def observation(**chosen: object) -> None:
        """Set or pin an observation's field and exposure time."""
        _show(ask(ObservationFactsRequest, chosen, change_observation))


def _how(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_HOW):
        command = option(command)
    return command


def _show(facts: dict[str, ShownFact]) -> None:
    for name, fact in facts.items():
        value = "unknown" if fact["value"] is None else fact["value"]
        click.echo(f"{name}  {value}{'  pinned' if fact['is_pinned'] else ''}")
