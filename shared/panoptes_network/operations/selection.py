"""Selection of images or dead letters by an operator's filters."""

from datetime import UTC, date, datetime, time, timedelta

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.sql.elements import SQLCoreOperations

from panoptes_network.database.models import Image, Sequence
from panoptes_network.database.operation_models import DeadLetter
from panoptes_network.errors import Reason
from panoptes_network.ids import CameraTime, format_time
from panoptes_network.states import FAILED_STATES, ImageState

_TIME_CHARS = len("20181011T134333")


class Filters(BaseModel):
    """Filters; at least one is required, and results match all filters.

    Without a `state`, only failed images are selected, unless one image is named. `night` is the
    date of the evening, from noon to noon UTC. With `dead_letters`, messages are selected that were
    given up and neither replayed since nor found to be done.
    """

    # A misspelt filter must not select everything.
    model_config = ConfigDict(frozen=True, extra="forbid")

    image_id: str | None = Field(None, max_length=64)
    sequence_id: str | None = Field(None, max_length=64)
    unit_id: str | None = Field(None, pattern="^PAN[0-9]{3}$")
    night: date | None = Field(None, ge=date(1900, 1, 1), le=date(9000, 12, 31))
    reason_code: Reason | None = None
    state: ImageState | None = None
    dead_letters: bool = False

    @model_validator(mode="after")
    def _says_something(self) -> "Filters":
        named = (self.image_id, self.sequence_id, self.unit_id, self.night)
        of_images = (self.reason_code, self.state)
        if not self._may_be_all and all(value is None for value in named + of_images):
            raise ValueError("give at least one filter")
        if self.dead_letters and any(of_images):
            raise ValueError("dead letters have no state or reason")
        return self

    @property
    def _may_be_all(self) -> bool:
        """Whether a request without filters selects everything."""
        return self.dead_letters

    def choose_images(self) -> Select[Image]:
        """Return the query for the selected images, unordered."""
        states = [self.state] if self.state else FAILED_STATES
        conditions: list[ColumnElement[bool]] = []
        if self.state or self.image_id is None:
            conditions.append(Image.state.in_(states))
        if self.image_id is not None:
            conditions.append(Image.image_id == self.image_id)
        if self.sequence_id is not None:
            conditions.append(Image.sequence_id == self.sequence_id)
        if self.unit_id is not None:
            conditions.append(Sequence.unit_id == self.unit_id)
        if self.night is not None:
            start, end = bounds(self.night)
            conditions += [Image.time >= start, Image.time < end]
        if self.reason_code is not None:
            conditions.append(Image.reason_code == self.reason_code)
        return select(Image).join(Sequence).where(*conditions)

    def choose_letters(self) -> Select[DeadLetter]:
        """Return the query for the selected dead letters, unordered."""
        conditions: list[ColumnElement[bool]] = []
        if self.image_id is not None:
            conditions.append(DeadLetter.image_id == self.image_id)
        if self.sequence_id is not None:
            conditions.append(_lies_in(self.sequence_id))
        if self.unit_id is not None:
            conditions.append(
                or_(
                    DeadLetter.image_id.startswith(f"{self.unit_id}_", autoescape=True),
                    DeadLetter.bucket_path.startswith(f"{self.unit_id}/", autoescape=True),
                )
            )
        if self.night is not None:
            start, end = map(format_time, bounds(self.night))
            taken_at: SQLCoreOperations[str] = func.right(DeadLetter.image_id, _TIME_CHARS)
            conditions += [taken_at >= start, taken_at < end]
        return select(DeadLetter).where(DeadLetter.is_open, *conditions)


def bounds(night: date) -> tuple[datetime, datetime]:
    """Return start and end of a night, from noon to noon UTC."""
    start = datetime.combine(night, time(12), UTC)
    return start, start + timedelta(days=1)


def _lies_in(sequence_id: str) -> ColumnElement[bool]:
    """Return whether a dead letter is about a file in a sequence's folder."""
    sequence = CameraTime.parse(sequence_id)
    folder = f"/{sequence.camera_id}/{format_time(sequence.time)}/"
    is_units = DeadLetter.bucket_path.startswith(f"{sequence.unit_id}/", autoescape=True)
    return is_units & DeadLetter.bucket_path.contains(folder, autoescape=True)
