"""What never arrived, or hangs, is found and sent again."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from panoptes_network.operations.closing import close_done
from panoptes_network.operations.report import Report
from panoptes_network.operations.sweep_bucket import sweep_bucket
from panoptes_network.operations.sweep_images import sweep_images
from panoptes_network.operations.sweep_times import sweep_times

BUDGET_S = 40
"""Less than a schedule waits for its answer."""


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
    sweep_times(report)
    close_done(report)
    sweep_images(report)
    sweep_bucket(report, from_start=False)
    return report.answer()


def sweep_all(*, dry_run: bool) -> dict[str, Any]:
    """Sweep through all images and the whole bucket, however long it takes."""
    report = Report(dry_run)
    sweep_times(report)
    close_done(report)
    sweep_images(report)
    sweep_bucket(report, from_start=True)
    return report.answer()
