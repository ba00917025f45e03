"""The transit box of box least squares: a star fainter by its depth for some time."""

import math
from dataclasses import dataclass

from panoptes_network.responses.candidates import Candidate

HOURS_A_DAY = 24.0
MAX_TRANSITS = 500
"""Maximum number of transits drawn per night, for any claimed period."""


@dataclass(frozen=True, slots=True)
class Box:
    """Transits of `duration_d` days and a relative `depth`, including one at `mid_bjd`.

    Without `period_d`, there is only one.
    """

    mid_bjd: float
    duration_d: float
    depth: float
    period_d: float | None = None

    @classmethod
    def of(cls, candidate: Candidate) -> "Box | None":
        """Return the box of a candidate; None without a transit."""
        mid_bjd, duration_h = candidate["mid_bjd_tdb"], candidate["duration_h"]
        depth = candidate["depth"]
        if mid_bjd is None or duration_h is None or depth is None:
            return None
        return cls(mid_bjd, duration_h / HOURS_A_DAY, depth, candidate["period_d"])

    def corners(self, first_bjd: float, last_bjd: float) -> list[tuple[float, float]]:
        """Return times from the first to the last and the relative flux at each, as a path."""
        found = [(first_bjd, self._flux(first_bjd))]
        for mid in self._mids(first_bjd, last_bjd):
            for edge, levels in (
                (mid - self.duration_d / 2, (1.0, 1.0 - self.depth)),
                (mid + self.duration_d / 2, (1.0 - self.depth, 1.0)),
            ):
                if first_bjd < edge < last_bjd:
                    found += [(edge, level) for level in levels]
        return [*found, (last_bjd, self._flux(last_bjd))]

    def _mids(self, first_bjd: float, last_bjd: float) -> list[float]:
        """Return the mid-times of all transits that overlap a range of times."""
        if not self.period_d:
            return [self.mid_bjd]
        reach = self.duration_d / 2
        first = math.ceil((first_bjd - reach - self.mid_bjd) / self.period_d)
        last = math.floor((last_bjd + reach - self.mid_bjd) / self.period_d)
        return [
            self.mid_bjd + number * self.period_d
            for number in range(first, last + 1)[:MAX_TRANSITS]
        ]

    def _flux(self, bjd: float) -> float:
        is_inside = any(abs(bjd - mid) <= self.duration_d / 2 for mid in self._mids(bjd, bjd))
        return 1.0 - self.depth if is_inside else 1.0
