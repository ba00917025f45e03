"""The command `panoptes-operate unit add`: let a unit upload, and print its settings."""

import os
import shlex
from pathlib import Path

import click

from panoptes_network import storage
from panoptes_network.commands import BadInput
from panoptes_network.config import settings
from panoptes_network.operations import known_names, upload_identity
from panoptes_network.operations.upload_identity import UploadIdentity

EMULATOR = "STORAGE_EMULATOR_HOST"
PROJECT = "GOOGLE_CLOUD_PROJECT"


@click.command("add")
@click.argument("unit_id", metavar="UNIT")
@click.option("--project", envvar=PROJECT, help=f"Google Cloud project id.  [env: {PROJECT}]")
@click.option(
    "--env",
    "environment",
    default="test",
    show_default=True,
    help="Environment; resource names end with it, except for prod.",
)
@click.option(
    "--key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the key.  [default: pan012.json for PAN012]",
)
@click.option("--new-key", is_flag=True, help="Create a key even if the unit has one.")
@click.option("--dry-run", is_flag=True, help="Print what would be done, without doing it.")
def add_unit(
    unit_id: str,
    project: str | None,
    environment: str,
    key_file: Path | None,
    new_key: bool,
    dry_run: bool,
) -> None:
    """Let a unit upload, and print its settings.

    In the cloud, create the account that the unit uploads as, with the Google Cloud CLI. It may
    write objects below the unit's own prefix of the raw bucket, and can list nothing. On one
    machine (STORAGE_EMULATOR_HOST is set) no account is needed. What exists is kept, so the command
    can be given again.
    """
    is_here = bool(os.environ.get(EMULATOR))
    unit_id = upload_identity.checked_unit(unit_id, None if is_here else environment)
    if is_here:
        _add_here(unit_id, dry_run=dry_run)
        return
    if not project:
        raise BadInput(f"say which network: --project, or {EMULATOR} for one on this machine")
    identity = UploadIdentity(unit_id, project, environment)
    file = (key_file or Path(f"{unit_id.lower()}.json")).absolute()
    if dry_run:
        for command in (identity.create, identity.grant, identity.create_key(file)):
            click.echo(shlex.join(command))
        return
    _create_missing(identity, file, new_key=new_key)
    _register(unit_id)
    _show_settings(unit_id, identity.bucket, {"GOOGLE_APPLICATION_CREDENTIALS": str(file)})


def _create_missing(identity: UploadIdentity, file: Path, *, new_key: bool) -> None:
    """Create the account, its role and its key, where they are missing."""
    state = upload_identity.state_of(identity)
    commands = upload_identity.missing(identity, state, file, new_key=new_key)
    for command in commands:
        click.echo(shlex.join(command))
        upload_identity.run_patiently(command)
    if not commands:
        click.echo(f"{identity.email} exists and may upload to gs://{identity.bucket}")
    if state.n_keys and not new_key:
        click.echo("it has a key; --new-key creates another one")


def _add_here(unit_id: str, *, dry_run: bool) -> None:
    """Add a unit to the network on this machine."""
    bucket = settings().raw_bucket
    if not storage.has_bucket(bucket):
        raise BadInput(f"there is no bucket {bucket} at {os.environ[EMULATOR]}")
    if dry_run:
        click.echo(f"{unit_id} would be added; the network on this machine needs no account")
        return
    _register(unit_id)
    _show_settings(
        unit_id, bucket, {EMULATOR: os.environ[EMULATOR], PROJECT: settings().google_cloud_project}
    )


def _register(unit_id: str) -> None:
    """Make the unit known, so that its page exists before its first image."""
    if not os.environ.get("DATABASE_URL"):
        click.echo(f"{unit_id} will have its page with its first upload (DATABASE_URL is not set)")
    elif known_names.add_unit(unit_id):
        click.echo(f"{unit_id} is now a unit of the network")
    else:
        click.echo(f"{unit_id} was a unit of the network already")


def _show_settings(unit_id: str, bucket: str, environment: dict[str, str]) -> None:
    """Print the unit's settings as shell commands, for POCS and for other programs."""
    click.echo("\n# Environment of the program that uploads:")
    for name, value in {**environment, "RAW_BUCKET": bucket}.items():
        click.echo(f"export {name}={shlex.quote(value)}")
    click.echo("\n# Settings of POCS:")
    pocs = [("pan_id", unit_id), ("panoptes_network.buckets.upload", bucket)]
    if key := environment.get("GOOGLE_APPLICATION_CREDENTIALS"):
        pocs.append(("panoptes_network.service_account_key", key))
    for name, value in [*pocs, ("observations.upload_image", "True")]:
        click.echo(f"pocs config set {name} {shlex.quote(value)}")
