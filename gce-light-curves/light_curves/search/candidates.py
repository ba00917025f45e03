"""Candidates among a sequence's stars, for the table of candidates."""

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from light_curves.measurements import LightCurves
from light_curves.search.known import known_star
from light_curves.search.night import Night
from light_curves.search.transits import TransitSearch, search_transits
from light_curves.search.variability import VariabilitySearch, search_variables
from light_curves.search.vetting import Vetter
from panoptes_network.arrays import Floats
from panoptes_network.database.candidates import CandidateKind, FoundCandidate

FALSE_ALARMS = 0.01
"""Maximum false-alarm probability of a candidate."""


class Subject(TypedDict):
    """The fields of `FoundCandidate` that describe its star."""

    picid: int
    catalog: str
    ra_deg: float
    dec_deg: float
    gaia_mag: float | None
    n_nights: int
    known_name: str | None
    known_kind: str | None


def find_candidates(curves: LightCurves) -> list[FoundCandidate]:
    """Return the stars of a sequence with one transit-like dip, or with variability.

    About `FALSE_ALARMS` of the stars are candidates by chance: significance, probability and
    vetting show which to check first.

    Parameters
    ----------
    curves : LightCurves

    Returns
    -------
    list of FoundCandidate
        Most significant first within each kind; empty if no star has enough good frames.
    """
    night = Night.of_curves(curves)
    return candidates_of(curves, night, search_transits(night))


def candidates_of(
    curves: LightCurves, night: Night, transits: TransitSearch | None
) -> list[FoundCandidate]:
    """Return the result of `find_candidates` for an existing search of the night."""
    found = [] if transits is None else transit_candidates(curves, transits)
    variables = search_variables(night, curves.variability[night.star])
    return found + variable_candidates(curves, night, variables)


def transit_candidates(curves: LightCurves, search: TransitSearch) -> list[FoundCandidate]:
    """Return a search's stars with a single dip, with their boxes vetted."""
    vetter = Vetter(curves, search)
    return [
        _transit(vetter, star)
        for star in _chosen(search.false_alarm_probability, search.significance)
    ]


def variable_candidates(
    curves: LightCurves, night: Night, search: VariabilitySearch
) -> list[FoundCandidate]:
    """Return a search's variable stars; with a period only if a whole cycle was seen."""
    night_d = float(np.ptp(night.time_d)) if len(night.time_d) else 0.0
    found = []
    for star in _chosen(search.false_alarm_probability, search.significance):
        period_d = float(search.period_d[star])
        found.append(
            FoundCandidate(
                kind=CandidateKind.VARIABLE,
                **subject(curves, int(night.star[star])),
                significance=float(search.significance[star]),
                false_alarm_probability=float(search.false_alarm_probability[star]),
                period_d=period_d if period_d <= night_d else None,
                amplitude=float(search.amplitude[star]),
            )
        )
    return found


def _transit(vetter: Vetter, star: int) -> FoundCandidate:
    curves, search = vetter.curves, vetter.search
    box = search.box(star)
    return FoundCandidate(
        kind=CandidateKind.TRANSIT,
        **subject(curves, int(search.night.star[star])),
        significance=box.significance,
        false_alarm_probability=float(search.false_alarm_probability[star]),
        depth=box.depth,
        depth_err=box.depth_err,
        duration_h=box.duration_h,
        mid_bjd_tdb=box.mid_d + float(search.night.bjd_offset_d[star]),
        vetting=vetter.vet(star, box),
    )


def subject(curves: LightCurves, star: int, n_nights: int = 1) -> Subject:
    """Return a row's star and the number of nights it was searched in."""
    field = curves.fluxes.field
    ra_deg, dec_deg = float(field.ra_deg[star]), float(field.dec_deg[star])
    gaia_mag = float(field.gaia_mag[star])
    known = known_star(ra_deg, dec_deg)
    return {
        "picid": int(field.picid[star]),
        "catalog": "tic" if field.is_tic[star] else "gaia",
        "ra_deg": ra_deg,
        "dec_deg": dec_deg,
        "gaia_mag": gaia_mag if np.isfinite(gaia_mag) else None,
        "n_nights": n_nights,
        "known_name": known.name if known else None,
        "known_kind": known.kind if known else None,
    }


def _chosen(probability: Floats, significance: NDArray[np.floating]) -> list[int]:
    """Return the stars that are candidates, most significant first."""
    chosen = np.flatnonzero((probability <= FALSE_ALARMS) & (significance > 0))
    return [int(star) for star in chosen[np.argsort(-significance[chosen], kind="stable")]]
