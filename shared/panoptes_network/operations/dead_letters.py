"""Undeliverable messages: stored, and recorded on the image they are about."""

import base64
import binascii
import hashlib
import logging
from dataclasses import dataclass
from typing import TypedDict

from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.images import record_failure
from panoptes_network.database.models import Image, ImageEvent
from panoptes_network.database.operation_models import DeadLetter
from panoptes_network.errors import PermanentError, Reason, TransientError
from panoptes_network.events import parse_whatever
from panoptes_network.frames.metadata import identify
from panoptes_network.operations.history import SERVICE, UPLOAD_SERVICE, last_words
from panoptes_network.operations.message_subject import Subject
from panoptes_network.states import END_STATES, ImageState
from panoptes_network.storable import escape
from panoptes_network.storage import StoredObject

SUFFIX = "-dead"
"""Suffix of a dead-letter topic's name, and of its subscription's, after the topic's name."""

_SOURCE = "CloudPubSubDeadLetterSource"
_MAX_NAME = 300
_log = logging.getLogger(SERVICE)


class _PushMessage(BaseModel):
    data: str = ""
    attributes: dict[str, object] = Field(default_factory=dict)
    message_id: str = Field("", alias="messageId")


class _Push(BaseModel):
    message: _PushMessage
    subscription: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter: the message as published, and the subscription that could not deliver it."""

    message_id: str
    topic: str
    subscription: str
    tries: int | None
    data: bytes
    attributes: dict[str, str]

    @classmethod
    def of_push(cls, body: bytes) -> "Letter":
        """Read a push request of a dead-letter topic's subscription, with any message in it.

        Raises
        ------
        PermanentError
            BAD_REQUEST if the body is not a push request.
        """
        push = parse_whatever(_Push, body)
        said = {
            escape(str(key)): escape(str(value)) for key, value in push.message.attributes.items()
        }
        pushed_by = push.subscription.rpartition("/")[2]
        return cls(
            escape(push.message.message_id)[:_MAX_NAME] or hashlib.sha256(body).hexdigest(),
            escape(pushed_by[:_MAX_NAME]).removesuffix(SUFFIX),
            said.get(f"{_SOURCE}Subscription", escape(pushed_by))[:_MAX_NAME],
            _count(said.get(f"{_SOURCE}DeliveryCount", "")),
            _bytes(push.message.data),
            {key: value for key, value in said.items() if not key.startswith(_SOURCE)},
        )

    def gone_wrong(self, session: Session, subject: Subject) -> PermanentError:
        """Return the failure message for its image: service, number of attempts, last error."""
        service = UPLOAD_SERVICE if subject.is_upload else self.subscription
        often = f"{self.tries} times" if self.tries else "each time"
        words = last_words(session, subject.image_id, subject.bucket_path)
        return PermanentError(
            Reason.TRIES_EXHAUSTED,
            f"{service} failed {often} and is not tried again automatically; {words}",
        )


class Recorded(TypedDict):
    """The number of a newly recorded dead letter, and its image."""

    dead_letter_id: int | None
    image_id: str | None
    recorded: bool


def receive(body: bytes) -> Recorded:
    """Record a pushed dead letter, once, and set its image to `error` if it waits for nothing else.

    Raises
    ------
    PermanentError
        BAD_REQUEST if the body is not a push request.
    TransientError
        If the database is unavailable.
    """
    letter = Letter.of_push(body)
    try:
        subject = Subject.of(letter.data)
        return run_transaction(lambda session: _record(session, letter, subject))
    except TransientError:
        raise
    except Exception:
        # It must not be redelivered forever: the stored copy can be inspected.
        _log.exception("a dead letter was recorded without its image")
        return run_transaction(lambda session: _record(session, letter, Subject()))


def _record(session: Session, letter: Letter, subject: Subject) -> Recorded:
    error = letter.gone_wrong(session, subject)
    new = insert(DeadLetter).values(
        message_id=letter.message_id,
        topic=letter.topic,
        subscription=letter.subscription,
        tries=letter.tries,
        data=letter.data,
        attributes=letter.attributes,
        image_id=subject.image_id,
        bucket_path=subject.bucket_path,
        reason=error.message,
    )
    once = new.on_conflict_do_nothing(index_elements=["message_id"])
    number = session.scalar(once.returning(DeadLetter.dead_letter_id))
    if number is not None:
        _tell_image(session, letter, subject, error)
    return {"dead_letter_id": number, "image_id": subject.image_id, "recorded": number is not None}


def _tell_image(session: Session, letter: Letter, subject: Subject, error: PermanentError) -> None:
    """End the image if it waits for this message only; else record it in its history."""
    query = select(Image).where(Image.image_id == subject.image_id).with_for_update()
    image = session.scalars(query).one_or_none()
    service = UPLOAD_SERVICE if subject.is_upload else letter.subscription
    path = subject.path if _leads_to_fits(letter, subject) else None
    if path and _waits_for_its_fits(image):
        # `record_failure` creates a missing row; a FITS file that arrives later restarts it.
        stored = StoredObject(
            settings().raw_bucket, str(subject.bucket_path), subject.generation or 0, size=0
        )
        record_failure(session, error, service, identify(path, {}), stored)
    elif image and _waits_for_solver(image, letter, subject):
        give_up(session, image, service, letter.message_id, error)
    elif image:
        session.add(event_of(image, service, letter.message_id, error))


def _leads_to_fits(letter: Letter, subject: Subject) -> bool:
    """Whether the message leads to the image's FITS file: an upload, or its CR2."""
    path = subject.path
    if path is None or subject.bucket not in (None, settings().raw_bucket):
        return False
    return subject.is_upload or (path.is_raw and letter.topic == settings().raw_topic)


def _waits_for_its_fits(image: Image | None) -> bool:
    return image is None or (image.generation <= 0 and image.state not in END_STATES)


def _waits_for_solver(image: Image, letter: Letter, subject: Subject) -> bool:
    # A failed picture, for example, is no reason to give up the image.
    is_solvers = letter.subscription == settings().solver_subscription
    is_current = image.generation == subject.generation and image.state not in END_STATES
    return is_solvers and is_current


def give_up(
    session: Session, image: Image, service: str, message_id: str, error: PermanentError
) -> None:
    """End an image in `error`, which voids the claim of a running worker."""
    image.state, image.reason_code, image.reason = ImageState.ERROR, error.reason, error.message
    image.claim += 1
    session.add(event_of(image, service, message_id, error))


def event_of(
    image: Image, service: str, message_id: str, error: PermanentError | None, reason: str = ""
) -> ImageEvent:
    """Return a history event for an image: a failure, or a message with a `reason`."""
    return ImageEvent(
        image_id=image.image_id,
        bucket_path=image.bucket_path,
        service=service,
        message_id=message_id,
        state=image.state,
        reason_code=error.reason if error else None,
        reason=error.message if error else reason,
    )


def _bytes(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return data.encode("utf-8", "replace")


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else None
