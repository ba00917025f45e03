"""The sweep: find lost uploads and stalled images, and resend them."""

import logging
from collections.abc import Callable
from functools import partial

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
"""Shorter than the scheduler's request timeout."""

_last: dict[tuple[str, ...], float] = {}
_log = logging.getLogger(SERVICE)


class SweepRequest(BaseModel):
    """A request for a sweep; a `dry_run` only reports what would be resent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dry_run: bool = False


def sweep(request: SweepRequest) -> Report:
    """Sweep within the time limit of a request; the next sweep continues where this one stopped.

    Raises
    ------
    TransientError
        If storage, database, broker or cf-image-received is unavailable.
    """
    report = Report.with_budget(BUDGET_S, dry_run=request.dry_run)
    return _sweep(report, from_start=False)


def sweep_all(*, dry_run: bool) -> Report:
    """Sweep through all images and the whole bucket, without a time limit."""
    report = Report(dry_run)
    return _sweep(report, from_start=True)


def last_balance() -> dict[tuple[str, ...], float]:
    """Return this process's last number of objects per group; empty before its first sweep."""
    return dict(_last)


def _sweep(report: Report, *, from_start: bool) -> Report:
    """Run every step even if others fail; raise the first error at the end."""
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
    groups = report.balance.groups
    _last.update({(group,): groups[group] for group in Group})
    log = _log.warning if groups[Group.LOST] else _log.info
    log("swept: %s", words(report.balance, report.looked_at), extra=_logged(report))
    return report


def _fault_of(step: Callable[[Report], object], name: str, report: Report) -> Exception | None:
    try:
        step(report)
    except Exception as error:
        is_expected = isinstance(error, TransientError)
        _log.warning("sweep of %s: %s", name, error, exc_info=not is_expected)
        return error
    return None


def _logged(report: Report) -> dict[str, object]:
    answer = report.answer()
    return {name: answer[name] for name in ("dry_run", "whole_bucket", "balance")}
