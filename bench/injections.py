"""Transits put into finished light curves, and how many of them a search finds blind."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from light_curves.measurements import LightCurves
from light_curves.search.transits import TransitSearch
from simulator.variables import Kind, Variable

Float64 = NDArray[np.float64]
Indices = NDArray[np.intp]

AT_TIME_H = 0.6
"""So near to the true middle a found one is the same."""
FALSE_ALARMS = 0.01
MIDDLE = (0.35, 0.65)
"""Part of the night within which the middles fall."""


@dataclass(frozen=True)
class Judged:
    """How a search did on stars with transits, n of them.

    Attributes
    ----------
    at_time : ndarray, shape (n,), bool
        Its best box is where the transit is.
    above_constant : ndarray, shape (n,), bool
        It gains more than 99 of 100 constant stars, too.
    below_probability : ndarray, shape (n,), bool
        By the search's own false-alarm probability it is below 1 %, too.
    depth : ndarray, shape (n,)
        Of the best box.
    """

    at_time: NDArray[np.bool_]
    above_constant: NDArray[np.bool_]
    below_probability: NDArray[np.bool_]
    depth: Float64


def inject(
    curves: LightCurves, stars: Indices, depth: float, duration_h: float, seed: int
) -> tuple[LightCurves, Float64]:
    """Return curves with a transit in each of `stars`, and the middles, BJD_TDB, shape (n,)."""
    rng = np.random.default_rng(seed)
    flux, colours = curves.flux.copy(), curves.colour_flux.copy()
    first, last = curves.bjd_tdb[0, stars], curves.bjd_tdb[-1, stars]
    middles = first + rng.uniform(*MIDDLE, len(stars)) * (last - first)
    for star, middle in zip(stars, middles, strict=True):
        transit = Variable(
            star_id=0, kind=Kind.TRANSIT, depth=depth, epoch_bjd=middle, duration_h=duration_h
        )
        signal = transit.flux(curves.bjd_tdb[:, star]).astype(np.float32)
        flux[:, star] *= signal
        colours[:, star] *= signal[:, None]
    return replace(curves, flux=flux, colour_flux=colours), middles


def judge(search: TransitSearch, stars: Indices, middles: Float64, constant: Indices) -> Judged:
    """Hold a search against the truth.

    Parameters
    ----------
    search : TransitSearch
    stars : ndarray, shape (n,)
        Indices, in the search, of the stars with a transit.
    middles : ndarray, shape (n,)
        Of the transits, BJD_TDB.
    constant : ndarray, shape (m,)
        Indices, in the search, of constant stars of the same brightness.
    """
    found = search.trials.mid_d[search.best[stars]] + search.night.bjd_offset_d[stars]
    at_time = np.abs(found - middles) * 24 < AT_TIME_H
    limit = np.quantile(search.power[constant], 1 - FALSE_ALARMS)
    return Judged(
        at_time=at_time,
        above_constant=at_time & (search.power[stars] > limit),
        below_probability=at_time & (search.false_alarm_probability[stars] < FALSE_ALARMS),
        depth=np.array([search.scan(star).depth[0, search.best[star]] for star in stars.tolist()]),
    )
