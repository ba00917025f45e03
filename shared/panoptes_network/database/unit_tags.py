"""Tags that a unit gives to its own observations, in addition to an operator's."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from panoptes_network.database.models import Sequence
from panoptes_network.frames.fits_header import Cards
from panoptes_network.frames.metadata import text
from panoptes_network.tags import MAX_TAGS, tags_in


def add_unit_tags(session: Session, sequence_id: str, headers: Cards) -> None:
    """Add the tags in a header's TAGS that its unit has not given to the sequence before.

    An operator's tags stay, and tags removed by an operator stay removed. A sequence has at most
    `MAX_TAGS`: the unit's tags are dropped if there is no room.
    """
    named = tags_in(text(headers, "TAGS") or "")
    if not named:
        return
    query = select(Sequence).where(Sequence.sequence_id == sequence_id)
    sequence = session.scalars(query.with_for_update(key_share=True)).one()
    new = [tag for tag in named if tag not in sequence.unit_tags]
    room = MAX_TAGS - len(sequence.tags)
    wanted = [tag for tag in new if tag not in sequence.tags][:room]
    if new:
        sequence.unit_tags = sorted({*sequence.unit_tags, *new})
        sequence.tags = sorted({*sequence.tags, *wanted})
