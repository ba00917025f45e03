"""Great circle arcs on the unit sphere: intersections, distances, and enclosed points.

Arcs are shorter than half a turn and given by their ends, unit vectors of shape (..., 3). If an end
is not finite, all results are False or infinitely far.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from panoptes_network.arrays import Mask

Vectors = NDArray[np.float64]


def dot(left: Vectors, right: Vectors) -> NDArray[np.float64]:
    """Return the scalar products, shape (...)."""
    products: NDArray[np.float64] = np.einsum("...i,...i->...", left, right)
    return products


def edges(corners: Vectors) -> tuple[Vectors, Vectors]:
    """Return the ends of a polygon's edges, from corners of shape (..., m, 3)."""
    return corners, np.roll(corners, -1, axis=-2)


def cross_each_other(starts: Vectors, ends: Vectors, start: Vectors, end: Vectors) -> Mask:
    """Return which arcs cross one arc, shape (...): each has its ends on both sides of the other.

    The four triple products have the same sign if they cross here, not at the antipodes
    (`SimpleCrossing` of the S2 geometry library).
    """
    normals, normal = np.cross(starts, ends), np.cross(start, end)
    signs = np.stack(
        [-dot(normals, start), dot(normals, end), -dot(ends, normal), dot(starts, normal)]
    )
    return np.asarray((signs > 0).all(axis=0) | (signs < 0).all(axis=0))


def separation_rad(starts: Vectors, ends: Vectors, point: Vectors) -> NDArray[np.float64]:
    """Return the angle from `point` to the nearest point of each arc, radians, shape (...)."""
    normals = np.cross(starts, ends)
    lengths = np.linalg.norm(normals, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        to_circle = np.arcsin(np.abs(dot(normals, point)) / lengths)
    is_beside = (dot(np.cross(normals, starts), point) >= 0) & (
        dot(np.cross(ends, normals), point) >= 0
    )
    chords = np.minimum(
        np.linalg.norm(starts - point, axis=-1), np.linalg.norm(ends - point, axis=-1)
    )
    to_end = 2 * np.arcsin(np.clip(chords / 2, 0, 1))
    found = np.where(is_beside & (lengths > 0), to_circle, to_end)
    return np.where(np.isfinite(found), found, np.inf)


def cross_parallel(
    starts: Vectors, ends: Vectors, dec_deg: float
) -> tuple[NDArray[np.float64], Mask]:
    """Return the intersections of arcs with a circle of declination.

    Along an arc, z is a cosine of the distance: ``hypot(a_z, u_z) cos(t - phi)`` with u the initial
    direction at its start a.

    Returns
    -------
    ra_deg : ndarray, shape (2, ...), float64
        Two intersections of each arc's great circle, 0 to 360.
    is_met : ndarray, shape (2, ...), bool
        Whether the intersection exists and is on the arc.
    """
    leaving = ends - dot(starts, ends)[..., None] * starts
    with np.errstate(invalid="ignore", divide="ignore"):
        leaving /= np.linalg.norm(leaving, axis=-1, keepdims=True)
        length = np.arctan2(np.linalg.norm(np.cross(starts, ends), axis=-1), dot(starts, ends))
        highest = np.hypot(starts[..., 2], leaving[..., 2])
        half = np.arccos(np.sin(np.radians(dec_deg)) / highest)
    middle = np.arctan2(leaving[..., 2], starts[..., 2])
    way = np.stack([middle - half, middle + half]) % (2 * np.pi)
    points = np.cos(way)[..., None] * starts + np.sin(way)[..., None] * leaving
    ra_deg = np.degrees(np.arctan2(points[..., 1], points[..., 0])) % 360
    return ra_deg, np.asarray(way <= length)


def surround(corners: Vectors, point: Vectors) -> Mask:
    """Return which convex polygons contain `point`; corners have shape (n, m, 3)."""
    starts, ends = edges(corners)
    normals = np.cross(starts, ends)
    sense = np.sign(dot(normals, corners.mean(axis=-2)[..., None, :]).sum(axis=-1))
    return np.asarray((dot(normals, point) * sense[..., None] >= 0).all(axis=-1) & (sense != 0))


def is_surrounded(corners: Vectors, points: Vectors) -> Mask:
    """Return which points are inside a polygon of any shape within a hemisphere.

    Parameters
    ----------
    corners : ndarray, shape (m, 3)
        In either sense; the edges must not cross.
    points : ndarray, shape (..., 3)

    Returns
    -------
    ndarray, shape (...), bool

    Notes
    -----
    Seen from a point inside, the corners go around once; also from its antipodes.
    """
    turned = np.zeros(points.shape[:-1])
    for start, end in pairwise([*corners, corners[0]]):
        along = start @ end - (points @ start) * (points @ end)
        turned += np.arctan2(points @ np.cross(start, end), along)
    is_near = points @ corners.sum(axis=0) > 0
    return np.asarray((np.abs(turned) > np.pi) & is_near)
