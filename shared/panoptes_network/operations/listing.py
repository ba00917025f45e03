"""Failed images and dead letters, with the reasons, as JSON."""

from typing import Any

from pydantic import Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from panoptes_network.database.engine import run_transaction
from panoptes_network.database.models import DeadLetter, Image
from panoptes_network.operations.selection import Filters


class ListRequest(Filters):
    """What to list; the newest changes first."""

    limit: int = Field(100, ge=1, le=10_000)


def list_matching(request: ListRequest) -> dict[str, Any]:
    """Return how many there are, and the first of them.

    Raises
    ------
    TransientError
        When the database is away.
    """
    list_them = _letters if request.dead_letters else _images
    return run_transaction(lambda session: list_them(session, request))


def _images(session: Session, request: ListRequest) -> dict[str, Any]:
    query = request.choose_images()
    found = session.scalars(
        query.order_by(Image.updated_at.desc(), Image.image_key).limit(request.limit)
    )
    count = select(func.count()).select_from(query.subquery())
    return {"count": session.scalar(count), "images": [_image(image) for image in found]}


def _letters(session: Session, request: ListRequest) -> dict[str, Any]:
    query = request.choose_letters()
    found = session.scalars(query.order_by(DeadLetter.dead_letter_id.desc()).limit(request.limit))
    count = select(func.count()).select_from(query.subquery())
    return {"count": session.scalar(count), "dead_letters": [_letter(one) for one in found]}


def _image(image: Image) -> dict[str, Any]:
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


def _letter(letter: DeadLetter) -> dict[str, Any]:
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
