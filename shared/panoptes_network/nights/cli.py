"""The command ``panoptes-night PAN001 2018-10-11``: print a night report."""

import json
from urllib.parse import quote

import click
import requests
from pydantic import TypeAdapter, ValidationError

from panoptes_network.commands import BadInput, Program
from panoptes_network.config import settings
from panoptes_network.nights.schema import NightReport
from panoptes_network.nights.text import text


@click.command(cls=Program)
@click.argument("unit")
@click.argument("night", default="last")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option(
    "--url",
    metavar="ADDRESS",
    help="URL of observations-data.  [default: OBSERVATIONS_DATA_URL]",
)
def main(unit: str, night: str, as_json: bool, url: str | None) -> None:
    """Report on a unit's night: arrivals, failures and advice.

    UNIT is like PAN001. NIGHT is the date of the night's evening, like 2018-10-11; without it, the
    last night is reported. The exit status is 0 if there is a report, whatever it says; the others
    are listed in docs/commands.md.
    """
    address = url or settings().observations_data_url
    report = _fetch(address, unit, night)
    if as_json:
        click.echo(json.dumps(report, indent=1, ensure_ascii=False))
    else:
        click.echo(text(_checked(report, address)), nl=False)


def _fetch(url: str, unit: str, night: str) -> dict[str, object]:
    address = f"{url.rstrip('/')}/units/{quote(unit, safe='')}/nights/{quote(night, safe='')}"
    try:
        answer = requests.get(address, timeout=settings().request_timeout_s)
    except requests.RequestException as error:
        raise click.ClickException(
            f"observations-data is not reachable at {url}: set OBSERVATIONS_DATA_URL or --url"
        ) from error
    found = _json(answer, url)
    if not answer.ok:
        words = str(found.get("detail", f"status {answer.status_code}"))
        is_final = answer.status_code in (400, 404)
        raise BadInput(words) if is_final else click.ClickException(words)
    return found


def _checked(report: object, url: str) -> NightReport[str]:
    try:
        return TypeAdapter(NightReport[str]).validate_python(report)
    except ValidationError as error:
        raise click.ClickException(
            f"{url} did not return a night report: is it another version? --json prints its"
            " response"
        ) from error


def _json(answer: requests.Response, url: str) -> dict[str, object]:
    try:
        found: object = answer.json()
    except requests.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise click.ClickException(
            f"{url} is not observations-data: it did not return a JSON object"
        )
    return found
