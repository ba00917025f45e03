"""Selection of comparison stars in a frame."""

from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from panoptes_network.arrays import Mask

MAX_CANDIDATES = 60
MAX_COMPARISONS = 30
MIN_PRESENCE = 0.9
"""Fraction of the target's frames that a comparison star must be in."""
FAINTEST, BRIGHTEST = 0.5, 4.0
"""A comparison star's flux relative to the target's."""
ISOLATION_PX = 8.0
"""No neighbour brighter than `NEIGHBOUR_FLUX` may be closer: half a stamp plus an aperture."""
NEIGHBOUR_FLUX = 0.1
"""Relative to the star's own flux."""
CROWDED_FLAGS = 1 | 2
"""source-extractor's FLAGS for neighbours, whose distance and light are checked here; any other
flag (saturated, at the edge, incomplete) excludes a star.
"""


@dataclass(frozen=True, slots=True)
class FrameSources:
    """All sources of one frame: arrays of equal length n.

    Attributes
    ----------
    is_star : ndarray, bool
        Whether it is a known star and has a stamp.
    x_px, y_px : ndarray, float
        0-based mosaic pixels.
    flux_adu : ndarray, float
        Of all colours.
    flags : ndarray, int
        source-extractor's.
    """

    is_star: Mask
    x_px: NDArray[np.floating]
    y_px: NDArray[np.floating]
    flux_adu: NDArray[np.floating]
    flags: NDArray[np.integer]


def comparison_candidates(sources: FrameSources, target: int) -> NDArray[np.intp]:
    """Select comparison stars for a source from one frame.

    They are known, unsaturated, of similar brightness and isolated; the nearest come first.

    Parameters
    ----------
    sources : FrameSources
    target : int
        Index of the source; it is not among its own candidates.

    Returns
    -------
    ndarray, shape (m,), intp
        Indices into `sources`, at most `MAX_CANDIDATES`; may be empty.
    """
    ratio = sources.flux_adu / sources.flux_adu[target]
    usable = sources.is_star & (sources.flags & ~CROWDED_FLAGS == 0)
    usable &= (ratio >= FAINTEST) & (ratio <= BRIGHTEST)
    usable[target] = False
    distance = np.hypot(sources.x_px - sources.x_px[target], sources.y_px - sources.y_px[target])
    nearest = np.flatnonzero(usable)
    nearest = nearest[np.argsort(distance[nearest], kind="stable")]
    alone = (index for index in nearest if _is_alone(sources, index))
    return np.fromiter(islice(alone, MAX_CANDIDATES), np.intp)


def steady_stars(is_present: Mask, is_saturated: Mask) -> NDArray[np.intp]:
    """Return the candidates in nearly all frames and saturated in none.

    Parameters
    ----------
    is_present, is_saturated : ndarray, shape (candidates, frames), bool

    Returns
    -------
    ndarray, shape (m,), intp
        Indices of at most `MAX_COMPARISONS` candidates, in their order.
    """
    steady = (is_present.mean(axis=1) >= MIN_PRESENCE) & ~is_saturated.any(axis=1)
    return np.flatnonzero(steady)[:MAX_COMPARISONS]


def _is_alone(sources: FrameSources, index: np.intp) -> bool:
    """Return whether a source has no significant neighbour."""
    is_near = np.abs(sources.x_px - sources.x_px[index]) < ISOLATION_PX
    is_near &= sources.flux_adu > NEIGHBOUR_FLUX * sources.flux_adu[index]
    near = np.flatnonzero(is_near)
    distance = np.hypot(
        sources.x_px[near] - sources.x_px[index], sources.y_px[near] - sources.y_px[index]
    )
    return bool(np.count_nonzero(distance < ISOLATION_PX) == 1)  # the source itself
