"""Dead letters whose work has been done since are closed, so that nobody has to handle them.

The work may have been done by a message of the sweep or an operator, or for a newer file.
"""

import logging
from dataclasses import dataclass
from functools import partial

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from panoptes_network.config import settings
from panoptes_network.database import films, light_curve_sets
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.models import Image, ImageEvent, ImageFile
from panoptes_network.database.operation_models import DeadLetter
from panoptes_network.database.superseded import files_of, is_superseded
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.events import FilmRequest, PipelineImage, parse
from panoptes_network.operations.history import SERVICE
from panoptes_network.operations.lost_uploads import PICTURES, PRODUCTS
from panoptes_network.operations.message_subject import Subject
from panoptes_network.operations.report import Report
from panoptes_network.provenance import Origin
from panoptes_network.states import END_STATES, FileKind, ImageState

_log = logging.getLogger(SERVICE)

PAGE_SIZE = 100
MAX_AT_ONCE = 1000
"""Number of open dead letters checked per sweep, newest first."""


def close_done(report: Report) -> None:
    """Close the dead letters whose work is done.

    Raises
    ------
    TransientError
        If the database is unavailable.
    """
    before: int | None = None
    for _ in range(MAX_AT_ONCE // PAGE_SIZE):
        page = run_transaction(partial(_close_page, before=before, dry_run=report.dry_run))
        report.letters_closed += page.closed
        if page.last is None or report.is_spent:
            return
        before = page.last


@dataclass(frozen=True, slots=True)
class _Page:
    """The number of a page's finished letters, and its last one; None after the last page."""

    closed: int
    last: int | None


def _close_page(session: Session, before: int | None, *, dry_run: bool) -> _Page:
    query = select(DeadLetter).where(DeadLetter.is_open)
    if before is not None:
        query = query.where(DeadLetter.dead_letter_id < before)
    newest_first = query.order_by(DeadLetter.dead_letter_id.desc()).limit(PAGE_SIZE)
    letters = session.scalars(newest_first).all()
    done = [letter.dead_letter_id for letter in letters if _is_done(session, letter)]
    if done and not dry_run:
        session.execute(
            update(DeadLetter)
            .where(DeadLetter.dead_letter_id.in_(done), DeadLetter.is_open)
            .values(closed_at=func.now())
        )
    return _Page(len(done), letters[-1].dead_letter_id if letters else None)


def _is_done(session: Session, letter: DeadLetter) -> bool:
    """Return whether a message's work is done; False for one that cannot be parsed."""
    try:
        return _is_worked_off(session, letter)
    except PermanentError as error:
        _log.warning("dead letter %d stays open: %s", letter.dead_letter_id, error)
        return False


def _is_worked_off(session: Session, letter: DeadLetter) -> bool:
    subject = Subject.of(letter.data)
    if letter.topic == settings().film_topic:
        return _has_come_of_sequence(session, letter)
    if subject.bucket_path is None or subject.bucket not in (None, settings().raw_bucket):
        return False
    if _was_refused(session, subject):
        return True
    if subject.path is None and subject.image_id is None:
        # A path that is not an image's waits for nothing; the sweep checks all objects.
        return subject.is_upload
    return _has_come(session, letter, subject)


def _has_come(session: Session, letter: DeadLetter, subject: Subject) -> bool:
    """Return whether all expected results of an image's message exist."""
    query = select(Image).where(Image.image_id == subject.image_id)
    image = session.scalars(query).one_or_none()
    if image is not None and _is_superseded(session, subject):
        return True
    made = _files(session, subject)
    if letter.subscription == settings().solver_subscription:
        return image is not None and _is_solved(session, letter, image)
    if letter.topic == settings().pipeline_topic:
        return image is not None and (_is_outdated(image, subject) or made >= PICTURES)
    if subject.path is not None and subject.path.is_raw:
        wanted = {FileKind.CR2} if subject.is_upload else PRODUCTS
        return image is not None and image.generation > 0 and made >= wanted
    return image is not None and image.generation >= (subject.generation or 1)


def _is_superseded(session: Session, subject: Subject) -> bool:
    """Return whether a newer upload of the image is in another folder."""
    if subject.generation is None:
        return False
    origin = Origin(str(subject.image_id), str(subject.bucket_path), subject.generation)
    return is_superseded(origin, *files_of(session, origin.image_id))


def _is_outdated(image: Image, subject: Subject) -> bool:
    """Return whether another file has replaced the message's file, or it has none to show."""
    is_broken = image.state == ImageState.ERROR and image.reason_code != Reason.TRIES_EXHAUSTED
    return image.generation != subject.generation or is_broken


def _is_solved(session: Session, letter: DeadLetter, image: Image) -> bool:
    message = parse(PipelineImage, letter.data)
    if image.generation != message.generation:
        return True
    if message.reprocess:
        return _has_ended_since(session, letter, image)
    return image.state in END_STATES and image.reason_code != Reason.TRIES_EXHAUSTED


def _has_ended_since(session: Session, letter: DeadLetter, image: Image) -> bool:
    query = select(ImageEvent.event_id).where(
        ImageEvent.image_id == image.image_id,
        ImageEvent.state.in_(END_STATES),
        ImageEvent.reason_code.is_distinct_from(Reason.TRIES_EXHAUSTED),
        ImageEvent.at > letter.received_at,
        ImageEvent.service != SERVICE,
    )
    return session.scalars(query.limit(1)).first() is not None


def _files(session: Session, subject: Subject) -> set[FileKind]:
    """Return the kinds of files made from the message's file or a newer one.

    For an image with a CR2, pictures are made from the CR2, whatever FITS file it has.
    """
    is_raw = subject.path is not None and subject.path.is_raw
    is_of_cr2 = func.lower(ImageFile.source_path).like("%.cr2")
    is_new = ImageFile.source_generation >= (subject.generation or 0)
    query = select(ImageFile.kind).where(
        ImageFile.image_id == subject.image_id, is_of_cr2 & is_new if is_raw else is_of_cr2 | is_new
    )
    return set(map(FileKind, session.scalars(query)))


def _was_refused(session: Session, subject: Subject) -> bool:
    """Return whether a service has recorded why this file gives no results."""
    query = select(ImageEvent.event_id).where(
        ImageEvent.bucket_path == subject.bucket_path,
        ImageEvent.message_id == f"generation {subject.generation}",
        ImageEvent.reason_code.is_not(None),
        ImageEvent.reason_code != Reason.TRIES_EXHAUSTED,
    )
    return session.scalars(query.limit(1)).first() is not None


def _has_come_of_sequence(session: Session, letter: DeadLetter) -> bool:
    """Return whether the film or the light curves cover all images of the sequence."""
    sequence_id = parse(FilmRequest, letter.data).sequence_id
    if sequence_id is None:
        return False
    if letter.subscription == settings().light_curve_subscription:
        return light_curve_sets.is_up_to_date(session, sequence_id)
    return films.is_up_to_date(session, sequence_id)
