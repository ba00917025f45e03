"""The commands `panoptes-operate notify`: who is told about a unit."""

from collections.abc import Sequence
from typing import Protocol

import click

from panoptes_network.commands import DatabaseCommand
from panoptes_network.events import parse
from panoptes_network.notices import mail
from panoptes_network.notices.subscriptions import (
    Listed,
    Subscribed,
    SubscriptionRequest,
    add,
    remove,
    subscriptions,
)

Cells = tuple[str | int | None, ...]


class _DatabaseGroup(click.Group):
    command_class = DatabaseCommand


class Table(Protocol):
    """A function that prints rows below their heads."""

    def __call__(self, heads: tuple[str, ...], rows: Sequence[Cells]) -> None:
        """Print them."""


_UNIT = click.option("--unit", "unit_id", required=True, help="Unit, such as PAN001.")
_MAIL = click.option("--mail", metavar="ADDRESS", help="Mail address.")
_WEBHOOK = click.option("--webhook", metavar="URL", help="Webhook, https://…")


def add_commands(group: click.Group, table: Table) -> None:
    """Add the group `notify`; `table` prints rows."""

    @group.group("notify", cls=_DatabaseGroup)
    def notify() -> None:
        """Notify owners of finished nights and silent units, by mail or webhook."""

    @notify.command("add")
    @_UNIT
    @_MAIL
    @_WEBHOOK
    def add_one(unit_id: str, mail: str | None, webhook: str | None) -> None:
        """Add a mail address or a webhook that is told about a unit."""
        request = _fields(unit_id, mail, webhook)
        done = add(parse(SubscriptionRequest, request))
        click.echo(f"{done['address']} is told about {done['unit_id']}")
        _hint(done)

    @notify.command("remove")
    @_UNIT
    @_MAIL
    @_WEBHOOK
    def remove_one(unit_id: str, mail: str | None, webhook: str | None) -> None:
        """Remove a mail address or a webhook."""
        request = _fields(unit_id, mail, webhook)
        done = remove(parse(SubscriptionRequest, request))
        click.echo(f"{done['address']} is no longer told about {done['unit_id']}")

    @notify.command("list")
    @click.option("--unit", "unit_id", help="Unit, such as PAN001; without it, all.")
    def list_all(unit_id: str | None) -> None:
        """List who is told, with the states of the messages."""
        found = subscriptions(unit_id.upper() if unit_id else None)
        table(("unit", "how", "address", "since", "messages"), [_row(one) for one in found])
        if any(one["kind"] == "mail" for one in found):
            _warn_without_mail()


def _fields(unit_id: str, mail: str | None, webhook: str | None) -> dict[str, str]:
    if (mail is None) == (webhook is None):
        raise click.UsageError("give --mail or --webhook")
    kind, address = ("mail", mail) if mail is not None else ("webhook", webhook)
    return {"unit_id": unit_id, "kind": kind, "address": str(address)}


def _hint(done: Subscribed) -> None:
    if done["secret"]:
        click.echo(f"Secret that signs its requests: {done['secret']}")
    if done["kind"] == "mail":
        _warn_without_mail()


def _warn_without_mail() -> None:
    if not mail.is_configured():
        click.echo(
            "SMTP_URL and MAIL_FROM are not set here: mails are sent if cf-operations has them.",
            err=True,
        )


def _row(one: Listed) -> Cells:
    since = (
        f"ended {one['ended_at']:%Y-%m-%d}" if one["ended_at"] else f"{one['created_at']:%Y-%m-%d}"
    )
    states = ", ".join(f"{number} {state}" for state, number in sorted(one["messages"].items()))
    return one["unit_id"], one["kind"], one["address"], since, states or "none yet"
