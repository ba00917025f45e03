"""The command ``panoptes-network``: search, tables, light curves, stamps and downloads."""

import json
import re
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypedDict, TypeVar, Unpack

import click
from astropy.coordinates import SkyCoord
from astropy.units import UnitsError, deg

from panoptes_client.errors import NetworkError, RefusedError
from panoptes_client.files import FILM
from panoptes_client.network import (
    AT_ONCE,
    LOCAL_URL,
    MAX_AT_ONCE,
    URL_VARIABLE,
    FileFormat,
    Method,
    Network,
)
from panoptes_client.output import Format, outlive_reader, write
from panoptes_client.progress import Bars
from panoptes_client.search import CandidateSearch, Search

F = TypeVar("F", bound=Callable[..., object])

OBSERVATION_COLUMNS = (
    *("sequence_id", "field", "start_time", "n_images", "exptime_s", "ra_deg", "dec_deg"),
)
IMAGE_COLUMNS = ("image_id", "state", "reason_code", "ra_deg", "dec_deg", "rms_arcsec", "fwhm_px")
SOURCE_COLUMNS = (
    *("number", "picid", "catalog", "mag", "ra_deg", "dec_deg", "x_px", "y_px", "flux_adu"),
)
CURVE_COLUMNS = (
    *("time", "mjd", "relative_r", "relative_err_r", "relative_g", "relative_err_g"),
    *("relative_b", "relative_err_b", "n_comparison", "flags"),
)
DETRENDED_COLUMNS = (
    *("time", "bjd_tdb", "flux", "flux_err", "flux_r", "flux_g", "flux_b"),
    *("airmass", "fwhm_px", "cloud_mag", "quality"),
)
STAR_COLUMNS = (
    *("picid", "catalog", "gaia_mag", "n_good", "scatter", "expected_noise", "reduced_chi2"),
    "variability",
)
CANDIDATE_COLUMNS = (
    *("kind", "picid", "catalog", "gaia_mag", "significance", "false_alarm_probability", "depth"),
    *("duration_h", "mid_bjd_tdb", "period_d", "known_name", "sequence_id"),
)
STAMP_COLUMNS = ("image_id", "time", "exptime_s", "stamp_x", "stamp_y", "stamp_side", "flux_adu")
UNIT_COLUMNS = ("unit_id", "name", "n_images", "n_nights", "last_night")
NIGHT_COLUMNS = ("date", "n_images", "first_image", "last_image")
PLACE = "degrees, or '5h35m17s -5d23m28s'"
KINDS = (
    *("raw", "processed", "cr2", "red", "green", "blue", "picture", "preview", "thumbnail", FILM),
    *("light_curves", "light_curves_fits"),
)
METHODS: tuple[Method, ...] = ("raw", "detrended")
FILE_FORMATS: dict[str, FileFormat] = {
    "lightkurve": "fits",
    "aavso": "aavso",
    "aavso-exoplanet": "aavso-exoplanet",
}


class BadInput(click.ClickException):
    """The same command would be refused again."""

    exit_code = 2


class _Commands(click.Group):
    """A group that shows errors as messages and suggests names for misspelt commands."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command; see `click.Command.main`."""
        outlive_reader()
        return super().main(*args, **kwargs)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None:
            for near in get_close_matches(args[0], self.list_commands(ctx), n=1):
                ctx.fail(f"No such command {args[0]!r}. Did you mean {near!r}?")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except RefusedError as error:
            raise BadInput(str(error)) from error
        except (NetworkError, OSError) as error:
            raise click.ClickException(str(error)) from error


class _OfAStar(click.Command):
    """A command whose star id may be negative, as those of Hipparcos stars are."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # Only then: click cannot suggest an option that it takes for an argument.
        ctx.ignore_unknown_options = any(re.fullmatch(r"-\d+", word) for word in args)
        return super().parse_args(ctx, args)


class _SourceFilters(TypedDict):
    """Filters of an image's sources."""

    min_snr: float | None
    matched: bool
    at: SkyCoord | None
    radius: float | None


class _CurveFilters(TypedDict):
    """Filters, order and limit of an observation's stars."""

    min_mag: float | None
    max_mag: float | None
    sort: str | None
    order: str | None
    limit: int | None


def _place(_: click.Context, option: click.Parameter, text: str | None) -> SkyCoord | None:
    """Read a position on the sky; an optional one may be empty."""
    if not text and not option.required:
        return None
    try:
        return SkyCoord(text, unit=(deg, deg))
    except (ValueError, UnitsError) as error:
        raise click.BadParameter(f"invalid position: {error}", param_hint="--at") from error


def _written(command: F) -> F:
    """Add the options for the output table."""
    command = click.option(
        "-o", "path", type=click.Path(dir_okay=False, path_type=Path), help="Output file."
    )(command)
    return click.option(
        "--format",
        "as_format",
        type=click.Choice([form.value for form in Format]),
        help="Output format.  [default: by file name; a table on a terminal, CSV in a pipe]",
    )(command)


@click.group(cls=_Commands, context_settings={"show_default": True})
@click.option(
    "--url",
    envvar=URL_VARIABLE,
    default=LOCAL_URL,
    metavar="ADDRESS",
    help=f"URL of the network's data service; also set by {URL_VARIABLE}.",
)
@click.pass_context
def main(context: click.Context, url: str) -> None:
    """Search and download observations, files, stars and light curves of the PANOPTES network."""
    try:
        context.obj = context.with_resource(Network(url))
    except NetworkError as error:
        raise click.BadParameter(str(error), param_hint="--url") from error


@main.command()
@click.option("--unit", metavar="PAN001")
@click.option("--camera", metavar="14d3bd")
@click.option("--field", help="Text in the field name.")
@click.option("--tag")
@click.option("--name", help="Position by name: a field, Vega, 'HD 189733 b', Orion, M42.")
@click.option("--at", metavar="'RA DEC'", callback=_place, help=f"Position; {PLACE}.")
@click.option("--radius", type=float, help="Search radius, degrees.  [default: 15]")
@click.option("--after", metavar="DATE", help="Earliest date or time, UTC.")
@click.option("--before", metavar="DATE", help="Latest date or time, UTC.")
@click.option("--min-exptime", type=float, help="Shortest exposure, seconds.")
@click.option("--max-exptime", type=float, help="Longest exposure, seconds.")
@click.option("--min-images", type=int)
@click.option("--max-images", type=int)
@click.option("--state", help="Observations with an image in this state.")
@click.option(
    "--sort", type=click.Choice(["time", "field", "unit", "images", "exptime", "distance"])
)
@click.option("--order", type=click.Choice(["asc", "desc"]))
@click.option("--limit", type=click.IntRange(1), help="Maximum number of results.  [default: all]")
@_written
@click.pass_obj
def search(
    network: Network,
    /,
    limit: int | None,
    as_format: str | None,
    path: Path | None,
    **filters: Unpack[Search],
) -> None:
    """Search observations that match all given filters."""
    table = network.observations(limit=limit, **filters)
    write(table, OBSERVATION_COLUMNS, as_format, path)


@main.command()
@click.argument("sequence_id")
@_written
@click.pass_obj
def images(network: Network, sequence_id: str, as_format: str | None, path: Path | None) -> None:
    """List the images of an observation, with their measurements."""
    write(network.images(sequence_id), IMAGE_COLUMNS, as_format, path)


@main.command()
@click.argument("sequence_ids", nargs=-1, required=True)
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(KINDS),
    help="Kind of file; repeatable.  [default: all]",
)
@click.option("--folder", "-d", type=click.Path(file_okay=False, path_type=Path), default=".")
@click.option("--at-once", type=click.IntRange(1, MAX_AT_ONCE), default=AT_ONCE)
@click.option("--list", "only_list", is_flag=True, help="Print the paths without downloading.")
@click.pass_obj
def files(
    network: Network,
    sequence_ids: tuple[str, ...],
    kinds: tuple[str, ...],
    folder: Path,
    at_once: int,
    only_list: bool,
) -> None:
    """Download files of observations; skip complete files and resume partial downloads."""
    found = [file for one in sequence_ids for file in network.files(one, kinds)]
    if only_list:
        for file in found:
            click.echo(f"{file.bucket}/{file.path}")
        return
    with Bars(found) as bars:
        done = network.download(found, folder, at_once, bars.update)
    click.echo(f"{len(done)} files in {folder}", err=True)


@main.command()
@click.argument("image_id")
@click.option("--min-snr", type=float, help="Minimum signal-to-noise ratio.")
@click.option("--matched", is_flag=True, help="Only catalog stars.")
@click.option(
    "--at", metavar="'RA DEC'", callback=_place, help=f"Position to search around; {PLACE}."
)
@click.option("--radius", type=float, help="Search radius, degrees.")
@_written
@click.pass_obj
def sources(
    network: Network,
    /,
    image_id: str,
    as_format: str | None,
    path: Path | None,
    **filters: Unpack[_SourceFilters],
) -> None:
    """List the sources of an image, brightest first."""
    write(network.sources(image_id, **filters), SOURCE_COLUMNS, as_format, path)


@main.command()
@click.argument("image_id")
@click.option("--at", metavar="'RA DEC'", callback=_place, required=True, help=f"Centre; {PLACE}.")
@click.option(
    "--side", type=int, default=64, show_default=True, help="Side length in pixels, even."
)
@click.option(
    "--output",
    "-o",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Output FITS file.",
)
@click.pass_obj
def cutout(network: Network, image_id: str, at: SkyCoord, side: int, path: Path) -> None:
    """Save a square cutout of a solved frame as FITS."""
    network.cutout(image_id, at, side).writeto(path, overwrite=True)


@main.command()
@click.argument("name")
@click.pass_obj
def find(network: Network, name: str) -> None:
    """Look up a name: a star, planet, constellation, deep-sky object, field, unit or id."""
    click.echo(json.dumps(network.find(name), indent=2, ensure_ascii=False))


@main.command(cls=_OfAStar)
@click.argument("star")
@click.option("--sequence", help="Observation to use.  [default: all]")
@click.option("--method", type=click.Choice(METHODS), default="raw")
@_written
@click.pass_obj
def lightcurve(
    network: Network,
    star: str,
    sequence: str | None,
    method: Method,
    as_format: str | None,
    path: Path | None,
) -> None:
    """Get a star's light curve, raw (from comparison stars) or detrended.

    STAR is its id in the network's catalog, or a name such as Maia or 'HD 189733'.
    """
    columns = CURVE_COLUMNS if method == "raw" else DETRENDED_COLUMNS
    write(
        network.lightcurve(_picid(network, star), sequence, method=method), columns, as_format, path
    )


@main.command(cls=_OfAStar)
@click.argument("star")
@click.option("--sequence", help="Observation to use.  [default: all]")
@click.option("--for", "program", type=click.Choice([*FILE_FORMATS]), default="lightkurve")
@click.option("--observer", metavar="CODE", help="AAVSO observer code.")
@click.option(
    "--output",
    "-o",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Output file.",
)
@click.pass_obj
def export(
    network: Network,
    star: str,
    sequence: str | None,
    program: str,
    observer: str | None,
    path: Path,
) -> None:
    """Write a star's detrended light curve as lightkurve FITS or as an AAVSO report."""
    kind = FILE_FORMATS[program]
    path.write_bytes(
        network.lightcurve_file(_picid(network, star), kind, sequence, observer=observer)
    )


@main.command("light-curves")
@click.argument("sequence_id")
@click.option("--min-mag", type=float, help="Brightest Gaia G.")
@click.option("--max-mag", type=float, help="Faintest Gaia G.")
@click.option("--sort", type=click.Choice(["mag", "scatter", "excess", "chi2", "variability"]))
@click.option("--order", type=click.Choice(["asc", "desc"]))
@click.option("--limit", type=click.IntRange(1), help="Maximum number of results.  [default: all]")
@_written
@click.pass_obj
def light_curves(
    network: Network,
    /,
    sequence_id: str,
    as_format: str | None,
    path: Path | None,
    **filters: Unpack[_CurveFilters],
) -> None:
    """List an observation's stars with detrended light curves, and their scatter."""
    write(network.light_curves(sequence_id, **filters), STAR_COLUMNS, as_format, path)


@main.command()
@click.option("--kind", type=click.Choice(["transit", "variable"]))
@click.option("--min-significance", type=float)
@click.option("--max-false-alarm", type=float, help="Highest false-alarm probability.")
@click.option("--min-mag", type=float, help="Brightest Gaia G.")
@click.option("--max-mag", type=float, help="Faintest Gaia G.")
@click.option("--sequence", "sequence_id", help="Observation to search.  [default: all]")
@click.option("--unit", metavar="PAN001")
@click.option(
    "--known/--unknown",
    default=None,
    help="Only known planets and variables, or only unknown ones.",
)
@click.option("--at", metavar="'RA DEC'", callback=_place, help=f"Position; {PLACE}.")
@click.option("--radius", type=float, help="Search radius, degrees.")
@click.option(
    "--sort",
    type=click.Choice(
        ["significance", "false_alarm", "depth", "duration", "period", "mag", "found"]
    ),
)
@click.option("--order", type=click.Choice(["asc", "desc"]))
@click.option("--limit", type=click.IntRange(1), help="Maximum number of results.  [default: all]")
@_written
@click.pass_obj
def candidates(
    network: Network,
    /,
    limit: int | None,
    as_format: str | None,
    path: Path | None,
    **filters: Unpack[CandidateSearch],
) -> None:
    """Search transit and variable-star candidates that match all given filters."""
    table = network.candidates(limit=limit, **filters)
    write(table, CANDIDATE_COLUMNS, as_format, path)


@main.command(cls=_OfAStar)
@click.argument("star")
@click.option("--sequence", help="Observation to use.  [default: all]")
@_written
@click.pass_obj
def stamps(
    network: Network, star: str, sequence: str | None, as_format: str | None, path: Path | None
) -> None:
    """Get the raw pixels around a star; use -o stamps.fits for arrays."""
    write(network.stamps(_picid(network, star), sequence), STAMP_COLUMNS, as_format, path)


@main.command()
@_written
@click.pass_obj
def units(network: Network, as_format: str | None, path: Path | None) -> None:
    """List the units."""
    write(network.units(), UNIT_COLUMNS, as_format, path)


@main.command()
@click.argument("unit")
@_written
@click.pass_obj
def nights(network: Network, unit: str, as_format: str | None, path: Path | None) -> None:
    """List the nights of a unit that have images."""
    write(network.nights(unit), NIGHT_COLUMNS, as_format, path)


def _picid(network: Network, star: str) -> str:
    """Return the id of a star by its id or name."""
    if re.fullmatch(r"-?\d+", star):
        return star
    found = network.find(star)
    if found["picid"] is None:
        raise click.BadParameter(f"the network's catalog has no star {star!r}", param_hint="STAR")
    return found["picid"]
