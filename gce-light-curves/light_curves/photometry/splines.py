"""Cubic B-splines in one coordinate, from which the PSF is built in two.

de Boor 1978, A Practical Guide to Splines, chapter IX. Between two knots four splines are nonzero,
each a cubic, so a table of cubics and the index of the first one is sufficient.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.interpolate import BSpline, PPoly

from light_curves.compiled import compiled
from panoptes_network.arrays import Floats

ORDER = 4
"""Cubics have four coefficients, and four splines overlap at each place."""

_RIGHT_KNOTS = (0.0, 0.55, 1.1, 1.7, 2.4, 3.3, 4.6, 6.4, 9.0, 13.5)
"""Knots, dense in the narrow core and sparse in the wings; pixels."""

KNOTS_PX = np.array([*(-knot for knot in _RIGHT_KNOTS[:0:-1]), *_RIGHT_KNOTS])
N_SPLINES = len(KNOTS_PX) + ORDER - 2
REACH_PX = _RIGHT_KNOTS[-1]
"""End of the splines: the PSF is 0 beyond."""


class SplineTable(NamedTuple):
    """The splines as cubics, for compiled code.

    Parameters
    ----------
    knots : ndarray, shape (m,), float64
    cubics : ndarray, shape (m - 1, 4, 4), float64
        Of each interval, of each of its splines, the coefficients of the powers 0 to 3 of the
        distance from the interval's first knot. Spline j of interval i has the number i + j.
    """

    knots: Floats
    cubics: Floats


@cache
def spline_table() -> SplineTable:
    """Return the splines of `KNOTS_PX`."""
    padded = np.pad(KNOTS_PX, ORDER - 1, mode="edge")
    n_intervals = len(KNOTS_PX) - 1
    cubics = np.zeros((n_intervals, ORDER, ORDER))
    for number in range(N_SPLINES):
        pieces = PPoly.from_spline((padded, np.eye(N_SPLINES)[number], ORDER - 1))
        powers = pieces.c[::-1, ORDER - 1 : ORDER - 1 + n_intervals]
        for interval in range(max(0, number - ORDER + 1), min(number + 1, n_intervals)):
            cubics[interval, number - interval] = powers[:, interval]
    return SplineTable(KNOTS_PX, cubics)


def design(offsets_px: Floats, derivative: int = 0) -> Floats:
    """Return the value of each spline at offsets.

    Parameters
    ----------
    offsets_px : ndarray, shape (k,)
        Within `REACH_PX`.
    derivative : int
        Order of the derivative.

    Returns
    -------
    ndarray, shape (k, N_SPLINES), float64
    """
    padded = np.pad(KNOTS_PX, ORDER - 1, mode="edge")
    splines = BSpline(padded, np.eye(N_SPLINES), ORDER - 1)
    values: Floats = splines(offsets_px, nu=derivative)
    return values


@compiled
def overlapping(offset_px: float, knots: Floats, cubics: Floats, out: Floats) -> int:
    """Write the four splines that overlap at an offset; return the index of the first.

    Beyond the knots they are 0.
    """
    last = knots.shape[0] - 2
    if offset_px < knots[0] or offset_px > knots[last + 1]:
        out[:] = 0.0
        return 0
    interval = 0
    while interval < last and offset_px >= knots[interval + 1]:
        interval += 1
    t = offset_px - knots[interval]
    for j in range(4):
        c = cubics[interval, j]
        out[j] = c[0] + t * (c[1] + t * (c[2] + t * c[3]))
    return interval
