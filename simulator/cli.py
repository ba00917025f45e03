"""The command ``simulate``: write frames to a folder, or upload them to the raw bucket."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import UTC
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import click

from panoptes_network.commands import ProgramGroup
from panoptes_network.errors import PermanentError
from simulator.catalog_csv import write_catalog_csv
from simulator.frame import Frame, simulate
from simulator.night import CADENCE_S
from simulator.night_options import NONE, night_options, take_night, with_variables
from simulator.observation import (
    FULL_HEIGHT,
    FULL_WIDTH,
    SUFFIXES,
    Conditions,
    Observation,
    nights,
)
from simulator.upload import upload_frame

Command = TypeVar("Command", bound=Callable[..., None])
_DEFAULT = Observation()
_OPTIONS = (
    click.option("--unit", "unit_id", default=_DEFAULT.unit_id, show_default=True),
    click.option("--camera", "camera_id", default=_DEFAULT.camera_id, show_default=True),
    click.option("--field", default=_DEFAULT.field, show_default=True, help="Target name."),
    click.option(
        "--ra", "ra_deg", default=_DEFAULT.ra_deg, show_default=True, help="Field centre, degrees."
    ),
    click.option(
        "--dec",
        "dec_deg",
        default=_DEFAULT.dec_deg,
        show_default=True,
        help="Field centre, degrees.",
    ),
    click.option(
        "--start",
        default=_DEFAULT.start.replace(tzinfo=None),
        type=click.DateTime(["%Y-%m-%dT%H:%M:%S"]),
        show_default=True,
        help="Start of the first exposure, UTC.",
    ),
    click.option("--count", default=1, show_default=True, help="Number of frames per night."),
    click.option(
        "--nights",
        "n_nights",
        type=click.IntRange(1, 100),
        default=1,
        show_default=True,
        help="Number of consecutive nights, each with one sequence of the same field.",
    ),
    click.option(
        "--cadence",
        "cadence_s",
        type=float,
        help="Seconds between starts of exposures. "
        f" [default: {_DEFAULT.cadence_s:g}, or that of --night]",
    ),
    click.option("--exptime", "exptime_s", default=_DEFAULT.exptime_s, show_default=True),
    click.option(
        "--size",
        type=(int, int),
        default=(FULL_WIDTH, FULL_HEIGHT),
        show_default=True,
        metavar="WIDTH HEIGHT",
        help="Frame size in mosaic pixels, even; smaller frames are cut from the sensor's centre.",
    ),
    click.option("--rotation", "rotation_deg", default=_DEFAULT.rotation_deg, show_default=True),
    click.option("--seed", default=_DEFAULT.seed, show_default=True),
    click.option(
        "--suffix", type=click.Choice(SUFFIXES), default=_DEFAULT.suffix, show_default=True
    ),
    click.option(
        "--conditions",
        type=click.Choice([c.value for c in Conditions]),
        default=_DEFAULT.conditions.value,
        show_default=True,
    ),
    click.option("--pointing", is_flag=True, help="Name the frames pointing00, pointing01, …"),
    click.option("--no-field-in-path", "field_in_path", flag_value=False, default=True),
)


@click.group(
    cls=ProgramGroup,
    epilog="""\b
Examples:
  simulate render frames --count 3
  simulate render frames --size 700 700 --suffix .fits --field M42 --ra 83.82 --dec -5.39
  simulate render frames --catalog-csv stars.csv.gz
  simulate upload --count 5 --conditions cloudy
  simulate render night --count 144 --size 1400 1200 --night realistic --transits 60
  simulate render week --count 144 --nights 7 --night realistic --transits 60 --transit-period 1.3

Exit statuses: docs/commands.md.""",
)
def main() -> None:
    """Simulate frames as a PANOPTES unit takes them."""


def observation_options(command: Command) -> Command:
    """Add the options of an observation and its night."""
    command = night_options(command)
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@main.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--catalog-csv",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the field's stars as a TIC-8 bulk file (.csv or .csv.gz).",
)
@observation_options
def render(folder: Path, catalog_csv: Path | None, **options: Any) -> None:
    """Write frames and their true values to FOLDER, under their object paths."""
    observations = _observations(options)
    if catalog_csv:
        click.echo(f"{write_catalog_csv(catalog_csv, observations[0])} stars in {catalog_csv}")
    with _progress(observations, "Rendering") as progress:
        written = [frame.write(folder) for frame in progress]
    click.echo("\n".join(map(str, written)))


@main.command()
@observation_options
def upload(**options: Any) -> None:
    """Upload frames to the raw bucket (RAW_BUCKET, STORAGE_EMULATOR_HOST)."""
    with _progress(_observations(options), "Uploading") as progress:
        sent = [upload_frame(frame) for frame in progress]
    click.echo("\n".join(sent))


def _progress(
    observations: list[Observation], label: str
) -> AbstractContextManager[Iterable[Frame]]:
    """Return the frames of all observations, with a progress bar."""
    frames = chain.from_iterable(map(simulate, observations))
    length = sum(observation.count for observation in observations)
    return click.progressbar(frames, length=length, label=label)


def _observations(options: dict[str, Any]) -> list[Observation]:
    """Return the observations of all nights."""
    n_nights, (width, height) = options.pop("n_nights"), options.pop("size")
    options["start"] = options["start"].replace(tzinfo=UTC)
    options["conditions"] = Conditions(options["conditions"])
    if options["cadence_s"] is None:
        options["cadence_s"] = _cadence_s(options["preset"])
    try:
        night, wish = take_night(options)
        observation = Observation(width=width, height=height, night=night, **options)
        return nights(with_variables(observation, wish), n_nights)
    except (ValueError, PermanentError) as error:
        raise click.UsageError(str(error)) from error


def _cadence_s(preset: str) -> float:
    return _DEFAULT.cadence_s if preset == NONE else CADENCE_S
