"""Folding of a light curve: times become phases of a chosen period."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from werkzeug.exceptions import BadRequest

from observations_explorer.form_errors import quoted

MIN_PERIOD_D, LONGEST_PERIOD_D = 1e-4, 1e4
LATEST_MJD = 1e6
_LABELS = {"period_d": quoted("Period"), "epoch_mjd": quoted("Phase 0")}
"""Names of the parameters in the form."""
CYCLES = 2
"""A folded curve is drawn twice, so that the part around phase 0 is seen in one piece."""


@dataclass(frozen=True, slots=True)
class Folding:
    """A period, and the time of phase 0; by default, the first time."""

    period_d: float
    epoch_mjd: float | None = None

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> "Folding | None":
        """Read ``period_d`` and ``epoch_mjd``; None without a period.

        Raises
        ------
        werkzeug.exceptions.BadRequest
            Names the parameter.
        """
        if not parameters.get("period_d", "").strip():
            return None
        period_d = _number(parameters, "period_d", MIN_PERIOD_D, LONGEST_PERIOD_D)
        if not parameters.get("epoch_mjd", "").strip():
            return cls(period_d)
        return cls(period_d, _number(parameters, "epoch_mjd", -LATEST_MJD, LATEST_MJD))

    def phases(self, times_mjd: list[float]) -> list[float]:
        """Return each time's phase, from 0 up to 1, in order; may be empty."""
        start = min(times_mjd, default=0.0) if self.epoch_mjd is None else self.epoch_mjd
        # A remainder just below 0 is rounded to 1.
        return [(time - start) / self.period_d % 1 % 1 for time in times_mjd]


def _number(parameters: Mapping[str, str], name: str, low: float, high: float) -> float:
    try:
        value = float(parameters[name].strip().replace(",", "."))
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise BadRequest(f"{_LABELS[name]} must be a number from {low:g} to {high:g}.")
    return value
