"""Claims of images: a worker claims an image, advances it, and ends it.

A worker on an image holds a *claim*. Each of its writes names the claim, which becomes void when
another worker claims the image or a newer generation of the file arrives. So two workers may work
on one image, and one that was presumed dead may resume late, without harm.

An image that is reprocessed keeps its row and its sources until the new ones are written: until
then, its claim writes events only.
"""

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, text, update
from sqlalchemy.orm import Session

from panoptes_network.database.images import event_of, forget_results
from panoptes_network.database.models import Image, ImageEvent
from panoptes_network.errors import PanoptesError
from panoptes_network.events import PipelineImage
from panoptes_network.frames.fits_header import Cards
from panoptes_network.states import END_STATES, ImageState


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
    session.add(event_of(image, service, message_id, state=ImageState.SOLVING))
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
    session.add(event_of(changed, claim.service, claim.message_id))


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
    event = event_of(image, claim.service, claim.message_id, state=state)
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
