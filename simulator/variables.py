"""Variable stars: transits, eclipsing binaries and pulsating stars."""

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
from astropy.table import Table
from numpy.typing import NDArray

from simulator.transit import radius_for_depth, transit_flux

Float64 = NDArray[np.float64]

ONCE_D = math.inf
"""Period of a single event."""
SECONDARY_SHARE = 0.4
"""Depth of a binary's second eclipse against its first."""


class Kind(StrEnum):
    """Kinds of variability."""

    TRANSIT = "transit"
    """A planet crosses the middle of a star with a dark limb."""
    ECLIPSING = "eclipsing"
    """Two eclipses in each period, the second shallower."""
    SINE = "sine"
    """A pulsating star: a sine in flux."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A variable star.

    Attributes
    ----------
    star_id : int
        Its id in the simulated sky.
    kind : Kind
    depth : float
        Greatest loss of flux; of a sine its amplitude, relative to the mean.
    epoch_bjd : float
        BJD_TDB of mid-transit, mid-eclipse, or of the sine's rise through the mean.
    period_d : float
        :data:`ONCE_D` for a single event; a sine has one.
    duration_h : float
        From first to last contact; nothing of a sine.

    Raises
    ------
    ValueError
        For a depth outside of 0 to 0.5, or a period or duration that is none.
    """

    star_id: int
    kind: Kind
    depth: float
    epoch_bjd: float
    period_d: float = ONCE_D
    duration_h: float = 2.5

    def __post_init__(self) -> None:
        if not 0 < self.depth <= MAX_DEPTH:
            raise ValueError(f"depth is {self.depth}, not above 0 and at most {MAX_DEPTH}")
        if not self.period_d > 0 or (self.kind is Kind.SINE and math.isinf(self.period_d)):
            raise ValueError(f"the period must be above 0 days, not {self.period_d}")
        if not 0 < self.duration_h < 24 * self.period_d / 2:
            raise ValueError(f"duration_h is {self.duration_h}: not within half a period")

    def flux(self, bjd: Float64) -> Float64:
        """Return the star's flux at times (BJD_TDB), shape (n,); 1 is its undisturbed light."""
        since_d = bjd - self.epoch_bjd
        if self.kind is Kind.SINE:
            return np.asarray(1 + self.depth * np.sin(2 * np.pi * since_d / self.period_d))
        from_first_h = 24 * _from_nearest(since_d, self.period_d)
        if self.kind is Kind.TRANSIT:
            return self._transit(from_first_h)
        half_d = self.period_d / 2 if math.isfinite(self.period_d) else ONCE_D
        from_second_h = 24 * _from_nearest(since_d - half_d, self.period_d)
        second = SECONDARY_SHARE * self._eclipse(from_second_h)
        return np.asarray(1 - self.depth * (self._eclipse(from_first_h) + second))

    def _transit(self, from_middle_h: Float64) -> Float64:
        radius = _radius(self.depth)
        across = 2 * (1 + radius) / self.duration_h
        return transit_flux(across * np.abs(from_middle_h), radius)

    def _eclipse(self, from_middle_h: Float64) -> Float64:
        """Return how far an eclipse has come, 0 to 1, as a raised cosine."""
        part = np.clip(np.abs(from_middle_h) / self.duration_h, 0, 0.5)
        return np.asarray((1 + np.cos(2 * np.pi * part)) / 2)


MAX_DEPTH = 0.5


def mean_flux(variable: Variable, middle_bjd: float, exptime_s: float, steps: int = 9) -> float:
    """Return the mean of a star's flux over an exposure around `middle_bjd`."""
    offsets_d = (np.arange(steps) + 0.5 - steps / 2) / steps * exptime_s / 86400
    return float(variable.flux(middle_bjd + offsets_d).mean())


def variable_table(variables: tuple[Variable, ...]) -> Table:
    """Return the variables as a table for the truth; the period of a single event is NaN."""
    rows = {
        "id": np.array([one.star_id for one in variables], np.int64),
        "kind": np.array([one.kind.value for one in variables], "U12"),
        "depth": np.array([one.depth for one in variables], float),
        "epoch_bjd": np.array([one.epoch_bjd for one in variables], float),
        "period_d": np.array([one.period_d for one in variables], float),
        "duration_h": np.array([one.duration_h for one in variables], float),
    }
    rows["period_d"][~np.isfinite(rows["period_d"])] = np.nan
    return Table(rows)


def _from_nearest(since_d: Float64, period_d: float) -> Float64:
    """Return the days from the nearest event, negative before it."""
    if math.isinf(period_d):
        return since_d
    return np.asarray((since_d + period_d / 2) % period_d - period_d / 2)


_radius = lru_cache(maxsize=64)(radius_for_depth)
