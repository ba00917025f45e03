"""The sweep of idle sequences whose light curves lack some of their solved images.

Each is published again: it grew after its light curves were made, or its message was lost.
"""

from functools import partial

from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.light_curve_sets import find_due, note_sent
from panoptes_network.events import FilmRequest
from panoptes_network.operations.report import Report
from panoptes_network.pubsub import publish


def sweep_light_curves(report: Report) -> None:
    """Request light curves that are due, until the budget is spent.

    Raises
    ------
    TransientError
        If database or broker is unavailable.
    """
    quiet_s = settings().sequence_quiet_s
    for sequence_id in run_transaction(partial(find_due, quiet_s=quiet_s)):
        if report.is_spent:
            return
        if not report.dry_run:
            publish(settings().film_topic, FilmRequest(sequence_id=sequence_id))
            run_transaction(partial(note_sent, sequence_id=sequence_id))
        report.add_sent(sequence_id)
