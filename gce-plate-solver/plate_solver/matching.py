"""Matching of sources to catalog stars."""

import numpy as np
from scipy.spatial import KDTree

from panoptes_network.arrays import Floats, Integers

MATCH_RADIUS_PX = 2.0
"""A faint star's centroid scatters by half a pixel; stars closer than this are blended."""


def match(
    source_x: Floats, source_y: Floats, star_x: Floats, star_y: Floats, rank: Floats
) -> tuple[Integers, Integers]:
    """Match each source to at most one star and each star to at most one source.

    Stars choose in the order of `rank`: if several stars blend into one source, the brightest one
    dominates its light, and a fainter one gets another source or none.

    Parameters
    ----------
    source_x, source_y : ndarray, shape (n,)
        Positions of sources, 0-based pixels.
    star_x, star_y : ndarray, shape (m,)
        Positions of stars by the plate solution; NaN for stars that cannot be on the frame.
    rank : ndarray, shape (m,)
        Lower ranks choose first: the magnitude, with stars of a preferred catalog ahead.

    Returns
    -------
    sources, stars : ndarray, shape (k,)
        Indices of the pairs, in the order of `sources`; empty if nothing matches.
    """
    possible = np.flatnonzero(np.isfinite(star_x) & np.isfinite(star_y))
    if not len(possible) or not len(source_x):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    stars = KDTree(np.stack([star_x[possible], star_y[possible]], axis=1))
    sources = KDTree(np.stack([source_x, source_y], axis=1))
    near = sources.sparse_distance_matrix(stars, MATCH_RADIUS_PX, output_type="ndarray")
    near_stars = possible[near["j"]]
    order = np.lexsort((near["v"], near_stars, rank[near_stars]))
    return _first_come(near["i"][order], near_stars[order])


def _first_come(sources: Integers, stars: Integers) -> tuple[Integers, Integers]:
    """Go through the pairs and keep those whose sides are both free."""
    star_of: dict[int, int] = {}
    taken: set[int] = set()
    for source, star in zip(sources.tolist(), stars.tolist(), strict=True):
        if source not in star_of and star not in taken:
            star_of[source] = star
            taken.add(star)
    pairs = np.array(sorted(star_of.items()), dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]
