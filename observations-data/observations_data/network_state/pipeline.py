"""Pipeline status: waiting, finished and failed images of the last day."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from observations_data.database import AnyRow, as_record
from observations_data.network_state import metrics as network_metrics
from panoptes_network.database.models import Image
from panoptes_network.nights import advice
from panoptes_network.responses.network import FailureCount, PipelineStatus
from panoptes_network.states import FAILED_STATES

DAY = timedelta(days=1)


def status(session: Session) -> PipelineStatus:
    """Return the pipeline status in one snapshot.

    ``states`` counts all images. ``waiting`` is the longest idle time of unfinished images, in
    seconds by state, 0 if there are none. ``last_day`` counts the images changed within 24 hours by
    their current state, and ``failures`` those that failed, by reason, most frequent first.
    """
    figures = network_metrics.figures(session)
    changed = Image.updated_at > func.now() - DAY
    states = session.execute(
        select(Image.state, func.count().label("count")).where(changed).group_by(Image.state)
    ).all()
    failures = session.execute(
        select(
            Image.state,
            Image.reason_code,
            func.count().label("count"),
            func.max(Image.updated_at).label("last"),
            func.max(Image.image_id).label("image_id"),
        )
        .where(changed, Image.state.in_(FAILED_STATES))
        .group_by(Image.state, Image.reason_code)
        .order_by(func.count().desc(), Image.state, Image.reason_code)
    ).all()
    return as_record(
        PipelineStatus,
        {
            "time": session.scalar(select(func.now())),
            "states": figures.states,
            "waiting": figures.ages_s,
            "dead_letters": figures.dead_letters,
            "films_due": figures.films_due,
            "last_day": {str(state): count for state, count in states},
            "failures": [_failure(row) for row in failures],
        },
    )


def _failure(row: AnyRow) -> FailureCount:
    known = advice.of_reason(row.reason_code)
    advised = {"meaning": known.meaning, "action": known.action}
    return as_record(FailureCount, row._asdict() | advised)
