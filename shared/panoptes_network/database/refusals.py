"""Uploads that never became an image: the rows of `image_events` with their reasons.

Such a row has a reason but no image: the file was refused, or is only stored. It stands until
something newer is known about its path: another refusal, an image, or the object's deletion.
"""

import re
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from panoptes_network import id_spellings
from panoptes_network.config import settings
from panoptes_network.database.models import ImageEvent, ImageFile
from panoptes_network.ids import is_plausible
from panoptes_network.states import ImageState

GONE = "gone"
"""Used in place of a message id: the object of an earlier refusal is no longer in the bucket."""

Refusals = Select[ImageEvent]


def standing() -> Refusals:
    """Return the query for refusals that still stand, one per path, unordered."""
    later = aliased(ImageEvent)
    is_known = or_(
        later.image_id.is_not(None), later.reason_code.is_not(None), later.message_id == GONE
    )
    is_outdated = exists().where(
        later.bucket_path == ImageEvent.bucket_path,
        later.event_id > ImageEvent.event_id,
        is_known,
    )
    # Products are recorded without an event.
    is_converted = exists().where(
        ImageFile.bucket == settings().raw_bucket, ImageFile.path == ImageEvent.bucket_path
    )
    return select(ImageEvent).where(
        ImageEvent.image_id.is_(None),
        ImageEvent.reason_code.is_not(None),
        ImageEvent.bucket_path.is_not(None),
        ~is_outdated,
        ~is_converted,
    )


def is_of_unit(unit_id: str) -> ColumnElement[bool]:
    """Return whether a path is in a unit's folder.

    The unit may be in lowercase or after a slash, as that may be the fault.
    """
    pattern = f"^/*{re.escape(unit_id)}([^0-9]|$)"
    return ImageEvent.bucket_path.regexp_match(pattern, flags="i")


def has_any(session: Session, unit_id: str) -> bool:
    """Return whether any upload of a unit was refused; False if the id is not a unit's."""
    if id_spellings.unit(unit_id) is None:
        return False
    return session.scalars(standing().where(is_of_unit(unit_id)).limit(1)).first() is not None


def of_night(
    session: Session, start: datetime, end: datetime, condition: ColumnElement[bool]
) -> list[ImageEvent]:
    """Return the refusals of a night that meet a condition, in order of their events.

    A file belongs to the night of the last time in its path, or else to the night of its arrival.
    """
    path = ImageEvent.bucket_path
    dates = {moment.astimezone(UTC) for moment in (start, end)}
    named = [path.contains(f"{day:{form}}T") for day in dates for form in ("%Y%m%d", "%Y-%m-%d")]
    is_near = or_(and_(ImageEvent.at >= start, ImageEvent.at < end), *named)
    query = standing().where(condition, is_near).order_by(ImageEvent.event_id)
    return [one for one in session.scalars(query) if start <= time_of(one) < end]


def time_of(refusal: ImageEvent) -> datetime:
    """Return the last plausible time in a refused path; else the time of the row."""
    named = id_spellings.last_time(str(refusal.bucket_path))
    return named if named is not None and is_plausible(named) else refusal.at


def unit_of(path: str) -> str | None:
    """Return the unit whose folder contains a path, as for `is_of_unit`; None if there is none."""
    named = path.lstrip("/")
    return None if named[6:7].isdecimal() else id_spellings.unit(named[:6])


def note_gone(session: Session, paths: list[str], service: str) -> None:
    """Record that the objects of these refusals are no longer in the bucket."""
    for path in paths:
        session.add(
            ImageEvent(
                bucket_path=path,
                service=service,
                message_id=GONE,
                state=ImageState.ERROR,
                reason="the file is no longer in the bucket",
            )
        )
