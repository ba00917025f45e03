"""Updates of an image by the services: record, claim, advance, finish.

A worker on an image holds a *claim*. Each of its writes names the claim, which becomes void when
another worker claims the image or a newer generation of the file arrives. So two workers may work
on one image, and one that was presumed dead may resume late, without harm.

An image that is reprocessed keeps its row and its sources until the new ones are written: until
then, its claim writes events only.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, text, update
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
from panoptes_network.events import PipelineImage
from panoptes_network.frames.fits_header import Cards
from panoptes_network.frames.header_values import Finding
from panoptes_network.frames.metadata import Identity, number
from panoptes_network.provenance import Origin
from panoptes_network.states import END_STATES, ImageState
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


class StaleClaimError(Exception):
    """Another worker, or a newer file, has taken over the image: drop the work."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write one generation of one image.

    With `keeps_result`, the image keeps its earlier result until the claim's own is complete: only
    the last write changes the image's row.
    """

    image_id: str
    sequence_id: str
    image_key: int
    number: int
    tries: int
    generation: int
    time: datetime
    headers: Cards
    message_id: str | None
    service: str
    keeps_result: bool = False


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
        session.add(_event(image, service))
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
        session.add(_event(image, service))


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


def claim_image(
    session: Session, message: PipelineImage, message_id: str, service: str
) -> Claim | None:
    """Claim an image for processing; None if the message needs no work.

    No work is needed if the file is outdated or the image has ended. A message that requests
    reprocessing needs none if the image ended by this same message.
    """
    query = select(Image).where(Image.image_id == message.image_id).with_for_update()
    image = session.scalars(query).one_or_none()
    if image is None or image.generation != message.generation:
        return None
    has_ended = image.state in END_STATES
    if has_ended and (not message.reprocess or _has_ended_by(session, image, message_id)):
        return None
    tries = image.tries + 1
    if message.reprocess:
        tries = _events_of(session, image, message_id, {ImageState.SOLVING}) + 1
    keeps_result = image.state == ImageState.SOURCES_EXTRACTED
    number = _take(session, image, None if keeps_result else tries)
    session.add(_event(image, service, message_id, state=ImageState.SOLVING))
    return Claim(
        image.image_id,
        image.sequence_id,
        image.image_key,
        number,
        tries,
        image.generation,
        image.time,
        image.headers,
        message_id,
        service,
        keeps_result,
    )


def check_claim(session: Session, claim: Claim) -> Image:
    """Return a claim's image, locked against other writers until the transaction ends.

    Raises
    ------
    StaleClaimError
        If the claim is void.
    """
    query = select(Image).where(*_is_held(claim)).with_for_update()
    image = session.scalars(query).one_or_none()
    if image is None:
        raise StaleClaimError(claim.image_id)
    return image


def advance(session: Session, claim: Claim, state: ImageState, **columns: object) -> None:
    """Set a claimed image's state and columns, and log the change.

    If the claim keeps an earlier result, states before `SOURCES_EXTRACTED` are only logged: pass
    all columns with that one.

    Raises
    ------
    StaleClaimError
        If the claim is void.
    """
    if claim.keeps_result and state != ImageState.SOURCES_EXTRACTED:
        _log_only(session, claim, state)
        return
    changed = session.execute(
        update(Image).where(*_is_held(claim)).values(state=state, **columns).returning(Image)
    ).scalar_one_or_none()
    if changed is None:
        raise StaleClaimError(claim.image_id)
    session.add(_event(changed, claim.service, claim.message_id))


def end_with_reason(
    session: Session, claim: Claim, state: ImageState, error: PanoptesError, processing_s: float
) -> None:
    """End a claimed image without stamps; delete the sources of an earlier file.

    If the claim keeps an earlier result, that result stays and the failed attempt is logged.
    """
    if claim.keeps_result:
        _log_only(session, claim, state, error)
        return
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
    """Delete the rows that an earlier attempt or file wrote for this image."""
    session.execute(
        text("DELETE FROM sources WHERE time = :time AND image_key = :key"),
        {"time": claim.time, "key": claim.image_key},
    )


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
    """Return the sort key that decides which of an image's files is believed."""
    return generation > 0 and not from_cr2, generation


def _take(session: Session, image: Image, tries: int | None) -> int:
    """Make all earlier claims void and return the new one's number.

    Without `tries`, nothing else changes, not even the time of the last change.
    """
    if tries is not None:
        if image.state in END_STATES:
            forget_results(image)
        image.tries, image.state = tries, ImageState.SOLVING
    session.flush()
    values = {"claim": Image.claim + 1, "updated_at": Image.updated_at}
    taken = update(Image).where(Image.image_key == image.image_key).values(values)
    return session.execute(taken.returning(Image.claim)).scalar_one()


def _is_held(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    return (
        Image.image_id == claim.image_id,
        Image.claim == claim.number,
        Image.generation == claim.generation,
    )


def _log_only(
    session: Session, claim: Claim, state: ImageState, error: PanoptesError | None = None
) -> None:
    image = check_claim(session, claim)
    event = _event(image, claim.service, claim.message_id, state=state)
    if error:
        event.reason_code, event.reason = error.reason, error.message
    session.add(event)


def _has_ended_by(session: Session, image: Image, message_id: str) -> bool:
    return _events_of(session, image, message_id, END_STATES) > 0


def _events_of(session: Session, image: Image, message_id: str, states: Set[ImageState]) -> int:
    """Return how often a message moved an image of this file into one of the states."""
    query = select(func.count()).where(
        ImageEvent.image_id == image.image_id,
        ImageEvent.message_id == message_id,
        ImageEvent.state.in_(states),
    )
    return session.execute(query).scalar_one()


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


def _event(
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
