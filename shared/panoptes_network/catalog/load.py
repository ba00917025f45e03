"""Loading of a star file into `catalog_stars`, some ten thousand rows per transaction."""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Column, Connection, MetaData, Table, func, or_, select, text
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.schema import CreateTable

from panoptes_network.catalog.formats import STAR_DTYPE, Block, StarFile
from panoptes_network.database.copy import copy_into
from panoptes_network.database.engine import run_transaction, sqlstate
from panoptes_network.database.models import Base, CatalogLoad
from panoptes_network.sky import directions, healpix

TRANSACTION_ROWS = 50_000
"""Rows are sorted in index order: larger transactions touch fewer index pages per row."""

_UNIQUE_VIOLATION = "23505"
_STARS = Base.metadata.tables["catalog_stars"]
_INCOMING = Table(
    "incoming_stars",
    MetaData(),
    *(Column(column.name, column.type) for column in _STARS.columns),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)


class LoadConflictError(Exception):
    """Another process is loading the same file with the same limits."""


@dataclass(frozen=True)
class Cone:
    """A circular region of the sky, degrees."""

    ra_deg: float
    dec_deg: float
    radius_deg: float


@dataclass(frozen=True)
class Limits:
    """Limits on the stars taken from a file.

    Parameters
    ----------
    mag : float, optional
        The faintest magnitude. If set, stars of unknown magnitude are excluded.
    region : Cone, optional
        The region, at the epoch of the file's positions.
    """

    mag: float | None = None
    region: Cone | None = None

    def __str__(self) -> str:
        words = [f"magnitude up to {self.mag}"] if self.mag is not None else []
        if self.region:
            place = f"{self.region.ra_deg} {self.region.dec_deg:+}"
            words.append(f"within {self.region.radius_deg} degrees of {place}")
        return ", ".join(words) or "all stars"

    def of(self, stars: NDArray[np.void]) -> NDArray[np.void]:
        """Return the stars within the limits, shape (m,) of (n,)."""
        if self.mag is not None:
            stars = stars[stars["mag"] <= self.mag]
        if self.region:
            cone = (self.region.ra_deg, self.region.dec_deg, self.region.radius_deg)
            stars = stars[directions.is_within(stars["ra_deg"], stars["dec_deg"], *cone)]
        return stars


@dataclass(frozen=True)
class Progress:
    """Progress of a load: committed rows and stars of the file, and bytes read."""

    rows: int
    stars: int
    bytes_read: int
    is_new: bool


def load(file: StarFile, limits: Limits, report: Callable[[Progress], None]) -> Progress:
    """Load a file, or the rest of it if an earlier load was stopped.

    Parameters
    ----------
    file : StarFile
        Identified by its content, regardless of its path.
    limits : Limits
        Different limits make a different load; stars already loaded are not duplicated.
    report : callable
        Called after each transaction.

    Returns
    -------
    Progress
        The whole load; `is_new` is False if nothing was left to do.

    Raises
    ------
    CatalogFileError
        If the file has errors. Rows committed before the error stay, and the load stays unfinished.
    LoadConflictError
        If another process loads the same file with the same limits.
    TransientError
        If the database is unavailable.
    """
    record = _Record(_load_id(file, limits), file.catalog, file.path.name, str(limits))
    done = run_transaction(record.progress)
    if not done.is_new:
        return done
    for block in _ahead(_gathered(_after(done.rows, file.blocks()))):
        stars = _table_rows(file.catalog, limits.of(block.stars))
        after = Progress(
            done.rows + len(block), done.stars + len(stars), file.bytes_read, is_new=True
        )
        run_transaction(partial(_write, record, (done, after), stars, file.is_full))
        done = after
        report(done)
    run_transaction(partial(_finish, record, done))
    return done


@dataclass(frozen=True)
class _Record:
    """A load's row in `catalog_loads`, which is written with the first block."""

    load_id: str
    catalog: str
    file_name: str
    limits: str

    def progress(self, session: Session) -> Progress:
        """Return the progress of the load."""
        there = session.get(CatalogLoad, self.load_id)
        if there is None:
            return Progress(0, 0, 0, is_new=True)
        return Progress(there.rows_done, there.stars_done, 0, is_new=there.finished_at is None)

    def advance(self, session: Session, before: Progress, **values: object) -> None:
        """Store `values`, unless another process has advanced beyond `before`."""
        line = insert(CatalogLoad).values(**asdict(self), **values)
        line = line.on_conflict_do_update(
            index_elements=["load_id"], set_=values, where=CatalogLoad.rows_done == before.rows
        )
        if session.execute(line.returning(CatalogLoad.load_id)).first() is None:
            raise LoadConflictError(f"{self.file_name}: another process is loading it")


def _load_id(file: StarFile, limits: Limits) -> str:
    with file.path.open("rb") as raw:
        content = hashlib.file_digest(raw, "sha256").hexdigest()
    return f"{content}: {limits}"


def _finish(record: _Record, done: Progress, session: Session) -> None:
    record.advance(session, done, finished_at=func.now())
    session.execute(text("ANALYZE catalog_stars"))


def _after(count: int, blocks: Iterator[Block]) -> Iterator[Block]:
    """Skip the first `count` rows, which an earlier load has committed."""
    for block in blocks:
        if count < len(block):
            yield block.after(count)
        count = max(count - len(block), 0)


def _gathered(blocks: Iterator[Block]) -> Iterator[Block]:
    """Join blocks into batches that are written in one transaction."""
    some: list[Block] = []
    for block in blocks:
        some.append(block)
        if sum(map(len, some)) >= TRANSACTION_ROWS:
            yield Block.joined(some)
            some = []
    if some:
        yield Block.joined(some)


def _ahead(blocks: Iterator[Block]) -> Iterator[Block]:
    """Read the next block while the caller writes the previous one."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, blocks, None)
        while (block := coming.result()) is not None:
            coming = reader.submit(next, blocks, None)
            yield block


def _table_rows(catalog: str, stars: NDArray[np.void]) -> NDArray[np.void]:
    """Return rows for `catalog_stars`, each id once, sorted by position on the sky.

    The stars of a cone are then on few of the table's pages.
    """
    stars = stars[np.unique(stars["picid"], return_index=True)[1]]
    cells = healpix.healpix_cells(stars["ra_deg"], stars["dec_deg"])
    order = np.argsort(cells, kind="stable")
    dtype = [("catalog", f"S{len(catalog)}"), ("healpix", "i4"), *STAR_DTYPE.descr]
    rows = np.empty(len(stars), dtype)
    rows["catalog"] = catalog.encode()
    rows["healpix"] = cells[order]
    for name in STAR_DTYPE.names or ():
        rows[name] = stars[name][order]
    return rows


def _write(
    record: _Record,
    step: tuple[Progress, Progress],
    stars: NDArray[np.void],
    replaces: bool,
    session: Session,
) -> None:
    """Write a block's stars into the table, and the progress into its record."""
    before, after = step
    # A crash may undo the last blocks, together with their record: they are loaded again.
    session.execute(text("SET LOCAL synchronous_commit = off"))
    record.advance(session, before, rows_done=after.rows, stars_done=after.stars)
    connection = session.connection()
    if not _are_new(connection, stars):
        _merge(connection, stars, replaces)


def _are_new(connection: Connection, stars: NDArray[np.void]) -> bool:
    """Write stars directly into the table, unless one exists already."""
    try:
        with connection.begin_nested():
            copy_into(connection, "catalog_stars", stars)
    except DBAPIError as error:
        if sqlstate(error) == _UNIQUE_VIOLATION:
            return False
        raise
    return True


def _merge(connection: Connection, stars: NDArray[np.void], replaces: bool) -> None:
    connection.execute(CreateTable(_INCOMING))
    copy_into(connection, "incoming_stars", stars)
    merge = insert(_STARS).from_select(_STARS.columns.keys(), select(_INCOMING))
    connection.execute(_replacing(merge) if replaces else merge.on_conflict_do_nothing())


def _replacing(merge: Insert) -> Insert:
    """Replace rows that differ; identical ones are not written again."""
    values = {
        column.name: merge.excluded[column.name]
        for column in _STARS.columns
        if not column.primary_key
    }
    differs = or_(*(_STARS.c[name].is_distinct_from(value) for name, value in values.items()))
    return merge.on_conflict_do_update(
        index_elements=_STARS.primary_key.columns, set_=values, where=differs
    )
