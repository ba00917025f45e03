"""Queries of observations, their images and their history. All are read-only."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from observations_data import files as file_rows
from observations_data.database import AnyRow, as_record, count, unknown
from observations_data.fact_changes import changes
from observations_data.observations.search import name_resolver
from observations_data.observations.search.facets import facets
from observations_data.observations.search.pagination import Cursor, fetch_page
from observations_data.observations.search.query import (
    Search,
    search_conditions,
    select_observations,
)
from observations_data.pagination import KEY
from observations_data.position import Cone
from observations_data.units.queries import longitudes, night_of
from panoptes_network.database.light_curve_models import LightCurveSet
from panoptes_network.database.models import (
    FIGURE_COLUMNS,
    Image,
    ImageEvent,
    Sequence,
    SequenceFigures,
)
from panoptes_network.responses.files import Files, LightCurveFiles
from panoptes_network.responses.observations import (
    Centre,
    Event,
    EventList,
    ImageList,
    ListedImage,
    Observation,
    ObservationPage,
    StoredImage,
    WholeObservation,
)
from panoptes_network.states import ImageState

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
)
FACTS = (
    *SEQUENCE_COLUMNS,
    Sequence.film_reason,
    Sequence.tags,
    Sequence.created_at,
)
OBSERVATION_COLUMNS = (
    *FACTS,
    Sequence.film_path,
    Sequence.film_frames,
    SequenceFigures.n_images,
    SequenceFigures.ra_deg,
    SequenceFigures.dec_deg,
    SequenceFigures.footprint_deg,
    SequenceFigures.updated_at,
    *(SequenceFigures.n_in(state) for state in ImageState),
)
"""Columns required by `_observation_items`."""
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
    *FIGURE_COLUMNS,
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


def observations(session: Session, search: Search) -> ObservationPage:
    """Return a page of observations.

    A search with ``facets`` has them (`search.facets`), one around a position has its ``centre``.

    Raises
    ------
    BadParameterError
        For a name without a known position.
    """
    cone = name_resolver.resolve(session, search.place) if search.place else None
    conditions = search_conditions(search, cone)
    matching = select_observations(*OBSERVATION_COLUMNS).where(*conditions.values())
    key = search.order.key(cone)
    rows = fetch_page(session, matching, key, search.order, search.cursor, search.limit + 1)
    page, has_more = rows[: search.limit], len(rows) > search.limit
    listing: ObservationPage = {
        "items": _observation_items(session, page),
        "total": count(session, select_observations(func.count()).where(*conditions.values())),
        "next": str(_cursor(search, page[-1])) if has_more else None,
        "sort": search.order.sort,
        "order": search.order.direction,
    }
    if cone is not None:
        listing["centre"] = _centre(cone)
    if search.facets:
        listing["facets"] = facets(session, conditions)
    return listing


def observation(session: Session, sequence_id: str) -> WholeObservation:
    """Return an observation with its images, oldest first, and its files by kind.

    ``light_curves`` are the files of the whole sequence's light curves, by kind; empty before they
    were made.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, if there is no observation with this id.
    """
    whole = select_observations(*OBSERVATION_COLUMNS)
    rows = session.execute(whole.where(Sequence.sequence_id == sequence_id)).all()
    if not rows:
        raise unknown("observation", sequence_id)
    [found] = _observation_items(session, rows)
    images = images_of(session, sequence_id)["items"]
    return {
        **found,
        "fact_changes": changes(session, found["sequence_id"]),
        "light_curves": _light_curves(session, sequence_id),
        "images": images,
        "files": file_rows.files_by_kind(images),
    }


def newest_with_film(session: Session, limit: int) -> list[Observation]:
    """Return the newest observations that have a film."""
    filmed = select_observations(*OBSERVATION_COLUMNS).where(
        Sequence.film_path.is_not(None),
        Sequence.start_time <= func.now(),  # a camera's clock may be wrong
    )
    newest = filmed.order_by(Sequence.start_time.desc(), Sequence.sequence_id).limit(limit)
    return _observation_items(session, session.execute(newest).all())


def _observation_items(session: Session, rows: Collection[AnyRow]) -> list[Observation]:
    """Return observations, from rows of `OBSERVATION_COLUMNS`."""
    thumbnails = file_rows.newest_thumbnails(session, [row.sequence_id for row in rows])
    longitude_deg = longitudes(session, {row.unit_id for row in rows})
    return [
        as_record(
            Observation,
            {
                **{column.key: getattr(row, column.key) for column in FACTS},
                "film": file_rows.film_of(row),
                "night": night_of(row.start_time, longitude_deg[row.unit_id]),
                **_figures(row),
                "thumbnail": thumbnails.get(row.sequence_id),
            },
        )
        for row in rows
    ]


def _figures(row: AnyRow) -> dict[str, object]:
    counts = {state.value: getattr(row, f"n_{state}") for state in ImageState}
    return {
        "n_images": row.n_images,
        "states": {state: count for state, count in counts.items() if count},
        "ra_deg": None if row.ra_deg is None else round(row.ra_deg, 6) % 360,
        "dec_deg": None if row.dec_deg is None else round(row.dec_deg, 6),
        "footprint_deg": row.footprint_deg,
        "updated_at": row.updated_at or row.created_at,
    }


def _light_curves(session: Session, sequence_id: str) -> LightCurveFiles:
    row = session.execute(
        select(*file_rows.LIGHT_CURVE_COLUMNS).where(LightCurveSet.sequence_id == sequence_id)
    ).one_or_none()
    return file_rows.light_curve_files(row) if row else {}


def images_of(session: Session, sequence_id: str) -> ImageList:
    """Return the images of an observation, oldest first.

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
    products = file_rows.product_files(session, Image.sequence_id == sequence_id)
    images = [as_record(ListedImage, _image(row, products)) for row in rows]
    return {"items": images, "total": len(images)}


def events_of_sequence(session: Session, sequence_id: str) -> EventList:
    """Return the history of an observation's images.

    An unknown observation has no history.
    """
    image_ids = select(Image.image_id).where(Image.sequence_id == sequence_id)
    return _events(session, ImageEvent.image_id.in_(image_ids))


def image(session: Session, image_id: str) -> StoredImage:
    """Return an image with its header, header findings, and history.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, if there is no image with this id.
    """
    row = session.execute(
        select(*IMAGE_COLUMNS, Image.headers, Image.contradictions, Image.header_findings).where(
            Image.image_id == image_id
        )
    ).one_or_none()
    if row is None:
        raise unknown("image", image_id)
    products = file_rows.product_files(session, Image.image_id == row.image_id)
    events = _events(session, ImageEvent.image_id == row.image_id)["items"]
    return as_record(StoredImage, {**_image(row, products), "events": events})


def _cursor(search: Search, last: AnyRow) -> Cursor:
    columns = last._mapping  # noqa: SLF001 - a public name of SQLAlchemy's
    return Cursor(search.order, columns[KEY], last.sequence_id)


def _centre(cone: Cone) -> Centre:
    return {
        "ra_deg": cone.ra_deg,
        "dec_deg": cone.dec_deg,
        "name": cone.name,
        "radius_deg": cone.radius_deg,
    }


def _image(row: AnyRow, products: dict[str, Files]) -> dict[str, object]:
    columns = row._asdict()
    for name in ("bucket_path", "solved_path", "raw_is_gone"):
        del columns[name]
    return {**columns, "files": file_rows.files_of_image(row, products.get(row.image_id, {}))}


def _events(session: Session, condition: ColumnElement[bool]) -> EventList:
    rows = session.execute(
        select(*EVENT_COLUMNS).where(condition).order_by(ImageEvent.event_id)
    ).all()
    return {"items": [as_record(Event, row._asdict()) for row in rows], "total": len(rows)}
