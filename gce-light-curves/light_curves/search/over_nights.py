"""The search of stars over all their nights, repeated when a night is added."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from light_curves.measurements import LightCurves
from light_curves.search.boxes import trials_at
from light_curves.search.candidates import FALSE_ALARMS, subject
from light_curves.search.earlier import read_night
from light_curves.search.false_alarm import share_beyond, steady_powers
from light_curves.search.periods import Evidence, Repeated, search_periods
from light_curves.search.transits import Box, TransitSearch, search_transits
from light_curves.search.vetting import Vetter
from panoptes_network.arrays import Indices
from panoptes_network.database.candidates import CandidateKind, FoundCandidate
from panoptes_network.database.light_curve_models import VettingValue
from panoptes_network.light_curves.schema import Vetting

LONGEST_SPAN_D = 30.0
"""Maximum distance of nights from tonight: the time per star grows with its square."""
WORTH = 0.1
"""Maximum false-alarm probability tonight for a search over all nights."""
MAX_STARS = 200
"""Maximum number of stars, most probable first, and of others as a comparison for chance."""


@dataclass(frozen=True)
class OverNights:
    """Result of the search of stars over all their nights.

    Parameters
    ----------
    searched : list of (int, str)
        `picid` and catalog of the searched stars that had earlier nights.
    found : list of FoundCandidate
        Candidates, most significant first.
    """

    searched: list[tuple[int, str]] = field(default_factory=list)
    found: list[FoundCandidate] = field(default_factory=list)


def worth_searching(
    curves: LightCurves, search: TransitSearch, followed: Collection[int] = ()
) -> Indices:
    """Return the stars of tonight's search to follow up: shape (m,), indices in the search.

    They are those with `picid` in `followed`, at most half of the total, and those that dimmed
    tonight.
    """
    picid = curves.fluxes.field.picid[search.night.star]
    is_followed = np.isin(picid, np.array(list(followed), np.int64))
    is_worth = (search.false_alarm_probability <= WORTH) & ~is_followed
    known = _most_probable(search, np.flatnonzero(is_followed))[: MAX_STARS // 2]
    new = _most_probable(search, np.flatnonzero(is_worth))
    return np.concatenate([known, new[: MAX_STARS - len(known)]])


def _most_probable(search: TransitSearch, stars: Indices) -> Indices:
    """Return the stars with the lowest false-alarm probabilities first."""
    probability, power = search.false_alarm_probability[stars], search.power[stars]
    return stars[np.lexsort((-power, probability))]


def find_over_nights(
    curves: LightCurves,
    search: TransitSearch,
    earlier: Iterable[Path],
    followed: Collection[int] = (),
) -> OverNights:
    """Search the selected stars over tonight and their earlier nights.

    Parameters
    ----------
    curves : LightCurves
        Light curves of tonight.
    search : TransitSearch
        Search of these curves.
    earlier : iterable of Path
        Light-curve Parquet files of other sequences that share stars with tonight's; each is read
        once, before the next is requested.
    followed : collection of int
        Stars searched in any case, such as earlier candidates, by `picid`.
    """
    worth = worth_searching(curves, search, followed)
    chance = _like(search.night.gaia_mag, worth)
    nights = _nights(curves, search, np.union1d(worth, chance), earlier)
    repeated = {
        star: best
        for star, own in nights.items()
        if len(own) > 1 and (best := search_periods(own)) is not None
    }
    by_chance = [repeated[int(star)] for star in chance if int(star) in repeated]
    constant = steady_powers(
        np.array([best.power for best in by_chance]),
        np.array([best.upside_down for best in by_chance]),
    )
    stars = [int(star) for star in worth if int(star) in repeated]
    return _candidates(Vetter(curves, search), stars, repeated, constant)


def _like(gaia_mag: NDArray[np.floating], worth: Indices) -> Indices:
    """Return comparison stars of the same brightnesses as the selected ones."""
    if not np.isfinite(gaia_mag[worth]).any():
        return worth[:0]
    low, high = np.nanmin(gaia_mag[worth]), np.nanmax(gaia_mag[worth])
    order = np.argsort(gaia_mag, kind="stable")
    among = order[(gaia_mag[order] >= low) & (gaia_mag[order] <= high)]
    chosen = np.linspace(0, len(among) - 1, min(MAX_STARS, len(among)))
    return np.asarray(among[np.round(chosen).astype(np.intp)])


def _nights(
    curves: LightCurves, search: TransitSearch, stars: Indices, earlier: Iterable[Path]
) -> dict[int, list[Evidence]]:
    """Return the evidence of each night for each star, tonight first."""
    nights = {int(star): [Evidence.of(search, int(star))] for star in stars}
    picid = curves.fluxes.field.picid[search.night.star]
    star_of = {int(picid[star]): star for star in nights}
    for path in earlier:
        night, found = read_night(path, np.array(sorted(star_of), np.int64))
        before = search_transits(night)
        if before is None:
            continue
        for index, one in enumerate(found):
            own = nights[star_of[int(one)]]
            evidence = Evidence.of(before, index)
            if np.abs(evidence.mid_bjd - own[0].mid_bjd[0]).min() < LONGEST_SPAN_D:
                own.append(evidence)
    return nights


def _candidates(
    vetter: Vetter,
    stars: list[int],
    repeated: dict[int, Repeated],
    constant: NDArray[np.floating],
) -> OverNights:
    power = np.array([repeated[star].power for star in stars])
    probability = share_beyond(power, constant)
    rows = [
        _row(vetter, star, repeated[star], float(chance))
        for star, chance in zip(stars, probability, strict=True)
    ]
    return OverNights(
        searched=[(row.picid, row.catalog) for row in rows],
        found=sorted(
            (row for row in rows if row.false_alarm_probability <= FALSE_ALARMS),
            key=lambda row: -row.significance,
        ),
    )


def _row(vetter: Vetter, star: int, best: Repeated, probability: float) -> FoundCandidate:
    return FoundCandidate(
        kind=CandidateKind.TRANSIT,
        **subject(vetter.curves, int(vetter.search.night.star[star]), best.n_nights),
        significance=best.depth / best.depth_err,
        false_alarm_probability=probability,
        depth=best.depth,
        depth_err=best.depth_err,
        duration_h=best.duration_h,
        mid_bjd_tdb=best.mid_bjd,
        period_d=best.period_d,
        vetting=_vetting(vetter, star, best),
    )


def _vetting(vetter: Vetter, star: int, best: Repeated) -> dict[str, VettingValue]:
    """Return the vetting of tonight's event, if there is one, and the odd-even difference."""
    night = vetter.search.night
    mid_d = best.mid_bjd - float(night.bjd_offset_d[star])
    if best.period_d is not None:
        cycles = np.ceil((night.time_d[0] - mid_d) / best.period_d)
        mid_d += float(cycles) * best.period_d
    box = Box(mid_d, best.duration_h, best.depth, best.depth_err)
    is_tonight = len(trials_at(night.time_d, np.array([mid_d]), np.array([box.duration_h])))
    tonight = vetter.vet(star, box) if is_tonight else {}
    return {**tonight, Vetting.ODD_EVEN_SIGMA: best.odd_even_sigma}
