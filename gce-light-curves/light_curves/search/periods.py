"""Periodic transits: the evidence of several nights for a star, folded by every period.

Each night's search gives a depth and its information per mid-time, corrected for the star's level
and slow noise in that night. Nights are independent, so for a period, phase and duration the depths
are averaged, weighted by information: box least squares with a level per night.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from light_curves.compiled import compiled
from light_curves.search.boxes import DURATIONS_H, MIDS_PER_DURATION
from light_curves.search.transits import TransitSearch
from panoptes_network.arrays import Floats

SHORTEST_D, LONGEST_D = 0.5, 15.0
"""Range of the periods."""
SHORTER = 1.05
"""Factor by which a shorter period must be better: of equivalent ones, such as 1 d and 0.5 d, the
longest wins.
"""
EVERY_DURATION = 2
"""Every second of `DURATIONS_H` is folded: a fit of several nights may be off by a quarter."""


@dataclass(frozen=True)
class Evidence:
    """Evidence of a night for a star's transits, by k trials.

    Parameters
    ----------
    mid_bjd, duration_h, log_prior : ndarray, shape (k,), float64
    score, information : ndarray, shape (k,), float64
        Depth times information, and information.
    """

    mid_bjd: Floats
    duration_h: Floats
    log_prior: Floats
    score: Floats
    information: Floats

    @classmethod
    def of(cls, search: TransitSearch, star: int) -> "Evidence":
        """Return the evidence for a star from a night's search."""
        found = search.scan(star)
        information = found.information[0].astype(np.float64)
        return cls(
            mid_bjd=search.trials.mid_d + search.night.bjd_offset_d[star],
            duration_h=search.trials.duration_h,
            log_prior=search.trials.log_prior,
            score=found.depth[0] * information,
            information=information,
        )


@dataclass(frozen=True)
class Repeated:
    """The best transit of a star over several nights.

    Parameters
    ----------
    power, upside_down : float
        Gain of the best dip and of the best rise; see `TransitSearch`.
    period_d : float or None
        None if only one event was seen.
    mid_bjd : float
        Mid-time of the most significant event.
    duration_h, depth, depth_err : float
    odd_even_sigma : float or None
        Difference of the depths of odd and even events, in standard deviations.
    n_nights : int
        Number of searched nights.
    """

    power: float
    upside_down: float
    period_d: float | None
    mid_bjd: float
    duration_h: float
    depth: float
    depth_err: float
    odd_even_sigma: float | None
    n_nights: int


def search_periods(nights: Sequence[Evidence]) -> Repeated | None:
    """Return a star's best transit over its nights; None without evidence."""
    best, upside_down = None, 0.0
    for duration_h in DURATIONS_H[::EVERY_DURATION]:
        own = _of_duration(nights, float(duration_h))
        if len(own.mid_bjd) == 0:
            continue
        found = _fold_all(own, _step_d(own))
        upside_down = max(upside_down, found[3])
        if best is None or found[0] > best[0]:
            best = (*found, own)
    if best is None or best[0] <= 0:
        return None
    power, period_d, place, _, own = best
    return _summary(own, (power, upside_down), period_d, place, _count_nights(nights))


def _count_nights(nights: Sequence[Evidence]) -> int:
    """Return the number of nights; two cameras in one night count once."""
    middles = np.sort([night.mid_bjd.mean() for night in nights if len(night.mid_bjd)])
    return int(np.sum(np.diff(middles) > SHORTEST_D)) + 1


def _of_duration(nights: Sequence[Evidence], duration_h: float) -> Evidence:
    """Return the evidence of all nights for one duration, if there is any."""
    columns = [
        np.concatenate([getattr(night, name) for night in nights] or [np.zeros(0)])
        for name in ("mid_bjd", "duration_h", "log_prior", "score", "information")
    ]
    chosen = (columns[1] == duration_h) & (columns[4] > 0)
    return Evidence(*(column[chosen] for column in columns))


def _fold_all(own: Evidence, step_d: float) -> tuple[float, float, int, float]:
    """Return gain, period and phase bin of the best dip, and the gain of the best rise."""
    since_d = _since(own, step_d)
    periods = trial_periods(float(since_d.max()), step_d)
    dip, rise, at_period, at_bin = _fold(since_d, own.score, own.information, periods, step_d)
    prior = 2 * float(own.log_prior.max())
    return max(dip + prior, 0.0), float(periods[at_period]), at_bin, max(rise + prior, 0.0)


def _since(own: Evidence, step_d: float) -> Floats:
    """Return the trials' times since half a step before the first, at the centres of phase bins."""
    return np.asarray(own.mid_bjd - own.mid_bjd.min() + step_d / 2)


def trial_periods(span_d: float, step_d: float) -> Floats:
    """Return the trial periods for nights spanning `span_d`, longest first.

    The first exceeds the span: a single event. From one period to the next, events at the ends of
    the span shift by half of `step_d`.
    """
    longest = min(LONGEST_D, span_d)
    once = np.array([span_d + 1.0])
    if longest <= SHORTEST_D:
        return once
    count = int(np.ceil(np.log(longest / SHORTEST_D) * 2 * span_d / step_d))
    return np.concatenate([once, np.geomspace(longest, SHORTEST_D, max(count, 2))])


@compiled
def _fold(
    since_d: Floats, score: Floats, information: Floats, periods: Floats, step_d: float
) -> tuple[float, float, int, int]:  # pragma: no cover - compiled
    """Return the maximum squared significance: of dips, of rises, and the dip's position."""
    most_bins = int(periods.max() / step_d) + 2
    scores, informations = np.zeros(most_bins), np.zeros(most_bins)
    dip, rise, at_period, at_bin = 0.0, 0.0, 0, 0
    for number in range(len(periods)):
        period = periods[number]
        bins = int(period / step_d) + 1
        scores[:bins] = 0.0
        informations[:bins] = 0.0
        for trial in range(len(since_d)):
            place = int((since_d[trial] % period) / step_d)
            scores[place] += score[trial]
            informations[place] += information[trial]
        for place in range(bins):
            if informations[place] > 0.0:
                power = scores[place] ** 2 / informations[place]
                if scores[place] > 0.0 and power > SHORTER * dip:
                    dip, at_period, at_bin = power, number, place
                elif scores[place] < 0.0 and power > rise:
                    rise = power
    return dip, rise, at_period, at_bin


def _step_d(own: Evidence) -> float:
    return float(own.duration_h[0]) / 24 / MIDS_PER_DURATION


def _summary(
    own: Evidence, powers: tuple[float, float], period_d: float, place: int, n_nights: int
) -> Repeated:
    """Return the transit whose events are in one phase bin, `place`."""
    step_d = _step_d(own)
    since_d = _since(own, step_d)
    chosen = ((since_d % period_d) / step_d).astype(np.int64) == place
    mid_bjd, information = own.mid_bjd[chosen], own.information[chosen]
    cycle = (since_d[chosen] // period_d).astype(np.int64)
    total = float(information.sum())
    most = int(information.argmax())
    return Repeated(
        power=powers[0],
        upside_down=powers[1],
        period_d=period_d if len(np.unique(cycle)) > 1 else None,
        mid_bjd=float(mid_bjd[most]),
        duration_h=float(own.duration_h[0]),
        depth=float(own.score[chosen].sum()) / total,
        depth_err=total**-0.5,
        odd_even_sigma=_odd_even(own.score[chosen], information, cycle % 2 == 1),
        n_nights=n_nights,
    )


def _odd_even(score: Floats, information: Floats, is_odd: NDArray[np.bool_]) -> float | None:
    """Return the difference between odd and even events' depths in standard deviations."""
    if not is_odd.any() or is_odd.all():
        return None
    totals = [information[which].sum() for which in (is_odd, ~is_odd)]
    depths = [score[which].sum() for which in (is_odd, ~is_odd)]
    difference = depths[0] / totals[0] - depths[1] / totals[1]
    return float(abs(difference) / np.sqrt(1 / totals[0] + 1 / totals[1]))
