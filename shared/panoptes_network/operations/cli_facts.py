"""The commands `panoptes-operate unit` and `observation`: facts set and pinned by an operator."""

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
    click.option("--pin/--unpin", default=None, help="Images change it no more; or again."),
    click.option("--reason", metavar="WORDS", help="Why; it is kept beside the change."),
    click.option("--by", "changed_by", default=getpass.getuser, help="Who; else the login name."),
)

Ask = Callable[[Any, dict[str, Any], Callable[[Any], dict[str, Any]]], dict[str, Any]]


def add_commands(group: click.Group, ask: Ask) -> None:
    """Add both commands to a group; `ask` reads a request and explains what is wrong with it."""

    @group.command("unit")
    @click.argument("unit_id", metavar="UNIT")
    @click.option("--name", help="What its owners call it.")
    @click.option("--latitude", "latitude_deg", type=float, help="Degrees, north positive.")
    @click.option("--longitude", "longitude_deg", type=float, help="Degrees, east positive.")
    @click.option("--elevation", "elevation_m", type=float, help="Metres.")
    @_how
    def unit(**chosen: Any) -> None:
        """Set or pin the place and the name of a unit."""
        _show(ask(UnitFactsRequest, chosen, change_unit))

    @group.command("observation")
    @click.argument("sequence_id", metavar="SEQUENCE_ID")
    @click.option("--field", help="Name of the target.")
    @click.option("--exptime", "exptime_s", type=float, help="Exposure time, seconds.")
    @_how
    def observation(**chosen: Any) -> None:
        """Set or pin the field and the exposure time of an observation."""
        _show(ask(ObservationFactsRequest, chosen, change_observation))


def _how(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_HOW):
        command = option(command)
    return command


def _show(facts: dict[str, Any]) -> None:
    for name, fact in facts.items():
        value = "unknown" if fact["value"] is None else fact["value"]
        click.echo(f"{name}  {value}{'  pinned' if fact['is_pinned'] else ''}")
