"""The commands `panoptes-operate unit` and `observation`, which set and pin facts."""

import getpass
from collections.abc import Callable
from typing import Any

import click

from panoptes_network.operations.facts import (
    ObservationFactsRequest,
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

Ask = Callable[[Any, dict[str, Any], Callable[[Any], dict[str, Any]]], dict[str, Any]]


def add_commands(group: click.Group, ask: Ask) -> None:
    """Add both commands to a group; `ask` parses a request and reports errors in it."""

    @group.command("unit")
    @click.argument("unit_id", metavar="UNIT")
    @click.option("--name", help="Display name.")
    @click.option("--latitude", "latitude_deg", type=float, help="Degrees, north positive.")
    @click.option("--longitude", "longitude_deg", type=float, help="Degrees, east positive.")
    @click.option("--elevation", "elevation_m", type=float, help="Metres.")
    @_how
    def unit(**chosen: Any) -> None:
        """Set or pin a unit's location and name."""
        _show(ask(UnitFactsRequest, chosen, change_unit))

    @group.command("observation")
    @click.argument("sequence_id", metavar="SEQUENCE_ID")
    @click.option("--field", help="Target name.")
    @click.option("--exptime", "exptime_s", type=float, help="Exposure time, seconds.")
    @_how
    def observation(**chosen: Any) -> None:
        """Set or pin an observation's field and exposure time."""
        _show(ask(ObservationFactsRequest, chosen, change_observation))


def _how(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_HOW):
        command = option(command)
    return command


def _show(facts: dict[str, Any]) -> None:
    for name, fact in facts.items():
        value = "unknown" if fact["value"] is None else fact["value"]
        click.echo(f"{name}  {value}{'  pinned' if fact['is_pinned'] else ''}")
