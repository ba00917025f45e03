"""The command `load-catalog`: load star catalogs and show their status."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from panoptes_network.catalog.formats import (
    CatalogFileError,
    StarFile,
    embedded_stars,
    open_stars,
)
from panoptes_network.catalog.load import Cone, Limits, LoadConflictError, Progress, load
from panoptes_network.commands import BadInput, DatabaseProgramGroup
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.models import CatalogLoad


def _with_limits(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that select stars from a file."""
    for option in (
        click.option(
            "--radius", type=click.FloatRange(0, 180, min_open=True), help="Region radius, degrees."
        ),
        click.option("--dec", type=click.FloatRange(-90, 90), help="Region centre, degrees."),
        click.option("--ra", type=click.FloatRange(0, 360), help="Region centre, degrees."),
        click.option("--mag-limit", type=float, help="Faintest magnitude to load."),
    ):
        command = option(command)
    return command


@click.group(
    cls=DatabaseProgramGroup,
    epilog="""\b
Examples:
  load-catalog gaia
  load-catalog tic all_targets_S014_v1.csv
  load-catalog tic tic_dec46_00N__48_00N.csv.gz --mag-limit 14
  load-catalog tic tic_dec*.csv.gz --ra 303.2 --dec 46 --radius 12
  load-catalog status

The database is set by DATABASE_URL. Exit statuses: docs/commands.md.""",
)
def main() -> None:
    """Load the star catalog that images are solved and matched against.

    An interrupted command resumes where it stopped when run again. Stars that are already
    loaded are skipped.
    """


@main.command()
@_with_limits
def gaia(**limits: float | None) -> None:
    """Load the bundled Gaia DR3 and Hipparcos stars brighter than G 10."""
    with _files_explained():
        _load(embedded_stars(), _limits(**limits))


@main.command(
    epilog="""\b
File formats, detected from the content:
  TIC-8 bulk file from MAST: 125 columns, no header
  export from the MAST portal or astroquery: a header with ID, ra, dec, Tmag ...
  TESS sector target list: comments, then a header with TICID, Tmag, RA, Dec

Stars from a target list never replace those from the other formats, which have more data."""
)
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@_with_limits
def tic(files: tuple[Path, ...], **limits: float | None) -> None:
    """Load TESS Input Catalog files (.csv or .csv.gz)."""
    chosen = _limits(**limits)
    with _files_explained():
        for file in [open_stars(path) for path in files]:
            _load(file, chosen)


@main.command()
def status() -> None:
    """Show the number of stars and the loaded files."""
    stars, loads = run_transaction(_contents)
    if not loads:
        click.echo("No stars are loaded yet. Run: load-catalog gaia")
        return
    click.echo(f"about {max(stars, 0):,} stars")
    for row in loads:
        state = f"{row.finished_at:%Y-%m-%d %H:%M}" if row.finished_at else "UNFINISHED"
        click.echo(
            f"{state:16}  {row.catalog:4}  {row.rows_done:>11,} rows  {row.stars_done:>11,} stars"
            f"  {row.file_name} ({row.limits})"
        )


def _contents(session: Session) -> tuple[int, list[CatalogLoad]]:
    # The planner's estimate, updated by the last load: counting the whole TIC takes minutes.
    stars = session.execute(
        text("SELECT reltuples::bigint FROM pg_class WHERE oid = 'catalog_stars'::regclass")
    ).scalar_one()
    return stars, list(session.scalars(select(CatalogLoad).order_by(CatalogLoad.started_at)))


def _limits(
    mag_limit: float | None, ra: float | None, dec: float | None, radius: float | None
) -> Limits:
    if any(math.isnan(number) for number in (mag_limit, ra, dec, radius) if number is not None):
        raise click.UsageError("limits must be numbers, not NaN")
    if ra is None and dec is None and radius is None:
        return Limits(mag_limit)
    if ra is None or dec is None or radius is None:
        raise click.UsageError("--ra, --dec and --radius must be given together")
    return Limits(mag_limit, Cone(ra, dec, radius))


def _load(file: StarFile, limits: Limits) -> None:
    size = file.path.stat().st_size
    with _bar(f"{file.path.name} ({file.format})", size) as report:
        done = load(file, limits, report)
    words = "loaded" if done.is_new else "already loaded, nothing to do"
    click.echo(f"{file.path.name}: {done.rows:,} rows, {done.stars:,} stars, {limits}: {words}")


@contextmanager
def _bar(label: str, size_bytes: int) -> Iterator[Callable[[Progress], None]]:
    """Show a progress bar over the file's bytes, with the rows and stars read so far."""

    def counts(progress: Progress | None) -> str:
        return f"{progress.rows:,} rows, {progress.stars:,} stars" if progress else ""

    with click.progressbar(
        length=size_bytes, label=label, item_show_func=counts, show_eta=True
    ) as bar:
        yield lambda progress: bar.update(progress.bytes_read - bar.pos, progress)


@contextmanager
def _files_explained() -> Iterator[None]:
    try:
        yield
    except (CatalogFileError, LoadConflictError) as error:
        raise BadInput(str(error)) from error


if __name__ == "__main__":
    main()
