"""The facts of a unit's night, for `panoptes_network.nights.report`."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from observations_data import files as file_rows
from observations_data.database import AnyRow
from observations_data.http.query_parameters import date_of
from observations_data.units.queries import require_unit, unit_facts
from panoptes_network.database import refusals
from panoptes_network.database.models import Camera, Image, ImageEvent, ImageFile, Sequence
from panoptes_network.database.operation_models import DeadLetter
from panoptes_network.database.times import has_plausible
from panoptes_network.figures import TRENDS
from panoptes_network.ids import format_time
from panoptes_network.nights.night import Night
from panoptes_network.nights.report import NightFacts, NightImage, NightSequence, Refusal, report
from panoptes_network.responses.files import Files
from panoptes_network.responses.units import ShownImage, UnitNight
from panoptes_network.states import END_STATES, FileKind

IMAGE_COLUMNS = (
    Image.image_id,
    Image.sequence_id,
    Image.time,
    Image.state,
    Image.reason_code,
    Image.reason,
    Image.bucket_path,
    Image.generation,
    Image.from_cr2,
    Image.contradictions,
    Image.header_findings,
    Image.headers["DATE-OBS"].astext.label("date_obs"),
    Image.headers["LAT-OBS"].label("latitude"),
    Image.headers["LONG-OBS"].label("longitude"),
    Image.exptime_s,
    Image.ra_deg,
    Image.dec_deg,
    Image.processing_s,
    Image.received_at,
    Image.updated_at,
    *(getattr(Image, name) for name in TRENDS),
)
LAST = "last"
EVENING = timedelta(hours=6)
"""Time after noon at which a night counts as begun."""
SHOWN_FILES = (FileKind.PICTURE, FileKind.PREVIEW, FileKind.THUMBNAIL)


def night(session: Session, unit_id: str, date: str) -> UnitNight[datetime]:
    """Return the report of a unit's night, its images for a timeline, and its films.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, if the unit does not exist.
    BadParameterError
        If `date` is not that of a night.
    """
    unit = require_unit(session, unit_id)
    now = session.scalar(select(func.now())) or datetime.now(UTC)
    asked = _asked_night(date, unit.longitude_deg, now)
    rows = _image_rows(session, unit.unit_id, asked)
    sequences = _sequence_rows(session, {row.sequence_id for row in rows})
    files = file_rows.product_files(session, Image.image_id.in_([row.image_id for row in rows]))
    images = _images(session, rows, sequences, files)
    made = report(
        NightFacts(
            unit_id=unit.unit_id,
            night=asked,
            now=now,
            site=(unit.latitude_deg, unit.longitude_deg),
            images=images,
            sequences=[_sequence(row) for row in sequences.values()],
            refusals=_refusals(session, unit.unit_id, asked),
            unseen_cr2=_unseen_cr2(session, unit.unit_id, asked),
            **_neighbours(session, unit.unit_id, asked),
        )
    )
    shown = [_shown(image, files.get(image.image_id, {})) for image in images]
    return {"unit": unit_facts(unit), **made, "images": shown}


def _asked_night(date: str, longitude_deg: float | None, now: datetime) -> Night:
    """Return the night of a date; `LAST` is the most recent one."""
    if date == LAST:
        return Night.holding(now - EVENING, longitude_deg)
    return Night.of(date_of(date, "date"), longitude_deg)


def _image_rows(session: Session, unit_id: str, asked: Night) -> list[AnyRow]:
    """Return the night's images; in each of the unit's sequences, the index finds them."""
    sequences = select(Sequence.sequence_id).where(Sequence.unit_id == unit_id)
    query = (
        select(*IMAGE_COLUMNS)
        .where(Image.sequence_id.in_(sequences))
        .where(Image.time >= asked.start, Image.time < asked.end)
        .order_by(Image.time, Image.image_id)
    )
    return list(session.execute(query))


def _sequence_rows(session: Session, sequence_ids: set[str]) -> dict[str, AnyRow]:
    columns = (
        Sequence.sequence_id,
        Sequence.camera_id,
        Sequence.field,
        Sequence.exptime_s,
        Sequence.mount_ra_deg,
        Sequence.mount_dec_deg,
        Sequence.film_path,
        Sequence.film_frames,
        Sequence.film_reason,
    )
    rows = session.execute(select(*columns).where(Sequence.sequence_id.in_(sequence_ids)))
    return {row.sequence_id: row for row in rows}


def _images(
    session: Session,
    rows: list[AnyRow],
    sequences: dict[str, AnyRow],
    files: dict[str, Files],
) -> list[NightImage]:
    ids = [row.image_id for row in rows]
    ended, given_up = _ends(session, ids), _given_up(session, ids)
    return [
        NightImage(
            **{name: value for name, value in row._asdict().items() if name not in TRENDS},
            figures={name: getattr(row, name) for name in TRENDS},
            camera_id=sequences[row.sequence_id].camera_id,
            ended_at=ended.get(row.image_id),
            file_kinds=frozenset(files.get(row.image_id, ())),
            is_given_up=row.image_id in given_up,
        )
        for row in rows
    ]


def _ends(session: Session, image_ids: list[str]) -> dict[str, datetime]:
    """Return when each image last ended."""
    query = (
        select(ImageEvent.image_id, func.max(ImageEvent.at).label("at"))
        .where(ImageEvent.image_id.in_(image_ids), ImageEvent.state.in_(END_STATES))
        .group_by(ImageEvent.image_id)
    )
    return {row.image_id: row.at for row in session.execute(query) if row.image_id}


def _given_up(session: Session, image_ids: list[str]) -> set[str | None]:
    query = select(DeadLetter.image_id).where(
        DeadLetter.image_id.in_(image_ids), DeadLetter.is_open
    )
    return set(session.scalars(query))


def _sequence(row: AnyRow) -> NightSequence:
    columns = row._asdict()
    del columns["film_path"], columns["film_frames"]
    return NightSequence(**columns, film=file_rows.film_of(row))


def _refusals(session: Session, unit_id: str, asked: Night) -> list[Refusal]:
    """Return the night's refused files, each with its last reason."""
    found = refusals.of_night(session, asked.start, asked.end, refusals.is_of_unit(unit_id))
    return [
        Refusal(
            str(one.bucket_path),
            refusals.time_of(one),
            one.service,
            one.reason_code,
            one.reason,
            one.state,
        )
        for one in found
    ]


def _unseen_cr2(session: Session, unit_id: str, asked: Night) -> list[str]:
    """Return the images that have a CR2 but no row yet."""
    start, end = format_time(asked.start), format_time(asked.end)
    cameras = session.scalars(select(Camera.camera_id).where(Camera.unit_id == unit_id))
    spans = [
        ImageFile.image_id.between(f"{unit_id}_{camera}_{start}", f"{unit_id}_{camera}_{end}")
        for camera in cameras
    ]
    query = (
        select(ImageFile.image_id)
        .outerjoin(Image, Image.image_id == ImageFile.image_id)
        .where(or_(*spans), ImageFile.kind == FileKind.CR2, Image.image_id.is_(None))
        .order_by(ImageFile.image_id)
    )
    return list(session.scalars(query)) if spans else []


def _neighbours(session: Session, unit_id: str, asked: Night) -> dict[str, datetime | None]:
    """Return the unit's last image before the night, and the first one after it."""
    row = session.execute(
        select(
            func.max(Image.time).filter(Image.time < asked.start).label("previous_image"),
            func.min(Image.time).filter(Image.time >= asked.end).label("next_image"),
        )
        .join(Sequence, Sequence.sequence_id == Image.sequence_id)
        .where(Sequence.unit_id == unit_id, has_plausible(Image.time))
    ).one()
    return row._asdict()


def _shown(image: NightImage, files: Files) -> ShownImage[datetime]:
    return {
        "image_id": image.image_id,
        "sequence_id": image.sequence_id,
        "camera_id": image.camera_id,
        "time": image.time,
        "exptime_s": image.exptime_s,
        "state": image.state,
        "reason_code": image.reason_code,
        "rms_arcsec": image.figures["rms_arcsec"],
        "fwhm_px": image.figures["fwhm_px"],
        "background_adu": image.figures["background_adu"],
        "limiting_mag": image.figures["limiting_mag"],
        "files": {kind: files[kind] for kind in SHOWN_FILES if kind in files},
    }
