"""Queries of units and their nights, with images counted by state."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    Date,
    Function,
    Integer,
    Label,
    and_,
    case,
    cast,
    func,
    literal_column,
    not_,
    or_,
    select,
    union,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from observations_data.database import AnyRow, Query, as_record, unknown
from observations_data.fact_changes import changes
from observations_data.units.parameters import NightSearch
from panoptes_network import id_spellings
from panoptes_network.database import refusals
from panoptes_network.database.models import Image, Sequence, SequenceFigures, Unit
from panoptes_network.database.times import has_plausible
from panoptes_network.nights.night import Night, known_longitude, noon_offset
from panoptes_network.responses import units as responses
from panoptes_network.states import ImageState

HALF_DAY = timedelta(hours=12)
FACTS = (
    Unit.unit_id,
    Unit.name,
    Unit.latitude_deg,
    Unit.longitude_deg,
    Unit.elevation_m,
)


def units(session: Session) -> responses.UnitList:
    """Return all units by id: location, first and last image, numbers of images and nights."""
    sequences = _sequences_of_units()
    totals = (
        select(
            sequences.c.unit_id,
            func.sum(sequences.c.n_images).label("n_images"),
            _plausible(func.min, sequences.c.first_image),
            _plausible(func.max, sequences.c.last_image),
        )
        .group_by(sequences.c.unit_id)
        .subquery()
    )
    night_dates = union(
        *(
            select(sequences.c.unit_id, night_date(moment, sequences.c.noon).label("night")).where(
                has_plausible(moment)
            )
            for moment in (sequences.c.first_image, sequences.c.last_image)
        )
    ).subquery()
    n_nights = (
        select(func.count())
        .where(night_dates.c.unit_id == Unit.unit_id)
        .correlate(Unit)
        .scalar_subquery()
    )
    rows = session.execute(
        select(
            *FACTS,
            func.coalesce(totals.c.n_images, 0).label("n_images"),
            n_nights.label("n_nights"),
            totals.c.first_image,
            totals.c.last_image,
        )
        .outerjoin(totals, totals.c.unit_id == Unit.unit_id)
        .order_by(Unit.unit_id)
    ).all()
    return {"items": [_unit(row) for row in rows], "total": len(rows)}


def _plausible(
    aggregate: Callable[..., Function[datetime]], time: ColumnElement[datetime]
) -> Label[datetime]:
    """Return an aggregate of the plausible times, under the column's own name."""
    return aggregate(time).filter(has_plausible(time)).label(str(time.key))


def _sequences_of_units() -> CTE:
    """Return first and last image of each sequence with images, and its unit's noon.

    A sequence is one tracking run: it has only the nights of its first and last image.
    """
    figures = SequenceFigures
    return (
        select(
            Sequence.unit_id,
            figures.n_images,
            figures.first_image,
            figures.last_image,
            noon_of_unit().label("noon"),
        )
        .join(Sequence, Sequence.sequence_id == figures.sequence_id)
        .join(Unit, Unit.unit_id == Sequence.unit_id)
        .where(figures.n_images > 0)
        .cte("sequences_of_units")
    )


def nights(session: Session, unit_id: str, search: NightSearch) -> responses.NightPage:
    """Return the nights of a unit with images, newest first.

    There are no items if all uploads of the unit were refused.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, if the unit does not exist.
    """
    unit = require_unit(session, unit_id)
    counted = _counts_of_nights(unit).subquery().c
    rows = session.execute(
        select(
            counted.date,
            func.sum(counted.n_images).label("n_images"),
            func.min(counted.first_image).label("first_image"),
            func.max(counted.last_image).label("last_image"),
            *(func.sum(counted[state]).label(state) for state in ImageState),
        )
        .where(*([counted.date < search.before] if search.before else []))
        .group_by(counted.date)
        .order_by(counted.date.desc())
        .limit(search.limit + 1)
    ).all()
    page = rows[: search.limit]
    return {
        "unit": {**unit_facts(unit), "changes": changes(session, unit.unit_id)},
        "items": [_night(row) for row in page],
        "next": str(page[-1].date) if len(rows) > search.limit else None,
    }


def _counts_of_nights(unit: Unit) -> CompoundSelect[*tuple[object, ...]]:
    """Return the parts of a unit's nights: its sequences, and the images of sequences across noon.

    A sequence is one tracking run, so hardly any continues over noon. Images with implausible times
    belong to no night.
    """
    offset = noon_offset(unit.longitude_deg)
    figures, is_of_unit = SequenceFigures, Sequence.unit_id == unit.unit_id
    begun, ended = (
        night_date(moment, offset) for moment in (figures.first_image, figures.last_image)
    )
    joined = Sequence.sequence_id == figures.sequence_id
    are_plausible = [has_plausible(moment) for moment in (figures.first_image, figures.last_image)]
    sequences = (
        select(
            begun.label("date"),
            figures.n_images,
            figures.first_image,
            figures.last_image,
            *(figures.n_in(state).label(state) for state in ImageState),
        )
        .join(Sequence, joined)
        .where(is_of_unit, *are_plausible, begun == ended)
    )
    images: Query = (
        select(
            night_date(Image.time, offset),
            literal_column("1"),
            Image.time,
            Image.time,
            *(cast(Image.state == state, Integer) for state in ImageState),
        )
        .join(figures, figures.sequence_id == Image.sequence_id)
        .join(Sequence, joined)
        .where(is_of_unit, has_plausible(Image.time))
        .where(or_(not_(and_(*are_plausible)), begun != ended))
    )
    return union_all(sequences, images)


def require_unit(session: Session, unit_id: str) -> Unit:
    """Return a unit; its id may be in lowercase.

    A unit known only by refused uploads has no row, but has pages, so that its owner can see them.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, if the unit does not exist.
    """
    found = session.get(Unit, unit_id.upper())
    if found is not None:
        return found
    if not refusals.has_any(session, unit_id):
        raise unknown("unit", unit_id)
    return Unit(unit_id=id_spellings.unit(unit_id))


def unit_facts(unit: Unit) -> responses.UnitFacts:
    """Return a unit's own data."""
    facts = {column.key: getattr(unit, column.key) for column in FACTS}
    return as_record(responses.UnitFacts, facts)


def longitudes(session: Session, unit_ids: set[str]) -> dict[str, float | None]:
    """Return the units' longitudes, by which their nights are named."""
    rows = session.execute(
        select(Unit.unit_id, Unit.longitude_deg).where(Unit.unit_id.in_(unit_ids))
    )
    return {row.unit_id: row.longitude_deg for row in rows}


def night_of(moment: datetime, longitude_deg: float | None) -> str | None:
    """Return the date of the night that contains an aware time; None outside all nights."""
    try:
        return Night.holding(moment, longitude_deg).date.isoformat()
    except (ValueError, OverflowError):
        return None


def noon_of_unit() -> ColumnElement[timedelta]:
    """Return `night.noon_offset` of a unit's row, as SQL."""
    longitude = Unit.longitude_deg
    east = longitude + 180 - func.floor((longitude + 180) / 360) * 360 - 180
    seconds = case((longitude.between(-360, 360), func.round(-east * 240)), else_=0)
    return func.make_interval(0, 0, 0, 0, 0, 0, seconds)


def night_date(
    moment: ColumnElement[datetime]
    | InstrumentedAttribute[datetime]
    | InstrumentedAttribute[datetime | None],
    offset: timedelta | ColumnElement[timedelta],
) -> ColumnElement[date]:
    """Return the date of a time's night, as SQL; `offset` is that of its noon."""
    return cast(func.timezone("UTC", moment) - offset - HALF_DAY, Date)


def _unit(row: AnyRow) -> responses.Unit:
    columns = row._asdict()
    last = row.last_image
    columns["n_images"] = int(row.n_images)
    columns["last_night"] = night_of(last, row.longitude_deg) if last else None
    columns["longitude_deg"] = known_longitude(row.longitude_deg)
    return as_record(responses.Unit, columns)


def _night(row: AnyRow) -> responses.Night:
    columns = row._mapping  # noqa: SLF001 - a public name of SQLAlchemy's
    return {
        "date": row.date.isoformat(),
        "n_images": row.n_images,
        "first_image": row.first_image,
        "last_image": row.last_image,
        "states": {state.value: columns[state] for state in ImageState if columns[state]},
    }
