"""The tables of notices and of messages. Like those of `models`, `migrations` creates them."""

from datetime import date, datetime
from enum import StrEnum, auto

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from panoptes_network.database.models import Base


class MessageState(StrEnum):
    """State of a message.

    ``due`` waits for its time, ``claimed`` has a sender that has not sent anything yet, ``sending``
    may have arrived. Ends: ``sent``; ``failed`` was refused; ``unconfirmed`` may have arrived and
    is not sent again; ``dropped`` was not sent on purpose.
    """

    DUE = auto()
    CLAIMED = auto()
    SENDING = auto()
    SENT = auto()
    FAILED = auto()
    UNCONFIRMED = auto()
    DROPPED = auto()


class Notice(Base):
    """Something that a unit's owner should know: there is one for each unit, night and kind.

    `kind` is ``night`` for a finished night, or ``silence`` for a unit without images since that
    night. `findings` are those of the night report when the notice was made.
    """

    __tablename__ = "notices"
    __table_args__ = (
        UniqueConstraint("unit_id", "night", "kind"),
        Index("notices_newest", "unit_id", "made_at"),
    )

    notice_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    unit_id: Mapped[str]
    night: Mapped[date]
    kind: Mapped[str]
    title: Mapped[str]
    n_images: Mapped[int]
    findings: Mapped[list[dict[str, str]]] = mapped_column(JSONB, server_default="[]")
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())


class UnsubscribeLink(Base):
    """The link by which a subscription is ended: the SHA-256 of its token, in hexadecimal."""

    __tablename__ = "unsubscribe_links"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    unit_id: Mapped[str]
    ended_at: Mapped[datetime | None]


class Subscription(Base):
    """A mail address or a webhook that is told about a unit. `secret` signs a webhook's requests.

    Only services that write this table may read it.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (UniqueConstraint("unit_id", "kind", "address"),)

    subscription_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    unit_id: Mapped[str]
    kind: Mapped[str]
    address: Mapped[str]
    secret: Mapped[str]
    token: Mapped[str]
    token_hash: Mapped[str] = mapped_column(ForeignKey("unsubscribe_links.token_hash"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Message(Base):
    """A notice on its way to a subscription. `claim` is the sender that has it."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("subscription_id", "notice_id"),
        Index(
            "messages_open",
            "due_at",
            postgresql_where=text("state IN ('due', 'claimed', 'sending')"),
        ),
    )

    message_id: Mapped[str] = mapped_column(primary_key=True)
    subscription_id: Mapped[int] = mapped_column(
        ForeignKey("subscriptions.subscription_id", ondelete="CASCADE")
    )
    notice_id: Mapped[int] = mapped_column(ForeignKey("notices.notice_id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(server_default=MessageState.DUE)
    tries: Mapped[int] = mapped_column(server_default="0")
    claim: Mapped[str | None]
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    error: Mapped[str | None]


PRIVATE = frozenset({Subscription.__tablename__})
"""Tables that only their writers may read."""
