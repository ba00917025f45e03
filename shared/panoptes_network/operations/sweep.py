"""What never arrived, or hangs, is found and sent again."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from pydantic import BaseModel, ConfigDict

from panoptes_network.errors import TransientError
from panoptes_network.operations.balance import words
from panoptes_network.operations.closing import close_done
from panoptes_network.operations.history import SERVICE
from panoptes_network.operations.lost_uploads import Group
from panoptes_network.operations.report import Report
from panoptes_network.operations.sweep_bucket import sweep_bucket
from panoptes_network.operations.sweep_images import sweep_images
from panoptes_network.operations.sweep_light_curves import sweep_light_curves
from panoptes_network.operations.sweep_superseded import sweep_superseded
from panoptes_network.operations.sweep_times import sweep_times

BUDGET_S = 40
"""Less than a schedule waits for its answer."""

_last: dict[tuple[str, ...], float] = {}
_log = logging.getLogger(SERVICE)


class SweepRequest(BaseModel):
    """A sweep to be done; a `dry_run` only says what would be sent again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dry_run: bool = False


def sweep(request: SweepRequest) -> dict[str, Any]:
    """Sweep for as long as a request may take; the next goes on where this one stopped.

    Raises
    ------
    TransientError
        When storage, database, broker or cf-image-received is away.
    """
    report = Report.with_budget(BUDGET_S, dry_run=request.dry_run)
    return _sweep(report, from_start=False)


def sweep_all(*, dry_run: bool) -> dict[str, Any]:
    """Sweep through all images and the whole bucket, however long it takes."""
    report = Report(dry_run)
    return _sweep(report, from_start=True)


def last_balance() -> dict[tuple[str, ...], float]:
    """Return how many objects of each group this process found last; nothing before a sweep."""
    return dict(_last)


def _sweep(report: Report, *, from_start: bool) -> dict[str, Any]:
    """Take each step, whatever becomes of the others; the first fault is raised at the end."""
    steps: dict[str, Callable[[Report], object]] = {
        "times": sweep_times,
        "dead letters": close_done,
        "images": sweep_images,
        "light curves": sweep_light_curves,
        "superseded": sweep_superseded,
        "bucket": partial(sweep_bucket, from_start=from_start),
    }
    faults = [fault for name, step in steps.items() if (fault := _fault_of(step, name, report))]
    if faults:
        raise faults[0]
    answer = report.answer()
    _last.update({(group,): answer["balance"][group] for group in Group})
    log = _log.warning if answer["balance"][Group.LOST] else _log.info
    log("swept: %s", words(answer["balance"], report.looked_at), extra=_logged(answer))
    return answer


def _fault_of(step: Callable[[Report], object], name: str, report: Report) -> Exception | None:
    try:
        step(report)
    except Exception as error:
        is_expected = isinstance(error, TransientError)
        _log.warning("sweep of %s: %s", name, error, exc_info=not is_expected)
        return error
    return None


def _logged(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: answer[name] for name in ("dry_run", "whole_bucket", "balance")}
