"""What the database knows of observations. Everything here only reads."""

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from observations_data import files as file_rows
from observations_data.database import AnyRow, Json, unknown
from observations_data.fact_changes import changes
from observations_data.observations.rows import OBSERVATION_COLUMNS, observation_rows
from observations_data.observations.search import name_resolver as sky_names
from observations_data.observations.search.conditions import conditions, of_observations
from observations_data.observations.search.facets import facets
from observations_data.observations.search.pagination import KEY, Cursor, page_behind
from observations_data.observations.search.query import Search
from observations_data.position import Cone
from panoptes_network.database.light_curve_models import LightCurveSet
from panoptes_network.database.models import Image, ImageEvent, Sequence

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
    file_rows.RAW_IS_GONE,
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
    """Return a page of observations: ``items``, ``total``, ``next``, ``sort``, ``order``.

    ``total`` counts all that are found, on whatever page; ``next`` is the cursor of the
    page behind this one, None on the last. Where they were asked for, ``facets`` are there
    (`search.facets`), and ``centre`` where a place on the sky was.

    Raises
    ------
    BadParameterError
        For a name that no place is known of.
    """
    cone = sky_names.find(session, search.place) if search.place else None
    meets = conditions(search, cone)
    found = of_observations(*OBSERVATION_COLUMNS).where(*meets.values())
    key = search.order.key(cone)
    rows = page_behind(session, found, key, search.order, search.cursor, search.limit + 1)
    page, more = rows[: search.limit], len(rows) > search.limit
    answer: Json = {
        "items": observation_rows(session, page),
        "total": session.scalar(of_observations(func.count()).where(*meets.values())),
        "next": str(_cursor(search, page[-1])) if more else None,
        "sort": search.order.sort,
        "order": search.order.direction,
    }
    if cone is not None:
        answer["centre"] = _centre(cone)
    return {**answer, "facets": facets(session, meets)} if search.facets else answer


def observation(session: Session, sequence_id: str) -> Json:
    """Return an observation with its images, oldest first, and its files by kind.

    ``light_curves`` are the files of the whole sequence's, by kind; none before they were made.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, when there is none of this id.
    """
    whole = of_observations(*OBSERVATION_COLUMNS)
    rows = session.execute(whole.where(Sequence.sequence_id == sequence_id)).all()
    if not rows:
        raise unknown("observation", sequence_id)
    [found] = observation_rows(session, rows)
    images = images_of(session, sequence_id)["items"]
    return {
        **found,
        "fact_changes": changes(session, found["sequence_id"]),
        "light_curves": _light_curves(session, sequence_id),
        "images": images,
        "files": file_rows.files_by_kind(images),
    }


def _light_curves(session: Session, sequence_id: str) -> dict[str, Json]:
    row = session.execute(
        select(*file_rows.LIGHT_CURVE_COLUMNS).where(LightCurveSet.sequence_id == sequence_id)
    ).one_or_none()
    return file_rows.light_curve_files(row) if row else {}


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
        .where(Image.sequence_id == sequence_id)
        .order_by(Image.time, Image.image_id)
    ).all()
    further = file_rows.further_files(session, Image.sequence_id == sequence_id)
    images = [_image(row, further.get(row.image_id, {})) for row in rows]
    return {"items": images, "total": len(images)}


def events_of_sequence(session: Session, sequence_id: str) -> Json:
    """Return what happened to the images of an observation: ``items``, ``total``.

    An unknown observation has no history.
    """
    image_ids = select(Image.image_id).where(Image.sequence_id == sequence_id)
    return _events(session, ImageEvent.image_id.in_(image_ids))


def image(session: Session, image_id: str) -> Json:
    """Return an image with its header, what is wrong with that, and its history.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, when there is none of this id.
    """
    row = session.execute(
        select(*IMAGE_COLUMNS, Image.headers, Image.contradictions, Image.header_findings).where(
            Image.image_id == image_id
        )
    ).one_or_none()
    if row is None:
        raise unknown("image", image_id)
    further = file_rows.further_files(session, Image.image_id == row.image_id)
    events = _events(session, ImageEvent.image_id == row.image_id)["items"]
    return {**_image(row, further.get(row.image_id, {})), "events": events}


def _cursor(search: Search, last: AnyRow) -> Cursor:
    columns = last._mapping  # noqa: SLF001 - a public name of SQLAlchemy's
    return Cursor(search.order, columns[KEY], last.sequence_id)


def _centre(cone: Cone) -> Json:
    return {
        "ra_deg": cone.ra_deg,
        "dec_deg": cone.dec_deg,
        "name": cone.name,
        "radius_deg": cone.radius_deg,
    }


def _image(row: AnyRow, further: dict[str, Json]) -> Json:
    columns = row._asdict()
    for name in ("bucket_path", "solved_path", "raw_is_gone"):
        del columns[name]
    return {**columns, "files": file_rows.files_of_image(row, further)}


def _events(session: Session, condition: ColumnElement[bool]) -> Json:
    rows = session.execute(
        select(*EVENT_COLUMNS).where(condition).order_by(ImageEvent.event_id)
    ).all()
    return {"items": [row._asdict() for row in rows], "total": len(rows)}
