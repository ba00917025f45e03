"""Replay of dead letters to their original topics."""

from functools import partial

from google.api_core.exceptions import GoogleAPICallError, NotFound, RetryError
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.models import Image, ImageEvent
from panoptes_network.database.operation_models import DeadLetter
from panoptes_network.errors import PermanentError, Reason, TransientError
from panoptes_network.events import PipelineImage, parse
from panoptes_network.operations.history import SERVICE, Stage
from panoptes_network.operations.message_subject import Subject
from panoptes_network.operations.report import Outcome
from panoptes_network.operations.selection import Filters
from panoptes_network.pubsub import PUBLISH_TIMEOUT_S, publisher


def replay_letters(filters: Filters, after: int, size: int, outcome: Outcome) -> tuple[int, int]:
    """Publish a batch of dead letters again; return the last id and the number of letters."""
    query = filters.choose_letters().where(DeadLetter.dead_letter_id > after)
    batch = query.order_by(DeadLetter.dead_letter_id).limit(size)
    letters = run_transaction(lambda session: session.scalars(batch).all())
    for letter in letters:
        try:
            if not outcome.dry_run:
                _replay(letter)
        except PermanentError as error:
            outcome.add_problem(f"dead letter {letter.dead_letter_id}: {error.message}")
        else:
            outcome.add(letter.dead_letter_id)
    return letters[-1].dead_letter_id if letters else after, len(letters)


def _replay(letter: DeadLetter) -> None:
    subject = Subject.of(letter.data)
    image = run_transaction(partial(_find_image, image_id=subject.image_id))
    _publish(letter.topic, _data(letter, image), letter.attributes)
    run_transaction(lambda session: _note(session, letter, subject, image))


def _find_image(session: Session, image_id: str | None) -> Image | None:
    return session.scalars(select(Image).where(Image.image_id == image_id)).one_or_none()


def _data(letter: DeadLetter, image: Image | None) -> bytes:
    """Return the data to publish; for the solvers, with the request to reprocess an ended image.

    The image was given up together with the message, so solvers would otherwise ignore it.
    """
    is_given_up = image is not None and image.reason_code == Reason.TRIES_EXHAUSTED
    if letter.topic != settings().pipeline_topic or not is_given_up:
        return letter.data
    message = parse(PipelineImage, letter.data)
    return message.model_copy(update={"reprocess": True}).model_dump_json().encode()


def _publish(topic: str, data: bytes, attributes: dict[str, str]) -> None:
    path = f"projects/{settings().google_cloud_project}/topics/{topic}"
    if not topic or not (data or attributes):
        raise PermanentError(Reason.BAD_REQUEST, "it has no topic or no content")
    try:
        publisher().publish(path, data, **attributes).result(timeout=PUBLISH_TIMEOUT_S)
    except NotFound as error:
        raise PermanentError(
            Reason.OBJECT_MISSING, f"the topic {topic} no longer exists"
        ) from error
    except (GoogleAPICallError, RetryError, TimeoutError) as error:
        raise TransientError(f"cannot publish to the topic {topic}: {error}") from error


def _note(session: Session, letter: DeadLetter, subject: Subject, image: Image | None) -> None:
    session.execute(
        update(DeadLetter)
        .where(DeadLetter.dead_letter_id == letter.dead_letter_id)
        .values(replayed_at=func.now())
    )
    if image is not None:
        event = ImageEvent(
            image_id=image.image_id,
            bucket_path=subject.bucket_path,
            service=SERVICE,
            message_id=Stage.REPLAY.mark(subject.generation or 0),
            state=image.state,
            reason=f"a message of the topic {letter.topic} was sent again by an operator",
        )
        session.add(event)
