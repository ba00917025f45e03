"""What the services write about an image: recorded, claimed, advanced, finished.

A worker that works on an image holds a *claim*: every write of its names the claim, and a
newer claim, or a newer generation of the file, makes it void. So two workers may meet on one
image, and one that was thought dead may wake up late, without harm.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from panoptes_network.database.models import (
    END_STATES,
    Camera,
    Image,
    ImageEvent,
    ImageState,
    Sequence,
    Unit,
)
from panoptes_network.errors import PanoptesError
from panoptes_network.events import PipelineImage
from panoptes_network.metadata import Identity, integer, number
from panoptes_network.metadata import text as header_text
from panoptes_network.origin import Origin
from panoptes_network.storage import StoredObject

_MAX_REFUSED_PATH_BYTES = 2000
"""An indexed text of PostgreSQL has 2704 bytes at most."""

_RESULTS = (
    Image.reason_code,
    Image.reason,
    Image.solved_path,
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
)
"""What a newer file of the same image makes void."""


class StaleClaimError(Exception):
    """Another worker, or a newer file, has taken the image over: drop the work."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write about one generation of one image."""

    image_id: str
    image_key: int
    number: int
    tries: int
    generation: int
    time: datetime
    headers: dict[str, Any]
    message_id: str | None
    service: str


def record_image(
    session: Session,
    identity: Identity,
    headers: dict[str, Any],
    stored: StoredObject | None,
    service: str,
    sent: dict[str, Any] | None = None,
) -> Image:
    """Write unit, camera, sequence and image; return the image as it now stands.

    A newer generation of the file starts the image anew; an older one changes nothing. The
    unit's own FITS file counts as newer than any that the network made of the CR2.

    Headers that were `sent` win over those of the file, `headers`, whichever comes first
    and however often the file is announced again.
    """
    sent = sent or {}
    _insert_parents(session, identity, {**headers, **sent})
    image = _locked(session, identity)
    generation = stored.generation if stored else 0
    if _rank(_is_from_cr2(stored), generation) > _rank(image.from_cr2, image.generation):
        _start_anew(image, identity, stored)
        session.add(_event(image, service))
    if generation in (0, image.generation):
        image.headers = {**headers, **image.headers, **sent}
        image.exptime_s = number(image.headers, "EXPTIME")
    return image


def record_refusal(
    session: Session,
    error: PanoptesError,
    service: str,
    bucket_path: str | None,
    *,
    identity: Identity | None = None,
    stored: StoredObject | None = None,
) -> None:
    """Note why a file was refused: in the log, and on its image where its path says which.

    The event of one file may come more than once; it is noted once.
    """
    if identity is None or stored is None:
        refusal = _refusal(error, service, bucket_path, stored)
        if stored is None or not _is_noted(session, refusal):
            session.add(refusal)
        return
    image = record_image(session, identity, {}, stored, service)
    if image.generation == stored.generation and image.state == ImageState.METADATA_RECEIVED:
        image.state = ImageState.ERROR
        image.reason_code, image.reason = error.reason, error.message
        session.add(_event(image, service))


def record_failure(
    session: Session,
    error: PanoptesError,
    service: str,
    identity: Identity,
    stored: StoredObject,
) -> None:
    """Note, once, that a file could not be converted.

    It is the image's own failure only where the image has no FITS file: then it waits for
    nothing else. One that comes later starts it anew.
    """
    failure = _refusal(error, service, stored.path, stored)
    failure.image_id = str(identity.image)
    if not _is_noted(session, failure):
        session.add(failure)
    _insert_parents(session, identity, {})
    image = _locked(session, identity)
    if image.generation <= 0:
        image.state, image.reason_code, image.reason = failure.state, error.reason, error.message
        image.bucket, image.bucket_path = stored.bucket, stored.path


def claim_image(
    session: Session, message: PipelineImage, message_id: str, service: str
) -> Claim | None:
    """Take an image to work on it; None where it has ended already or the file is outdated."""
    query = select(Image).where(Image.image_id == message.image_id).with_for_update()
    image = session.scalars(query).one_or_none()
    if image is None or image.generation != message.generation or image.state in END_STATES:
        return None
    image.claim += 1
    image.tries += 1
    image.state = ImageState.SOLVING
    session.add(_event(image, service, message_id))
    return Claim(
        image.image_id,
        image.image_key,
        image.claim,
        image.tries,
        image.generation,
        image.time,
        image.headers,
        message_id,
        service,
    )


def advance(session: Session, claim: Claim, state: ImageState, **columns: Any) -> None:
    """Set a claimed image's state and columns, and log the change.

    Raises
    ------
    StaleClaimError
        When the claim is void.
    """
    changed = session.execute(
        update(Image)
        .where(
            Image.image_id == claim.image_id,
            Image.claim == claim.number,
            Image.generation == claim.generation,
        )
        .values(state=state, **columns)
        .returning(Image)
    ).scalar_one_or_none()
    if changed is None:
        raise StaleClaimError(claim.image_id)
    session.add(_event(changed, claim.service, claim.message_id))


def end_with_reason(
    session: Session, claim: Claim, state: ImageState, error: PanoptesError, processing_s: float
) -> None:
    """End a claimed image without stamps; what an earlier file left of sources goes."""
    delete_sources(session, claim)
    advance(
        session,
        claim,
        state,
        reason_code=error.reason,
        reason=error.message,
        processing_s=processing_s,
    )


def delete_sources(session: Session, claim: Claim) -> None:
    """Remove the rows that an earlier try or file wrote for this image."""
    session.execute(
        text("DELETE FROM sources WHERE time = :time AND image_key = :key"),
        {"time": claim.time, "key": claim.image_key},
    )


def _locked(session: Session, identity: Identity) -> Image:
    """Return the image's row, made where it is missing, so that no one else writes to it."""
    session.execute(
        insert(Image)
        .values(
            image_id=str(identity.image),
            sequence_id=str(identity.sequence),
            time=identity.image.time,
            state=ImageState.METADATA_RECEIVED,
            generation=-1,
        )
        .on_conflict_do_nothing(index_elements=["image_id"])
    )
    query = select(Image).where(Image.image_id == str(identity.image)).with_for_update()
    return session.scalars(query).one()


def _insert_parents(session: Session, identity: Identity, headers: dict[str, Any]) -> None:
    """Write the rows an image refers to, in one order, so that two writers cannot deadlock."""
    unit_id, camera_id = identity.image.unit_id, identity.image.camera_id
    _insert_missing(
        session,
        Unit,
        unit_id=unit_id,
        name=header_text(headers, "OBSERVER"),
        latitude_deg=number(headers, "LAT-OBS"),
        longitude_deg=number(headers, "LONG-OBS"),
        elevation_m=number(headers, "ELEV-OBS"),
    )
    _insert_missing(
        session,
        Camera,
        camera_id=camera_id,
        unit_id=unit_id,
        serial_number=header_text(headers, "CAMSN"),
    )
    _insert_missing(
        session,
        Sequence,
        sequence_id=str(identity.sequence),
        unit_id=unit_id,
        camera_id=camera_id,
        start_time=identity.sequence.time,
        field=identity.field,
        mount_ra_deg=number(headers, "RA-MNT"),
        mount_dec_deg=number(headers, "DEC-MNT"),
        exptime_s=number(headers, "EXPTIME"),
        iso=integer(headers, "ISO"),
        software=header_text(headers, "CREATOR"),
    )


def _insert_missing(session: Session, table: type[Any], **values: Any) -> None:
    """Insert a row; where it exists, fill in only what was not known of it."""
    key, *others = values
    new = insert(table).values(**values)
    filled = {n: func.coalesce(getattr(table, n), new.excluded[n]) for n in others}
    session.execute(new.on_conflict_do_update(index_elements=[key], set_=filled))


def _is_from_cr2(stored: StoredObject | None) -> bool:
    origin = Origin.of(stored)
    return origin is not None and origin.is_cr2


def _rank(from_cr2: bool, generation: int) -> tuple[bool, int]:
    """Return what the file that is believed has the most of, in whatever order they come."""
    return generation > 0 and not from_cr2, generation


def _start_anew(image: Image, identity: Identity, stored: StoredObject | None) -> None:
    if image.generation > 0:  # else what is known of it was sent before its first file
        image.headers = {}
    image.state = ImageState.METADATA_RECEIVED
    image.generation = stored.generation if stored else 0
    image.from_cr2 = _is_from_cr2(stored)
    image.bucket = stored.bucket if stored else None
    image.bucket_path = stored.path if stored else None
    image.sequence_id = str(identity.sequence)
    image.contradictions = identity.contradictions
    image.tries = 0
    for result in _RESULTS:
        setattr(image, result.key, None)


def _is_noted(session: Session, refusal: ImageEvent) -> bool:
    query = select(ImageEvent.event_id).where(
        ImageEvent.bucket_path == refusal.bucket_path,
        ImageEvent.message_id == refusal.message_id,
        ImageEvent.reason_code == refusal.reason_code,
    )
    return session.scalars(query.limit(1)).first() is not None


def _refusal(
    error: PanoptesError, service: str, bucket_path: str | None, stored: StoredObject | None
) -> ImageEvent:
    return ImageEvent(
        bucket_path=None if bucket_path is None else _storable(bucket_path),
        service=service,
        message_id=f"generation {stored.generation}" if stored else None,
        state=ImageState.ERROR,
        reason_code=error.reason,
        reason=error.message,
    )


def _storable(path: str) -> str:
    """Return a path that was refused, maybe for signs or a length that the database refuses too."""
    escaped = path.replace("\0", "\\0").encode("utf-8", "backslashreplace")
    return escaped[:_MAX_REFUSED_PATH_BYTES].decode("utf-8", "ignore")


def _event(image: Image, service: str, message_id: str | None = None) -> ImageEvent:
    return ImageEvent(
        image_id=image.image_id,
        bucket_path=image.bucket_path,
        service=service,
        message_id=message_id,
        state=image.state,
        reason_code=image.reason_code,
        reason=image.reason,
    )
