"""Records of images by the services: their files, headers, refusals and failures."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from panoptes_network import storable
from panoptes_network.config import settings
from panoptes_network.database.models import FIGURE_COLUMNS, Image, ImageEvent
from panoptes_network.database.parents import FileRank, insert_parents
from panoptes_network.database.superseded import (
    files_of,
    is_superseded,
    leave_superseded,
    lock_files,
    note_superseded,
    solved_path,
)
from panoptes_network.database.unit_tags import add_unit_tags
from panoptes_network.errors import PanoptesError, PermanentError, SkippedError, UnsolvedError
from panoptes_network.frames.fits_header import Cards
from panoptes_network.frames.header_values import Finding
from panoptes_network.frames.metadata import Identity, number
from panoptes_network.provenance import Origin
from panoptes_network.states import ImageState
from panoptes_network.storage import StoredObject

_MAX_REFUSED_PATH_BYTES = 2000
"""PostgreSQL indexes texts of at most 2704 bytes."""

_RESULTS = (
    Image.reason_code,
    Image.reason,
    Image.solved_path,
    Image.ra_deg,
    Image.dec_deg,
    Image.pixel_scale_arcsec,
    Image.rotation_deg,
    Image.footprint_deg,
    *FIGURE_COLUMNS,
    Image.processing_s,
)
"""Columns that a newer file of the same image resets."""


def end_state(error: PanoptesError) -> ImageState:
    """Return the final state for this reason."""
    if isinstance(error, SkippedError):
        return ImageState.SKIPPED
    return ImageState.UNSOLVED if isinstance(error, UnsolvedError) else ImageState.ERROR


def record_image(
    session: Session,
    identity: Identity,
    headers: Cards,
    stored: StoredObject | None,
    service: str,
    sent: Cards | None = None,
    findings: Mapping[str, Finding] | None = None,
) -> Image:
    """Write unit, camera, sequence and image; return the image's current row.

    A newer generation of the file restarts the image; an older one changes nothing. The unit's own
    FITS file counts as newer than any that the network made from the CR2.

    Headers that were `sent` take precedence over the file's `headers`, whichever arrive first and
    however often the file is announced. `findings` list the problems in both.
    """
    sent = sent or {}
    insert_parents(session, identity, headers, sent, FileRank.of(stored), service)
    add_unit_tags(session, str(identity.sequence), {**headers, **sent})
    image = _locked(session, identity)
    generation = stored.generation if stored else 0
    if _takes_over(session, image, stored):
        left = _solved_path(image)
        _start_anew(image, identity, stored)
        session.add(event_of(image, service))
        _leave_products(session, image, left)
    if generation in (0, image.generation):
        image.headers = {**headers, **image.headers, **sent}
        image.header_findings = {**image.header_findings, **(findings or {})}
        image.exptime_s = number(image.headers, "EXPTIME")
    return image


def end_unread(
    session: Session, image: Image, stored: StoredObject, error: PermanentError, service: str
) -> None:
    """End a newly recorded image before its file, `stored`, is processed.

    It is unchanged if a newer file has replaced it or its processing has begun.
    """
    if image.generation == stored.generation and image.state == ImageState.METADATA_RECEIVED:
        image.state = end_state(error)
        image.reason_code, image.reason = error.reason, error.message
        session.add(event_of(image, service))


def record_refusal(
    session: Session,
    error: PermanentError,
    service: str,
    bucket_path: str | None,
    *,
    generation: int | None = None,
    identity: Identity | None = None,
    stored: StoredObject | None = None,
) -> None:
    """Record why a file was refused: in the log, and on its image if the path identifies one.

    The event for one generation of a file may arrive more than once, whether the file is still
    `stored` or not; it is recorded once.
    """
    if identity is not None and stored is not None:
        image = record_image(session, identity, {}, stored, service)
        end_unread(session, image, stored, error, service)
        return
    generation = stored.generation if stored else generation
    refusal = _refusal(error, service, bucket_path, generation)
    if generation is None or not _is_noted(session, refusal):
        session.add(refusal)


def record_failure(
    session: Session,
    error: PanoptesError,
    service: str,
    identity: Identity,
    stored: StoredObject,
) -> None:
    """Record, once, that a file could not be converted.

    The image itself fails only if it has no FITS file, as nothing else will come. A FITS file that
    arrives later restarts it.
    """
    failure = _refusal(error, service, stored.path, stored.generation)
    failure.image_id = str(identity.image)
    if not _is_noted(session, failure):
        session.add(failure)
    insert_parents(session, identity, {}, {}, FileRank.of(stored), service)
    image = _locked(session, identity)
    if image.generation <= 0:
        image.state, image.reason_code, image.reason = failure.state, error.reason, error.message
        image.bucket, image.bucket_path = stored.bucket, stored.path


def find_ids(session: Session, bucket_path: str) -> tuple[str, str] | None:
    """Return the image and sequence ids that a file is recorded under; None if there are none."""
    query = select(Image.image_id, Image.sequence_id).where(Image.bucket_path == bucket_path)
    row = session.execute(query.limit(1)).first()
    return None if row is None else (row.image_id, row.sequence_id)


def _locked(session: Session, identity: Identity) -> Image:
    """Return the image's row, created if missing, locked against other writers."""
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


def _is_from_cr2(stored: StoredObject | None) -> bool:
    origin = Origin.of(stored)
    return origin is not None and origin.is_cr2


def _rank(from_cr2: bool, generation: int) -> tuple[bool, int]:
    """Return the sort key that decides which of an image's files is used."""
    return generation > 0 and not from_cr2, generation


def _takes_over(session: Session, image: Image, stored: StoredObject | None) -> bool:
    """Return whether a file is newer than the one described by the image's row.

    A product of a CR2 is not, once a newer CR2 was uploaded to another folder.
    """
    generation, origin = stored.generation if stored else 0, Origin.of(stored)
    if _rank(_is_from_cr2(stored), generation) <= _rank(image.from_cr2, image.generation):
        return False
    return origin is None or not is_superseded(origin, *files_of(session, image.image_id))


def _solved_path(image: Image) -> str | None:
    if image.generation <= 0 or image.bucket_path is None:
        return None
    return solved_path(image.bucket_path, image.image_id, image.sequence_id)


def _leave_products(session: Session, image: Image, left: str | None) -> None:
    """Note the products of an earlier file that the present file's products do not overwrite.

    A solved file is noted whether it exists or not: a plate solver may be writing it.
    """
    session.flush()
    lock_files(session, image.image_id)
    leave_superseded(session, image.image_id)
    if left not in (None, _solved_path(image)):
        note_superseded(session, settings().processed_bucket, [str(left)], image.image_id)


def _start_anew(image: Image, identity: Identity, stored: StoredObject | None) -> None:
    if image.generation > 0:  # else only headers sent before its first file are known
        image.headers, image.header_findings = {}, {}
    image.state = ImageState.METADATA_RECEIVED
    image.generation = stored.generation if stored else 0
    image.from_cr2 = _is_from_cr2(stored)
    image.bucket = stored.bucket if stored else None
    image.bucket_path = stored.path if stored else None
    image.sequence_id = str(identity.sequence)
    image.contradictions = identity.contradictions
    image.tries = 0
    forget_results(image)


def forget_results(image: Image) -> None:
    """Reset the columns of an image's result."""
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
    error: PanoptesError, service: str, bucket_path: str | None, generation: int | None
) -> ImageEvent:
    return ImageEvent(
        bucket_path=bucket_path and storable.shorten(bucket_path, _MAX_REFUSED_PATH_BYTES),
        service=service,
        message_id=None if generation is None else f"generation {generation}",
        state=end_state(error),
        reason_code=error.reason,
        reason=error.message,
    )


def event_of(
    image: Image, service: str, message_id: str | None = None, state: ImageState | None = None
) -> ImageEvent:
    """Return an event for an image's state, or for a `state` that its row does not show."""
    return ImageEvent(
        image_id=image.image_id,
        bucket_path=image.bucket_path,
        service=service,
        message_id=message_id,
        state=state or image.state,
        reason_code=image.reason_code,
        reason=image.reason,
    )
