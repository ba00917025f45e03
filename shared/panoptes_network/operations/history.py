"""Earlier actions of this service on files: its own events in the history of images."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from panoptes_network.database.models import ImageEvent
from panoptes_network.errors import Reason

SERVICE = "cf-operations"
UPLOAD_SERVICE = "cf-bucket-upload"
"""The service that receives storage events."""
MAX_WORDS = 500


class Stage(StrEnum):
    """The stage from which an image was resent."""

    UPLOAD = "upload"
    SOLVE = "solve"
    REPLAY = "replay"

    def mark(self, generation: int) -> str:
        """Return the text that such a message's event has in place of a message id."""
        return f"{self} of generation {generation}"


@dataclass
class Past:
    """The history of one object path since an operator last replayed it.

    Attributes
    ----------
    sent : dict
        For each `Stage.mark`, the times at which the sweep resent it.
    refused : dict of str
        The reason for each ``generation 7``, as services record refused files.
    """

    sent: dict[str, list[datetime]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def add(self, event: ImageEvent) -> None:
        """Add one more event; events must come in the order in which they were written."""
        message = event.message_id or ""
        if event.service == SERVICE and message.startswith(Stage.REPLAY):
            self.sent.clear()
            self.refused.clear()
        elif event.service == SERVICE and event.reason_code is None:
            self.sent.setdefault(message, []).append(event.at)
        elif event.reason_code and not _never_looked_at(event):
            self.refused[message] = event.reason_code


def _never_looked_at(event: ImageEvent) -> bool:
    """Whether an upload's event was lost on its way, which says nothing about the file."""
    return event.service == UPLOAD_SERVICE and event.reason_code == Reason.TRIES_EXHAUSTED


def pasts(session: Session, paths: Iterable[str]) -> dict[str, Past]:
    """Return the history of each of these object paths."""
    known = {path: Past() for path in paths}
    query = select(ImageEvent).where(
        ImageEvent.bucket_path.in_(known),
        (ImageEvent.service == SERVICE) | ImageEvent.reason_code.is_not(None),
    )
    for event in session.scalars(query.order_by(ImageEvent.event_id)):
        known[str(event.bucket_path)].add(event)
    return known


def last_words(session: Session, image_id: str | None, bucket_path: str | None) -> str:
    """Return the last message recorded for an image in trouble."""
    names: list[ColumnElement[bool]] = []
    if image_id is not None:
        names.append(ImageEvent.image_id == image_id)
    if bucket_path is not None:
        names.append(ImageEvent.bucket_path == bucket_path)
    newest: list[ImageEvent] = []
    for name in names:  # each uses its own index
        query = select(ImageEvent).where(name, ImageEvent.reason_code.is_not(None))
        newest += session.scalars(query.order_by(ImageEvent.event_id.desc()).limit(1))
    if not newest:
        return "no error was recorded"
    last = max(newest, key=lambda event: event.event_id)
    return f"last error, from {last.service}: {str(last.reason)[:MAX_WORDS]}"
