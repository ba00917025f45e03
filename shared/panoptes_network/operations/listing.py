"""Failed images, refused uploads and dead letters, with reasons, as JSON."""

from typing import TypedDict

from pydantic import Field, model_validator
from sqlalchemy import ColumnElement, SelectBase, func, select, true
from sqlalchemy.orm import Session

from panoptes_network.database import refusals
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.models import Image, ImageEvent
from panoptes_network.database.operation_models import DeadLetter
from panoptes_network.operations.selection import Filters, bounds


class ListRequest(Filters):
    """A request for a list; the newest changes come first.

    With `uploads`, it lists files that never became an image: all, or those of a unit, a night (by
    path or arrival), or a reason.
    """

    limit: int = Field(100, ge=1, le=10_000)
    uploads: bool = False

    @model_validator(mode="after")
    def _fits_uploads(self) -> "ListRequest":
        unfit = (self.image_id, self.sequence_id, self.state, self.dead_letters or None)
        if self.uploads and any(value is not None for value in unfit):
            raise ValueError("uploads are listed by unit_id, night and reason_code only")
        return self

    @property
    def _may_be_all(self) -> bool:
        return self.dead_letters or self.uploads


class FailedImage(TypedDict):
    """An image that failed, or is in the requested state."""

    image_id: str
    sequence_id: str
    state: str
    reason_code: str | None
    reason: str | None
    bucket_path: str | None
    tries: int
    updated_at: str


class OpenLetter(TypedDict):
    """A dead letter that was not replayed."""

    dead_letter_id: int
    topic: str
    subscription: str
    tries: int | None
    image_id: str | None
    bucket_path: str | None
    reason: str | None
    received_at: str


class RefusedUpload(TypedDict):
    """A file that never became an image."""

    bucket_path: str | None
    state: str
    reason_code: str | None
    reason: str | None
    at: str


class ImageList(TypedDict):
    """The number of matching images, and the newest."""

    count: int
    images: list[FailedImage]


class LetterList(TypedDict):
    """The number of matching dead letters, and the newest."""

    count: int
    dead_letters: list[OpenLetter]


class UploadList(TypedDict):
    """The number of matching refused uploads, and the newest."""

    count: int
    uploads: list[RefusedUpload]


def list_matching(request: ListRequest) -> ImageList | LetterList | UploadList:
    """Return the total number, and the first results.

    Raises
    ------
    TransientError
        If the database is unavailable.
    """
    if request.uploads:
        return list_uploads(request)
    return list_letters(request) if request.dead_letters else list_images(request)


def list_images(request: ListRequest) -> ImageList:
    """Return the matching images; see `list_matching`."""
    return run_transaction(lambda session: _images(session, request))


def list_letters(request: ListRequest) -> LetterList:
    """Return the matching dead letters; see `list_matching`."""
    return run_transaction(lambda session: _letters(session, request))


def list_uploads(request: ListRequest) -> UploadList:
    """Return the matching refused uploads; see `list_matching`."""
    return run_transaction(lambda session: _uploads(session, request))


def _images(session: Session, request: ListRequest) -> ImageList:
    query = request.choose_images()
    found = session.scalars(
        query.order_by(Image.updated_at.desc(), Image.image_key).limit(request.limit)
    )
    return {
        "count": _count(session, query),
        "images": [_image(image) for image in found],
    }


def _letters(session: Session, request: ListRequest) -> LetterList:
    query = request.choose_letters()
    found = session.scalars(query.order_by(DeadLetter.dead_letter_id.desc()).limit(request.limit))
    return {
        "count": _count(session, query),
        "dead_letters": [_letter(one) for one in found],
    }


def _uploads(session: Session, request: ListRequest) -> UploadList:
    condition: ColumnElement[bool] = true()
    if request.unit_id is not None:
        condition = condition & refusals.is_of_unit(request.unit_id)
    if request.reason_code is not None:
        condition = condition & (ImageEvent.reason_code == request.reason_code)
    if request.night is not None:
        found = refusals.of_night(session, *bounds(request.night), condition)[::-1]
        return {"count": len(found), "uploads": [_upload(one) for one in found[: request.limit]]}
    query = refusals.standing().where(condition)
    newest = session.scalars(query.order_by(ImageEvent.event_id.desc()).limit(request.limit))
    return {
        "count": _count(session, query),
        "uploads": [_upload(one) for one in newest],
    }


def _count(session: Session, query: SelectBase) -> int:
    return session.execute(select(func.count()).select_from(query.subquery())).scalar_one()


def _upload(refusal: ImageEvent) -> RefusedUpload:
    return {
        "bucket_path": refusal.bucket_path,
        "state": refusal.state,
        "reason_code": refusal.reason_code,
        "reason": refusal.reason,
        "at": f"{refusal.at:%Y-%m-%dT%H:%M:%SZ}",
    }


def _image(image: Image) -> FailedImage:
    return {
        "image_id": image.image_id,
        "sequence_id": image.sequence_id,
        "state": image.state,
        "reason_code": image.reason_code,
        "reason": image.reason,
        "bucket_path": image.bucket_path,
        "tries": image.tries,
        "updated_at": f"{image.updated_at:%Y-%m-%dT%H:%M:%SZ}",
    }


def _letter(letter: DeadLetter) -> OpenLetter:
    return {
        "dead_letter_id": letter.dead_letter_id,
        "topic": letter.topic,
        "subscription": letter.subscription,
        "tries": letter.tries,
        "image_id": letter.image_id,
        "bucket_path": letter.bucket_path,
        "reason": letter.reason,
        "received_at": f"{letter.received_at:%Y-%m-%dT%H:%M:%SZ}",
    }
