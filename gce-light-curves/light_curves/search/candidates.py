"""The stars of a sequence that change: what goes to the table of candidates."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from light_curves.measurements import LightCurves
from light_curves.search.known import known_star
from light_curves.search.night import Night
from light_curves.search.transits import TransitSearch, search_transits
from light_curves.search.variability import VariabilitySearch, search_variables
from light_curves.search.vetting import vet
from panoptes_network.database.candidates import CandidateKind, FoundCandidate

Floats = NDArray[np.float64]

FALSE_ALARMS = 0.01
"""A star is a candidate where fewer constant ones of its brightness look alike."""


def find_candidates(curves: LightCurves) -> list[FoundCandidate]:
    """Return the stars of a sequence that dim once like a transit, or vary.

    About `FALSE_ALARMS` of the stars are candidates by chance: significance, probability and
    vetting say which to look at first.

    Parameters
    ----------
    curves : LightCurves

    Returns
    -------
    list of FoundCandidate
        Most significant first of each kind; empty where no star has enough good frames.
    """
    night = Night.of_curves(curves)
    return candidates_of(curves, night, search_transits(night))


def candidates_of(
    curves: LightCurves, night: Night, transits: TransitSearch | None
) -> list[FoundCandidate]:
    """Return what `find_candidates` does, where the search of the night is there already."""
    found = [] if transits is None else transit_candidates(curves, transits)
    variables = search_variables(night, curves.variability[night.star])
    return found + variable_candidates(curves, night, variables)


def transit_candidates(curves: LightCurves, search: TransitSearch) -> list[FoundCandidate]:
    """Return the stars of a search that dim once, with their boxes vetted."""
    return [
        _transit(curves, search, int(star))
        for star in _chosen(search.false_alarm_probability, search.significance)
    ]


def variable_candidates(
    curves: LightCurves, night: Night, search: VariabilitySearch
) -> list[FoundCandidate]:
    """Return the stars of a search that vary; a period only where a whole cycle was seen."""
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


def _transit(curves: LightCurves, search: TransitSearch, star: int) -> FoundCandidate:
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
        vetting=vet(curves, search, star, box),
    )


def subject(curves: LightCurves, star: int) -> dict[str, Any]:
    """Return what a row says of its star, by the names of `FoundCandidate`."""
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
        "n_nights": 1,
        "known_name": known and known.name,
        "known_kind": known and known.kind,
    }


def _chosen(probability: Floats, significance: NDArray[np.floating]) -> list[int]:
    """Return the stars that are candidates, most significant first."""
    chosen = np.flatnonzero((probability <= FALSE_ALARMS) & (significance > 0))
    return [int(star) for star in chosen[np.argsort(-significance[chosen], kind="stable")]]
