"""Statistics of the network: totals, and images and exposure time by night and unit.

All numbers come from the figures maintained by the database (`SequenceFigures`, `FileFigures`): no
images, files or sources are counted here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Executable,
    Label,
    Text,
    cast,
    func,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from observations_data.database import Query, as_record
from observations_data.http.query_parameters import BadParameterError, Parameters, day
from observations_data.network_state.exposure import known_exposure
from observations_data.units.queries import HALF_DAY, night_date, night_of, noon_of_unit
from panoptes_network.database.models import (
    CatalogLoad,
    FileFigures,
    Image,
    Sequence,
    SequenceFigures,
    Unit,
)
from panoptes_network.database.times import has_plausible
from panoptes_network.nights.night import EARLIEST, LATEST
from panoptes_network.responses.network import (
    AllSums,
    CatalogSize,
    FileSums,
    NewestImage,
    NightSums,
    Statistics,
    Sums,
    UnitSums,
)
from panoptes_network.states import ImageState

R = TypeVar("R")

USUAL_NIGHTS = 90
MAX_NIGHTS = 366


@dataclass(frozen=True, slots=True)
class StatsSearch:
    """The nights from `after` to `before`, inclusive; by default the newest."""

    after: date | None = None
    before: date | None = None

    @classmethod
    def parse(cls, parameters: Parameters) -> "StatsSearch":
        """Read query parameters.

        Raises
        ------
        BadParameterError
            For an invalid date, or for too many nights.
        """
        found = cls(day(parameters, "after"), day(parameters, "before"))
        if found.after and found.before and (found.before - found.after).days >= MAX_NIGHTS:
            raise BadParameterError("after", f"at most {MAX_NIGHTS - 1} days earlier than before")
        return found

    def bounds(self, newest: date) -> tuple[date, date]:
        """Return the first and the last night, where `newest` is the newest one in the database."""
        if self.after and not self.before:
            return self.after, _shifted(self.after, MAX_NIGHTS - 1)
        last = self.before or newest
        return self.after or _shifted(last, 1 - USUAL_NIGHTS), last


def stats(session: Session, search: StatsSearch) -> Statistics:
    """Return totals, and numbers for each unit and night.

    ``n_sources`` and ``n_matched`` count detections: a star counts in each image that shows it.
    ``exposure_s`` is the sum of known exposures, None if there are images but no known exposure.
    ``nights`` has a row for each night and unit with observations, newest first; an observation
    belongs to the night in which it began. ``files`` counts CR2 files and products, whose sizes are
    known; ``catalog`` counts the stars of the loaded files.
    """
    newest, night = _newest_image(session)
    first, last = search.bounds(date.fromisoformat(night) if night else datetime.now(UTC).date())
    files = _rows(session, _FILES, FileSums)
    [sums] = _rows(session, _of_sequences(*_FIGURES), Sums)
    totals: AllSums = {
        **sums,
        "n_files": sum(file["n_files"] for file in files),
        "n_bytes": sum(file["n_bytes"] for file in files),
    }
    return {
        "totals": totals,
        "states": _states(session),
        "files": files,
        "catalog": _rows(session, _CATALOG, CatalogSize),
        "newest_image": newest,
        "units": _rows(session, _BY_UNIT, UnitSums),
        "after": first.isoformat(),
        "before": last.isoformat(),
        "nights": _rows(session, _by_night(first, last), NightSums),
    }


def _shifted(day: date, days: int) -> date:
    """Return a day shifted by some days, within the range of dates."""
    return date.fromordinal(
        min(max(day.toordinal() + days, EARLIEST.toordinal()), LATEST.toordinal())
    )


def _total(column: InstrumentedAttribute[int]) -> Label[int]:
    # A sum of 64-bit numbers would be a decimal.
    return cast(func.coalesce(func.sum(column), 0), BigInteger).label(column.key)


_FIGURES = (
    func.count().label("n_sequences"),
    _total(SequenceFigures.n_images),
    _total(SequenceFigures.n_sources),
    _total(SequenceFigures.n_matched),
    known_exposure(SequenceFigures.exposure_s, SequenceFigures.n_images).label("exposure_s"),
)
"""Totals over any set of observations."""
_FILES = (
    select(FileFigures.kind, _total(FileFigures.n_files), _total(FileFigures.n_bytes))
    .group_by(FileFigures.kind)
    .order_by(FileFigures.kind)
)
_CATALOG = (
    select(CatalogLoad.catalog, _total(CatalogLoad.stars_done).label("n_stars"))
    .group_by(CatalogLoad.catalog)
    .order_by(CatalogLoad.catalog)
)


def _of_sequences(
    *columns: ColumnElement[int] | ColumnElement[str] | ColumnElement[float | None],
) -> Query:
    joined = SequenceFigures.sequence_id == Sequence.sequence_id
    return select(*columns).select_from(Sequence).join(SequenceFigures, joined)


_BY_UNIT = (
    _of_sequences(Sequence.unit_id.expression, *_FIGURES)
    .group_by(Sequence.unit_id)
    .order_by(Sequence.unit_id)
)


def _by_night(first: date, last: date) -> Query:
    """Return the query of nights and units; bounds of start times allow an index."""
    earliest, latest = (datetime.combine(each, time(12), UTC) for each in (first, last))
    night = night_date(Sequence.start_time, noon_of_unit())
    dated = (
        select(Sequence.sequence_id, Sequence.unit_id, night.label("night"))
        .join(Unit, Unit.unit_id == Sequence.unit_id)
        .where(
            Sequence.start_time.between(earliest - HALF_DAY, latest + 3 * HALF_DAY),
            night.between(first, last),
        )
        .subquery()
    )
    joined = SequenceFigures.sequence_id == dated.c.sequence_id
    return (
        select(cast(dated.c.night, Text).label("night"), dated.c.unit_id, *_FIGURES)
        .join_from(dated, SequenceFigures, joined)
        .group_by(dated.c.night, dated.c.unit_id)
        .order_by(dated.c.night.desc(), dated.c.unit_id)
    )


def _states(session: Session) -> dict[str, int]:
    counts = (_total(SequenceFigures.n_in(state)).label(state) for state in ImageState)
    [row] = session.execute(select(*counts))
    return {state: count for state, count in row._asdict().items() if count}


def _newest_image(session: Session) -> tuple[NewestImage | None, str | None]:
    """Return the most recently taken image, and the date of its night."""
    last = SequenceFigures.last_image
    newest = select(func.max(last)).where(has_plausible(last)).scalar_subquery()
    found = (
        select(Image.image_id, Image.sequence_id, Image.time, Unit.unit_id, Unit.longitude_deg)
        .join(SequenceFigures, SequenceFigures.sequence_id == Image.sequence_id)
        .join(Sequence, Sequence.sequence_id == Image.sequence_id)
        .join(Unit, Unit.unit_id == Sequence.unit_id)
        .where(last == newest, Image.time == newest)
        .order_by(Image.image_id)
        .limit(1)
    )
    row = session.execute(found).one_or_none()
    if row is None:
        return None, None
    columns = row._asdict()
    night = night_of(row.time, columns.pop("longitude_deg"))
    return as_record(NewestImage, columns), night


def _rows(session: Session, query: Executable, kind: Callable[..., R]) -> list[R]:
    return [as_record(kind, row._asdict()) for row in session.execute(query)]
