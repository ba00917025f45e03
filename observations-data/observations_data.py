"""What the database knows of observations. Everything here only reads."""

import math
from collections.abc import Iterable

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

import observation_file_rows as file_rows
from observation_database import AnyRow, Json, sql_text, unknown
from observation_search import Cursor, Search
from panoptes_network.database.models import Image, ImageEvent, ImageState, Sequence
from unit_rows import longitudes, night_of

SEQUENCE_COLUMNS = (
    Sequence.sequence_id,
    Sequence.unit_id,
    Sequence.camera_id,
    Sequence.field,
    Sequence.start_time,
    Sequence.exptime_s,
    Sequence.iso,
    Sequence.software,
    Sequence.mount_ra_deg,
    Sequence.mount_dec_deg,
    Sequence.film_path,
    Sequence.film_frames,
    Sequence.film_reason,
    Sequence.created_at,
)
IMAGE_COLUMNS = (
    Image.image_id,
    Image.sequence_id,
    Image.time,
    Image.state,
    Image.reason_code,
    Image.reason,
    Image.tries,
    Image.exptime_s,
    Image.ra_deg,
    Image.dec_deg,
    Image.pixel_scale_arcsec,
    Image.rotation_deg,
    Image.footprint_deg,
    Image.rms_arcsec,
    Image.n_sources,
    Image.n_matched,
    Image.n_stamps,
    Image.fwhm_px,
    Image.background_adu,
    Image.limiting_mag,
    Image.processing_s,
    Image.received_at,
    Image.updated_at,
    Image.bucket_path,
    Image.solved_path,
)
EVENT_COLUMNS = (
    ImageEvent.image_id,
    ImageEvent.at,
    ImageEvent.service,
    ImageEvent.state,
    ImageEvent.reason_code,
    ImageEvent.reason,
)


def observations(session: Session, search: Search) -> Json:
    """Return a page of observations, newest first: ``items``, ``total``, ``next``.

    ``total`` counts all that are found, on whatever page; ``next`` is the cursor of the
    page behind this one, None on the last.
    """
    total = session.scalar(select(func.count()).select_from(Sequence).where(*search.conditions))
    rows = session.execute(
        select(*SEQUENCE_COLUMNS)
        .where(*search.page_conditions)
        .order_by(Sequence.start_time.desc(), Sequence.sequence_id)
        .limit(search.limit + 1)
    ).all()
    page = rows[: search.limit]
    more = len(rows) > search.limit
    return {
        "items": _with_summaries(session, page),
        "total": total,
        "next": str(Cursor(page[-1].start_time, page[-1].sequence_id)) if more else None,
    }


def observation(session: Session, sequence_id: str) -> Json:
    """Return an observation with its images, oldest first, and its files by kind.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, when there is none of this id.
    """
    rows = session.execute(
        select(*SEQUENCE_COLUMNS).where(Sequence.sequence_id == sql_text(sequence_id))
    ).all()
    if not rows:
        raise unknown("observation", sequence_id)
    [found] = _with_summaries(session, rows)
    images = images_of(session, sequence_id)["items"]
    return {**found, "images": images, "files": file_rows.files_by_kind(images)}


def images_of(session: Session, sequence_id: str) -> Json:
    """Return the images of an observation, oldest first: ``items``, ``total``.

    An unknown observation has none.
    """
    n_events = (
        select(func.count())
        .where(ImageEvent.image_id == Image.image_id)
        .correlate(Image)
        .scalar_subquery()
        .label("n_events")
    )
    rows = session.execute(
        select(*IMAGE_COLUMNS, n_events)
        .where(Image.sequence_id == sql_text(sequence_id))
        .order_by(Image.time, Image.image_id)
    ).all()
    further = file_rows.further_files(session, Image.sequence_id == sql_text(sequence_id))
    images = [_image(row, further.get(row.image_id, {})) for row in rows]
    return {"items": images, "total": len(images)}


def events_of_sequence(session: Session, sequence_id: str) -> Json:
    """Return what happened to the images of an observation: ``items``, ``total``.

    An unknown observation has no history.
    """
    image_ids = select(Image.image_id).where(Image.sequence_id == sql_text(sequence_id))
    return _events(session, ImageEvent.image_id.in_(image_ids))


def image(session: Session, image_id: str) -> Json:
    """Return an image with its header, its contradictions and its history.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, when there is none of this id.
    """
    row = session.execute(
        select(*IMAGE_COLUMNS, Image.headers, Image.contradictions).where(
            Image.image_id == sql_text(image_id)
        )
    ).one_or_none()
    if row is None:
        raise unknown("image", image_id)
    further = file_rows.further_files(session, Image.image_id == row.image_id)
    events = _events(session, ImageEvent.image_id == row.image_id)["items"]
    return {**_image(row, further.get(row.image_id, {})), "events": events}


def _with_summaries(session: Session, rows: Iterable[AnyRow]) -> list[Json]:
    """Put what all images of each observation say together beside its own columns."""
    by_id = {row.sequence_id: row for row in rows}
    summaries = _summaries(session, by_id)
    thumbnails = file_rows.newest_thumbnails(session, by_id)
    longitude_deg = longitudes(session, {row.unit_id for row in by_id.values()})
    nothing: Json = {"n_images": 0, "states": {}, "ra_deg": None, "dec_deg": None}
    return [
        {
            **_sequence(row),
            "night": night_of(row.start_time, longitude_deg[row.unit_id]),
            "updated_at": row.created_at,
            **nothing,
            **summaries.get(sequence_id, {}),
            "thumbnail": thumbnails.get(sequence_id),
        }
        for sequence_id, row in by_id.items()
    ]


def _sequence(row: AnyRow) -> Json:
    columns = row._asdict()
    del columns["film_path"], columns["film_frames"]
    return {**columns, "film": file_rows.film_of(row)}


def _summaries(session: Session, sequence_ids: Iterable[str]) -> dict[str, Json]:
    """Return by sequence id: number of images, counts by state, mean centre, newest change.

    The mean centre is that of the unit vectors, which is right at 0h and at the poles too.
    """
    ra, dec = Image.ra_deg, Image.dec_deg
    on_sky = and_(ra.between(0, 360), dec.between(-90, 90))
    states = [func.count().filter(Image.state == state).label(state) for state in ImageState]
    rows = session.execute(
        select(
            Image.sequence_id,
            func.count().label("n_images"),
            func.max(Image.updated_at).label("updated_at"),
            func.avg(func.cosd(dec) * func.cosd(ra)).filter(on_sky).label("x"),
            func.avg(func.cosd(dec) * func.sind(ra)).filter(on_sky).label("y"),
            func.avg(func.sind(dec)).filter(on_sky).label("z"),
            *states,
        )
        .where(Image.sequence_id.in_(sequence_ids))
        .group_by(Image.sequence_id)
    ).all()
    return {row.sequence_id: _summary(row) for row in rows}


def _summary(row: AnyRow) -> Json:
    ra_deg, dec_deg = _direction(row.x, row.y, row.z)
    columns = row._mapping  # noqa: SLF001 - a public name of SQLAlchemy's
    return {
        "n_images": row.n_images,
        "states": {state.value: columns[state] for state in ImageState if columns[state]},
        "ra_deg": ra_deg,
        "dec_deg": dec_deg,
        "updated_at": row.updated_at,
    }


def _direction(
    x: float | None, y: float | None, z: float | None
) -> tuple[float, float] | tuple[None, None]:
    """Return where a vector points, as RA in [0, 360) and Dec, degrees to the microdegree."""
    if x is None or y is None or z is None:
        return None, None
    ra_deg = math.degrees(math.atan2(y, x))
    dec_deg = math.degrees(math.atan2(z, math.hypot(x, y)))
    return round(ra_deg % 360, 6) % 360, round(dec_deg, 6)


def _image(row: AnyRow, further: dict[str, Json]) -> Json:
    columns = row._asdict()
    del columns["bucket_path"], columns["solved_path"]
    return {**columns, "files": file_rows.files_of_image(row, further)}


def _events(session: Session, condition: ColumnElement[bool]) -> Json:
    rows = session.execute(
        select(*EVENT_COLUMNS).where(condition).order_by(ImageEvent.event_id)
    ).all()
    return {"items": [row._asdict() for row in rows], "total": len(rows)}
