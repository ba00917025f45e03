"""The command `panoptes-operate`: list failures, replay images and messages, edit tags."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import click
from pydantic import BaseModel

from panoptes_network.commands import BadInput, DatabaseProgramGroup, ExitStatus, NothingDone
from panoptes_network.errors import PermanentError
from panoptes_network.events import parse
from panoptes_network.operations import cli_notify, listing
from panoptes_network.operations.balance import Balance, words
from panoptes_network.operations.cli_facts import add_commands
from panoptes_network.operations.facts import ShownFact
from panoptes_network.operations.known_names import require_known
from panoptes_network.operations.listing import ListRequest, UploadList
from panoptes_network.operations.replay import ReplayRequest, replay
from panoptes_network.operations.report import Outcome
from panoptes_network.operations.sweep import sweep_all
from panoptes_network.operations.tagging import TagRequest, change_tags


class _List(ListRequest):
    """A request for a list; at a terminal, it needs no filter."""

    @property
    def _may_be_all(self) -> bool:
        return True


M = TypeVar("M", bound=BaseModel)
Command = Callable[..., None]
Option = Callable[[Command], Command]

MAX_UNASKED = 20
"""A larger replay asks for confirmation."""

_UNIT = click.option("--unit", "unit_id", help="Unit, such as PAN001.")
_NIGHT = click.option(
    "--night", help="Night from noon to noon UTC, by the date of its evening, such as 2018-10-11."
)
_REASON = click.option(
    "--reason", "reason_code", metavar="CODE", help="Reason code, such as no_catalog."
)
_FILTERS = (
    click.option("--image", "image_id", help="Image, such as PAN001_14d3bd_20181011T134333."),
    click.option(
        "--sequence", "sequence_id", help="Sequence, such as PAN001_14d3bd_20181011T134202."
    ),
    _UNIT,
    _NIGHT,
)
_OF_IMAGES = (
    _REASON,
    click.option("--state", metavar="STATE", help="Image state, such as sources_extracted."),
)
_LIMIT = click.option("--limit", type=click.IntRange(1, 10_000), help="Maximum number of results.")
_TAGS = click.argument("tags", nargs=-1, required=True, metavar="TAG...")
_SEQUENCE = click.argument("sequence_id", metavar="SEQUENCE_ID")
_DRY_RUN = click.option(
    "--dry-run", is_flag=True, help="Show what would be sent, without sending it."
)


def _with(*options: Option) -> Option:
    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


@click.group(
    cls=DatabaseProgramGroup,
    epilog="""\b
Examples:
  panoptes-operate list
  panoptes-operate list --night 2018-10-11
  panoptes-operate list --unit PAN001 --reason no_catalog
  panoptes-operate replay --reason tries_exhausted --dry-run
  panoptes-operate replay --image PAN001_14d3bd_20181011T134333
  panoptes-operate uploads --reason unknown_file_type
  panoptes-operate dead-letters
  panoptes-operate replay --dead-letters --yes
  panoptes-operate sweep
  panoptes-operate unit add PAN012
  panoptes-operate unit set PAN001 --latitude 19.5 --longitude -155.6 --pin --reason 'surveyed'
  panoptes-operate tag PAN001_14d3bd_20181011T134202 transit 'good seeing'
  panoptes-operate notify add --unit PAN001 --mail owner@example.org

Results match all given filters. Set the database, broker and buckets in the environment:
`set -a; . .local/env; set +a`. Exit statuses: docs/commands.md.""",
)
def main() -> None:
    """List what failed in the network, and process it again.

    Without --state, commands select the images that ended in error or unsolved.
    """


@main.command("list")
@_with(*_FILTERS, *_OF_IMAGES, _LIMIT)
def list_images(**chosen: object) -> None:
    """List failed images and rejected uploads, with reasons."""
    request = _request(_List, chosen)
    require_known(request)
    found = listing.list_images(request)
    names_images = any(chosen[name] for name in ("image_id", "sequence_id", "state"))
    uploads = None if names_images else _find_uploads(chosen)
    rows = [
        (one["image_id"], one["state"], one["reason_code"], one["reason"])
        for one in found["images"]
    ]
    _table(("image", "state", "reason", "message"), rows)
    click.echo(_of(len(rows), found["count"], "image"))
    if uploads is not None and uploads["count"]:
        _show_uploads(uploads)


@main.command("uploads")
@_with(_UNIT, _NIGHT, _REASON, _LIMIT)
def list_uploads(**chosen: object) -> None:
    """List rejected uploads, with reasons."""
    found = _find_uploads(chosen)
    _show_uploads(found)


@main.command("dead-letters")
@_with(*_FILTERS, _LIMIT)
def list_letters(**chosen: object) -> None:
    """List dead letters that have not been replayed."""
    found = listing.list_letters(_request(ListRequest, {**chosen, "dead_letters": True}))
    rows = [
        (
            one["dead_letter_id"],
            one["received_at"],
            one["subscription"],
            one["image_id"] or one["bucket_path"],
            one["reason"],
        )
        for one in found["dead_letters"]
    ]
    _table(("id", "received", "subscription", "subject", "message"), rows)
    click.echo(_of(len(rows), found["count"], "dead letter"))


@main.command("replay")
@_with(*_FILTERS, *_OF_IMAGES, _LIMIT, _DRY_RUN)
@click.option("--dead-letters", is_flag=True, help="Replay dead letters instead of images.")
@click.option("--yes", is_flag=True, help=f"Replay more than {MAX_UNASKED} without asking.")
def replay_matching(*, dry_run: bool, yes: bool, **chosen: object) -> None:
    """Process failed images again, or resend dead letters."""
    plan = _request(ReplayRequest, {**chosen, "dry_run": True})
    if not plan.dead_letters:
        require_known(plan)
    planned = replay(plan)
    if not dry_run and planned.replayed > MAX_UNASKED and not yes:
        click.confirm(f"Send {planned.replayed} again?", abort=True)
    done = planned if dry_run else replay(_request(ReplayRequest, chosen))
    _show_replay(done)


@main.command("sweep")
@_with(_DRY_RUN)
def sweep_everything(*, dry_run: bool) -> None:
    """Scan all images and the raw bucket, and resend lost uploads."""
    done = sweep_all(dry_run=dry_run)
    for kind, verdict in (("sent", "sent again"), ("given_up", "given up")):
        for image_id in done.names[kind]:
            click.echo(f"{image_id}  {verdict}")
    _show_problems(done.problems)
    would = "would be sent" if dry_run else "sent"
    click.echo(f"{done.looked_at} objects, {done.sent} {would} again,")
    click.echo(f"{done.given_up} given up, {done.failed} not accepted")
    if count := done.products_deleted:
        click.echo(f"{count} superseded products {'would be ' if dry_run else ''}deleted")
    _show_balance(done.balance, done.looked_at)


@main.command("tag")
@_with(_SEQUENCE, _TAGS)
def add_tags(sequence_id: str, tags: tuple[str, ...]) -> None:
    """Add tags to a sequence."""
    _change_tags(sequence_id, add=tags)


@main.command("untag")
@_with(_SEQUENCE, _TAGS)
def remove_tags(sequence_id: str, tags: tuple[str, ...]) -> None:
    """Remove tags from a sequence; tags it does not have are ignored."""
    _change_tags(sequence_id, remove=tags)


def _ask(
    model: type[M], chosen: Mapping[str, object], change: Callable[[M], dict[str, ShownFact]]
) -> dict[str, ShownFact]:
    return change(_request(model, chosen))


add_commands(main, _ask)


def _change_tags(sequence_id: str, **tags: tuple[str, ...]) -> None:
    done = change_tags(_request(TagRequest, {"sequence_id": sequence_id, **tags}))
    click.echo(f"{done['sequence_id']}  {', '.join(done['tags']) or 'no tags'}")


def _find_uploads(chosen: Mapping[str, object]) -> UploadList:
    names = ("unit_id", "night", "reason_code", "limit")
    wanted = {name: chosen[name] for name in names}
    request = _request(ListRequest, {**wanted, "uploads": True})
    require_known(request)
    return listing.list_uploads(request)


def _show_uploads(found: UploadList) -> None:
    rows = [
        (one["bucket_path"], one["at"], one["reason_code"], one["reason"])
        for one in found["uploads"]
    ]
    _table(("upload", "refused", "reason", "message"), rows)
    click.echo(_of(len(rows), found["count"], "upload"))


def _show_balance(balance: Balance, objects: int) -> None:
    click.echo(words(balance, objects))
    for reason, count in balance.refused.most_common():
        click.echo(f"  refused: {count} {reason}")
    for path in balance.lost:
        click.echo(f"  lost: {path}")
    if balance.n_gone:
        click.echo(f"{balance.n_gone} images without a file")
    for path in balance.gone:
        click.echo(f"  without a file: {path}")


def _request(model: type[M], chosen: Mapping[str, object]) -> M:
    try:
        return parse(model, {name: value for name, value in chosen.items() if value is not None})
    except PermanentError as error:
        raise BadInput(_with_option_names(error.message)) from error


def _with_option_names(message: str) -> str:
    """Name the command's options and arguments instead of the request's fields."""
    for parameter in click.get_current_context().command.params:
        name = parameter.metavar if isinstance(parameter, click.Argument) else parameter.opts[0]
        message = re.sub(rf"(^|; ){parameter.name}: ", rf"\g<1>{name or parameter.name}: ", message)
    return message.removeprefix("the body: ")


def _show_replay(done: Outcome) -> None:
    for name in done.names:
        click.echo(name)
    _show_problems(done.problems)
    would = "would be sent" if done.dry_run else "sent"
    click.echo(f"{done.replayed} {would} again, {done.not_replayed} could not be")
    if done.not_replayed:
        raise click.exceptions.Exit(ExitStatus.FAILED)
    if not done.replayed:
        raise NothingDone(f"no {done.kind.replace('_', ' ')} match")


def _show_problems(problems: list[str]) -> None:
    for problem in problems:
        click.echo(problem, err=True)


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str | int | None, ...]]) -> None:
    """Print rows in aligned columns; the last column is not padded."""
    texts = [heads, *(tuple("" if cell is None else str(cell) for cell in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)][:-1]
    for *cells, last in texts:
        padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
        click.echo("  ".join([*padded, last]).rstrip())


def _of(shown: int, count: int, what: str) -> str:
    plural = "" if count == 1 else "s"
    return f"{count} {what}{plural}" + (f", {shown} shown" if shown < count else "")


cli_notify.add_commands(main, _table)

if __name__ == "__main__":
    main()
