"""The command `bin/deploy`: stage services and hand them to Google Cloud."""

import subprocess
import sys
from collections.abc import Iterator, Sequence

import click

from deployment.commands import Command, Release, as_text
from deployment.service import ROOT, Kind, deployments
from deployment.stage import StageError, check_base_images, stage, version
from deployment.target import Target
from panoptes_network.commands import Program

JOB_FIRST = "job-migrate"
UNKNOWN_NUMBER = "PROJECT_NUMBER"


@click.command(cls=Program)
@click.argument("services", nargs=-1, required=True)
@click.option(
    "--project", required=True, envvar="GOOGLE_CLOUD_PROJECT", help="Google Cloud project id."
)
@click.option("--region", default="us-central1", show_default=True)
@click.option(
    "--env",
    "environment",
    default="test",
    show_default=True,
    help="Environment; resource names end with it, except for prod.",
)
@click.option(
    "--security-contact",
    default="",
    envvar="SECURITY_CONTACT",
    help="Where to report a vulnerability, mailto:… or https://…; empty: no security.txt.",
)
@click.option(
    "--mail-from",
    default="",
    envvar="MAIL_FROM",
    help="Sender of notifications; empty: no mail is sent. The secret smtp-url has the server.",
)
@click.option("--dry-run", is_flag=True, help="Print the commands without running them.")
def main(
    services: tuple[str, ...],
    project: str,
    region: str,
    environment: str,
    security_contact: str,
    mail_from: str,
    dry_run: bool,
) -> None:
    """Deploy SERVICES, or `all`: the database first, then the services behind it.

    Stops at the first command that fails.
    """
    try:
        number = UNKNOWN_NUMBER if dry_run else project_number(project)
        target = Target(project, region, environment, number, security_contact, mail_from)
        if not dry_run:
            check_containers(services)
        for command in plan(services, target):
            click.echo(as_text(command))
            if not dry_run:
                subprocess.run(command, cwd=ROOT, check=True)
    except (StageError, ValueError) as error:
        sys.exit(f"deploy: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"deploy: {' '.join(error.cmd[:4])} … failed; nothing after it was deployed")


def plan(services: Sequence[str], target: Target) -> Iterator[Command]:
    """Stage services one by one and yield the commands that deploy each.

    If a service uses the database, `job-migrate` is deployed and run first, so that
    the tables exist before a new version takes traffic.
    """
    for service in in_order(services):
        staged = stage(service)
        yield from Release(service, target, version(staged)).commands()


def check_containers(services: Sequence[str]) -> None:
    """Refuse a worker whose container is made of an image without a digest, before any command.

    Raises
    ------
    StageError
        It says what to do.
    """
    for service in in_order(services):
        if deployments()[service].kind is Kind.WORKER:
            check_base_images(ROOT / service)


def in_order(services: Sequence[str]) -> list[str]:
    """Return the services to deploy, each once, the job before all others.

    Raises
    ------
    StageError
        For an unknown service.
    """
    wanted = set(deployments()) if "all" in services else set(services)
    if unknown := wanted - deployments().keys():
        raise StageError(f"unknown service: {', '.join(sorted(unknown))}")
    if any(deployments()[one].has_database for one in wanted):
        wanted.add(JOB_FIRST)
    return sorted(wanted, key=lambda one: (deployments()[one].kind is not Kind.JOB, one))


def project_number(project: str) -> str:
    """Ask Google for a project's number."""
    ask = ["gcloud", "projects", "describe", project, "--format=value(projectNumber)"]
    return subprocess.run(ask, check=True, text=True, stdout=subprocess.PIPE).stdout.strip()


if __name__ == "__main__":
    main()
