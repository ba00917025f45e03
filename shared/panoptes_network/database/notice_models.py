"""The tables of what units' owners are told. Like those of `models`, `migrations` creates them."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Identity, Index, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from panoptes_network.database.models import Base


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
