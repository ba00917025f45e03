"""What the database knows of observations, as plain JSON values.

Everything here only reads. A value that JSON cannot hold (NaN, infinity) becomes null, a
time an ISO 8601 string in UTC that ends in Z.
"""

import math
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Concatenate, ParamSpec
from urllib.parse import quote

from sqlalchemy import ColumnElement, Row, and_, func, select, text
from sqlalchemy.orm import Session

from observation_search import Cursor, Search
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.models import Image, ImageEvent, ImageState, Sequence
from panoptes_network.errors import PermanentError, Reason

P = ParamSpec("P")
Json = dict[str, Any]
AnyRow = Row[*tuple[Any, ...]]

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
FILE_COLUMNS = {"raw": Image.bucket_path, "processed": Image.solved_path}


def read(query: Callable[Concatenate[Session, P], Json], *args: P.args, **kwargs: P.kwargs) -> Json:
    """Run `query` on one unchanging view of the database, which it cannot write to.

    Raises
    ------
    TransientError
        When the database is away.
    """

    def work(session: Session) -> Json:
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        return query(session, *args, **kwargs)

    answer: Json = _plain(run_transaction(work))
    return answer


def check(session: Session) -> Json:
    """Return that the database answers."""
    session.execute(select(1))
    return {"status": "ok"}


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
        select(*SEQUENCE_COLUMNS).where(Sequence.sequence_id == _sql_text(sequence_id))
    ).all()
    if not rows:
        raise _unknown("observation", sequence_id)
    [found] = _with_summaries(session, rows)
    images = images_of(session, sequence_id)["items"]
    files = {
        kind: [i["files"][kind] for i in images if kind in i["files"]] for kind in FILE_COLUMNS
    }
    return {**found, "images": images, "files": files}


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
        .where(Image.sequence_id == _sql_text(sequence_id))
        .order_by(Image.time, Image.image_id)
    ).all()
    return {"items": [_image(row) for row in rows], "total": len(rows)}


def events_of_sequence(session: Session, sequence_id: str) -> Json:
    """Return what happened to the images of an observation: ``items``, ``total``.

    An unknown observation has no history.
    """
    image_ids = select(Image.image_id).where(Image.sequence_id == _sql_text(sequence_id))
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
            Image.image_id == _sql_text(image_id)
        )
    ).one_or_none()
    if row is None:
        raise _unknown("image", image_id)
    return {**_image(row), "events": _events(session, ImageEvent.image_id == row.image_id)["items"]}


def require_file(session: Session, kind: str, path: str) -> Json:
    """Return the image that the object `path` of the bucket `kind` belongs to.

    Only such objects may be sent: a bucket may hold more than the network knows of.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, when no image has this file.
    """
    image_id = session.scalar(
        select(Image.image_id).where(FILE_COLUMNS[kind] == _sql_text(path)).limit(1)
    )
    if image_id is None:
        raise _unknown(f"{kind} file", path)
    return {"image_id": image_id}


def _with_summaries(session: Session, rows: Iterable[AnyRow]) -> list[Json]:
    """Put what all images of each observation say together beside its own columns."""
    summaries = _summaries(session, [row.sequence_id for row in rows])
    nothing: Json = {"n_images": 0, "states": {}, "ra_deg": None, "dec_deg": None}
    return [
        {
            **row._asdict(),
            "updated_at": row.created_at,
            **nothing,
            **summaries.get(row.sequence_id, {}),
        }
        for row in rows
    ]


def _summaries(session: Session, sequence_ids: list[str]) -> dict[str, Json]:
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


def _image(row: AnyRow) -> Json:
    found: Json = row._asdict()
    paths = {"raw": found.pop("bucket_path"), "processed": found.pop("solved_path")}
    files = {
        kind: {"path": path, "name": path.rpartition("/")[2], "url": f"/files/{kind}/{quote(path)}"}
        for kind, path in paths.items()
        if path
    }
    return {**found, "files": files}


def _files(images: list[Json], kind: str) -> list[Json]:
    return [image["files"][kind] for image in images if kind in image["files"]]


def _events(session: Session, condition: ColumnElement[bool]) -> Json:
    rows = session.execute(
        select(*EVENT_COLUMNS).where(condition).order_by(ImageEvent.event_id)
    ).all()
    return {"items": [row._asdict() for row in rows], "total": len(rows)}


def _sql_text(value: str) -> str:
    """Return text as PostgreSQL can compare it: it has no NUL, and nothing there has one."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _unknown(what: str, name: str) -> PermanentError:
    return PermanentError(Reason.OBJECT_MISSING, f"there is no {what} {name[:200]!r}")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
