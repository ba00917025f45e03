"""Loading a file of stars into `catalog_stars`, some ten thousand rows a transaction."""

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
"""The more rows are written in the index's order at a time, the fewer of its pages they touch."""

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
    """A round region of the sky, degrees."""

    ra_deg: float
    dec_deg: float
    radius_deg: float


@dataclass(frozen=True)
class Limits:
    """Which stars of a file are taken.

    Parameters
    ----------
    mag : float, optional
        The faintest magnitude. A star of unknown magnitude is then left out.
    region : Cone, optional
        Where, at the epoch of the file's positions.
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
    """How far a load is: the file's rows and stars that are committed, and bytes read."""

    rows: int
    stars: int
    bytes_read: int
    is_new: bool


def load(file: StarFile, limits: Limits, report: Callable[[Progress], None]) -> Progress:
    """Load a file, or the rest of it where an earlier load was stopped.

    Parameters
    ----------
    file : StarFile
        Is identified by its content, wherever it lies.
    limits : Limits
        With other limits it is another load; stars that are there already stay single.
    report : callable
        Is told after each transaction.

    Returns
    -------
    Progress
        The whole load; `is_new` is False where nothing was left to do.

    Raises
    ------
    CatalogFileError
        Where the file is not what it should be. What was committed before the fault stays,
        and the load stays unfinished.
    LoadConflictError
        Where somebody else loads the same at the same time.
    TransientError
        Where the database is away.
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
    """A load's line in `catalog_loads`; it is there once the first block is."""

    load_id: str
    catalog: str
    file_name: str
    limits: str

    def progress(self, session: Session) -> Progress:
        """Return how far the load has come."""
        there = session.get(CatalogLoad, self.load_id)
        if there is None:
            return Progress(0, 0, 0, is_new=True)
        return Progress(there.rows_done, there.stars_done, 0, is_new=there.finished_at is None)

    def advance(self, session: Session, before: Progress, **values: object) -> None:
        """Write `values` down, if nobody else has come further than `before`."""
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
    """Leave out the first `count` rows: what an earlier load has committed."""
    for block in blocks:
        if count < len(block):
            yield block.after(count)
        count = max(count - len(block), 0)


def _gathered(blocks: Iterator[Block]) -> Iterator[Block]:
    """Join blocks to what is written in one transaction."""
    some: list[Block] = []
    for block in blocks:
        some.append(block)
        if sum(map(len, some)) >= TRANSACTION_ROWS:
            yield Block.joined(some)
            some = []
    if some:
        yield Block.joined(some)


def _ahead(blocks: Iterator[Block]) -> Iterator[Block]:
    """Read the next block while the caller has the one before it written."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, blocks, None)
        while (block := coming.result()) is not None:
            coming = reader.submit(next, blocks, None)
            yield block


def _table_rows(catalog: str, stars: NDArray[np.void]) -> NDArray[np.void]:
    """Return rows for `catalog_stars`, each id once, neighbours on the sky side by side.

    A cone's stars then lie on few of the table's pages.
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
    """Put a block's stars into the table, and how far that brings the load into its record."""
    before, after = step
    # A crash may take the last blocks back, and their record with them: they come again.
    session.execute(text("SET LOCAL synchronous_commit = off"))
    record.advance(session, before, rows_done=after.rows, stars_done=after.stars)
    connection = session.connection()
    if not _are_new(connection, stars):
        _merge(connection, stars, replaces)


def _are_new(connection: Connection, stars: NDArray[np.void]) -> bool:
    """Write stars straight into the table, unless one of them is there already."""
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
    """Let a row replace one that differs; one that is the same is not written again."""
    values = {
        column.name: merge.excluded[column.name]
        for column in _STARS.columns
        if not column.primary_key
    }
    differs = or_(*(_STARS.c[name].is_distinct_from(value) for name, value in values.items()))
    return merge.on_conflict_do_update(
        index_elements=_STARS.primary_key.columns, set_=values, where=differs
    )
