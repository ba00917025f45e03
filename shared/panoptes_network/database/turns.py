"""Fair turns: a unit that used much of the plate solvers' time waits for the others.

The measure is seconds of work within the last hour. So a unit with slow frames, or one that uploads
its whole night at once, does not delay the others. If no other unit has images waiting, none waits.
"""

from datetime import timedelta

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from panoptes_network.database.models import Image, Sequence
from panoptes_network.events import PipelineImage
from panoptes_network.states import END_STATES

WINDOW = timedelta(hours=1)

_LEAST_OF_OTHERS = text("""
WITH others AS (
    SELECT DISTINCT unit_id FROM images JOIN sequences USING (sequence_id)
    WHERE state = 'metadata_received' AND generation > 0 AND unit_id <> :unit_id),
used AS (
    SELECT unit_id, sum(processing_s) AS seconds FROM images JOIN sequences USING (sequence_id)
    WHERE images.updated_at > now() - make_interval(secs => :window_s) GROUP BY unit_id)
SELECT min(coalesce(seconds, 0)) FROM others LEFT JOIN used USING (unit_id)
""")
"""The smallest number of seconds among units that have images waiting."""


def put_off(session: Session, message: PipelineImage, allowance_s: float) -> bool:
    """Record that an image has to wait, if it does; return whether it does.

    It waits if its unit had `allowance_s` more seconds than another unit with images waiting.
    """
    query = select(Image, Sequence.unit_id).join(Sequence).where(Image.image_id == message.image_id)
    found = session.execute(query).one_or_none()
    if found is None or (found.Image.state in END_STATES and not message.reprocess):
        return False
    over_s = _used_s(session, found.unit_id) - allowance_s
    if over_s <= 0 or not _has_had_less(session, found.unit_id, over_s):
        return False
    session.execute(
        update(Image)
        .where(Image.image_key == found.Image.image_key)
        .values(put_off_at=func.now(), updated_at=Image.updated_at)
    )
    return True


def _used_s(session: Session, unit_id: str) -> float:
    query = select(func.sum(Image.processing_s)).join(Sequence)
    of_unit = Sequence.unit_id == unit_id
    return session.scalar(query.where(of_unit, Image.updated_at > func.now() - WINDOW)) or 0.0


def _has_had_less(session: Session, unit_id: str, over_s: float) -> bool:
    asked = {"unit_id": unit_id, "window_s": WINDOW.total_seconds()}
    least_s = session.scalar(_LEAST_OF_OTHERS, asked)
    return least_s is not None and least_s < over_s
