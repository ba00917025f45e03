"""The tables of the operations: dead letters, sweep progress, deleted and superseded objects.

Like those of `models`, they are created by `migrations`.
"""

from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, Identity, LargeBinary, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from panoptes_network.database.models import Base


class DeadLetter(Base):
    """A message that was given up after its last delivery attempt.

    It is open until an operator replays it (`replayed_at`) or the sweep finds its work done
    (`closed_at`).

    `topic` and `subscription` are those that could not deliver it, `data` and `attributes` the
    message as published, and `message_id` the dead letter's own. `image_id` and `bucket_path` are
    its subject, if it has one.
    """

    __tablename__ = "dead_letters"

    dead_letter_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    message_id: Mapped[str] = mapped_column(unique=True)
    topic: Mapped[str]
    subscription: Mapped[str]
    tries: Mapped[int | None]
    data: Mapped[bytes] = mapped_column(LargeBinary)
    attributes: Mapped[dict[str, str]] = mapped_column(JSONB, server_default="{}")
    image_id: Mapped[str | None]
    bucket_path: Mapped[str | None]
    reason: Mapped[str | None]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    replayed_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]

    @hybrid_property
    def is_open(self) -> bool:
        """Whether it was not replayed and its work is not known to be done."""
        return self.replayed_at is None and self.closed_at is None

    @is_open.inplace.expression
    @classmethod
    def _is_open(cls) -> ColumnElement[bool]:
        return cls.replayed_at.is_(None) & cls.closed_at.is_(None)


class Sweep(Base):
    """Progress of the comparison of a bucket with the database: `position` is an object name.

    There is no row for a bucket that was compared to its end.
    """

    __tablename__ = "sweeps"

    bucket: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[str]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class GoneObject(Base):
    """An object that a row refers to and that was missing in its bucket at the last check."""

    __tablename__ = "gone_objects"

    bucket: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    noted_at: Mapped[datetime] = mapped_column(server_default=func.now())


class SupersededObject(Base):
    """A product under a former path of its image or sequence, `subject`; the sweep deletes it.

    `since` is when that was last noted.
    """

    __tablename__ = "superseded_objects"

    bucket: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str]
    since: Mapped[datetime] = mapped_column(server_default=func.now())
