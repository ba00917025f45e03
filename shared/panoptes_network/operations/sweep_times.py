"""The sweep of images with implausible times, which end in `error`.

Such files are refused on arrival. Those accepted before that rule are found here, and their results
are reset. Their sources stay, as only plate solvers write them: queries of stars exclude
implausible times.
"""

from datetime import datetime
from functools import partial

from sqlalchemy import Select, not_, or_, select, union
from sqlalchemy.orm import Session

from panoptes_network.database.engine import run_transaction
from panoptes_network.database.images import forget_results
from panoptes_network.database.models import Image, Sequence
from panoptes_network.database.times import has_plausible
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.ids import check_time
from panoptes_network.operations.dead_letters import give_up
from panoptes_network.operations.history import SERVICE
from panoptes_network.operations.report import Report
from panoptes_network.states import ImageState

PAGE_SIZE = 500


def sweep_times(report: Report) -> None:
    """End the images whose time, or whose sequence's time, is implausible.

    Raises
    ------
    TransientError
        If the database is unavailable.
    """
    while not report.is_spent:
        ended = run_transaction(partial(_end, dry_run=report.dry_run))
        for image_id in ended:
            report.add_given_up(image_id)
        if len(ended) < PAGE_SIZE or report.dry_run:
            return


def _end(session: Session, *, dry_run: bool) -> list[str]:
    query = _misdated()
    found = session.execute(query if dry_run else query.with_for_update(of=Image)).all()
    for image, start_time in found if not dry_run else ():
        forget_results(image)
        try:
            check_time(start_time, "sequence")
            check_time(image.time, "image")
        except PermanentError as error:
            give_up(session, image, SERVICE, f"generation {image.generation}", error)
    return [image.image_id for image, _ in found]


def _misdated() -> Select[Image, datetime]:
    """Return the query for such images that have not ended this way; each kind uses an index."""
    of_images = select(Image.image_key).where(not_(has_plausible(Image.time)))
    sequences = select(Sequence.sequence_id).where(not_(has_plausible(Sequence.start_time)))
    of_sequences = select(Image.image_key).where(Image.sequence_id.in_(sequences))
    return (
        select(Image, Sequence.start_time)
        .join(Sequence, Sequence.sequence_id == Image.sequence_id)
        .where(
            Image.image_key.in_(union(of_images, of_sequences)),
            or_(
                Image.state != ImageState.ERROR,
                Image.reason_code.is_distinct_from(Reason.BAD_TIME),
            ),
        )
        .order_by(Image.image_key)
        .limit(PAGE_SIZE)
    )
