"""Requested regions of the sky, and the footprints that meet them.

A footprint is a convex polygon with four corners connected by great circles, which extends less
than `REACH_DEG` from its centre.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from observations_data.virtual_observatory import arcs
from observations_data.virtual_observatory.arcs import Vectors
from panoptes_network.arrays import Mask
from panoptes_network.sky.directions import unit_vectors
from panoptes_network.sky.zones import Box, Interval

REACH_DEG = 20.0
"""No frame is larger: the network's limit of 60 million pixels of 10.29 arcsec reaches 17 degrees
if the frame is twice as wide as high.
"""


class Region(Protocol):
    """Base class of the regions."""

    def box(self, margin_deg: float) -> Box:
        """Return a box that contains everything within a margin of the region."""
        ...

    def meets(self, footprints: Vectors) -> Mask:
        """Return which footprints intersect the region.

        Parameters
        ----------
        footprints : ndarray, shape (n, 4, 3)
            Unit vectors of the corners, in order; footprints that are not finite meet nothing.

        Returns
        -------
        ndarray, shape (n,), bool
        """
        ...


@dataclass(frozen=True, slots=True)
class Circle:
    """All points within a radius of a point, degrees."""

    ra_deg: float
    dec_deg: float
    radius_deg: float

    def box(self, margin_deg: float) -> Box:
        """See `Region`."""
        ra, dec = self.ra_deg, self.dec_deg
        return Box.around((ra, ra), (dec, dec), self.radius_deg + margin_deg)

    def meets(self, footprints: Vectors) -> Mask:
        """See `Region`: the centre is inside, or an edge is near enough."""
        centre = unit_vectors(self.ra_deg, self.dec_deg)
        separation = arcs.separation_rad(*arcs.edges(footprints), centre).min(axis=-1)
        is_near = separation <= np.radians(self.radius_deg)
        return np.asarray(is_near | arcs.surround(footprints, centre))


@dataclass(frozen=True, slots=True)
class Range:
    """Between two right ascensions, eastward from the first, and two declinations, degrees.

    The second right ascension may be more than 360.
    """

    ra_deg: Interval
    dec_deg: Interval

    def box(self, margin_deg: float) -> Box:
        """See `Region`."""
        return Box.around(self.ra_deg, self.dec_deg, margin_deg)

    def meets(self, footprints: Vectors) -> Mask:
        """See `Region`: a corner of one is inside the other, or their edges cross."""
        starts, ends = arcs.edges(footprints)
        met = self._holds(footprints).any(axis=-1)
        for ra_deg in self.ra_deg:
            # In halves: from pole to pole, an arc would have no direction.
            side = unit_vectors(ra_deg, np.linspace(*self.dec_deg, 3))
            for start, end in pairwise(side):
                met |= arcs.cross_each_other(starts, ends, start, end).any(axis=-1)
            for corner in side[[0, -1]]:
                met |= arcs.surround(footprints, corner)
        for dec_deg in self.dec_deg:
            crossed_at, is_met = arcs.cross_parallel(starts, ends, dec_deg)
            met |= (is_met & self._spans(crossed_at)).any(axis=(0, -1))
        return np.asarray(met)

    def _holds(self, points: Vectors) -> Mask:
        ra_deg = np.degrees(np.arctan2(points[..., 1], points[..., 0]))
        dec_deg = np.degrees(np.arctan2(points[..., 2], np.hypot(points[..., 0], points[..., 1])))
        low, high = self.dec_deg
        return np.asarray(self._spans(ra_deg) & (dec_deg >= low) & (dec_deg <= high))

    def _spans(self, ra_deg: Vectors) -> Mask:
        first, last = self.ra_deg
        return np.asarray((ra_deg - first) % 360 <= last - first)


@dataclass(frozen=True, slots=True)
class Polygon:
    """A polygon of great circles, smaller than a hemisphere; degrees."""

    ra_deg: tuple[float, ...]
    dec_deg: tuple[float, ...]

    @property
    def corners(self) -> Vectors:
        """Unit vectors, shape (m, 3)."""
        return unit_vectors(self.ra_deg, self.dec_deg)

    @property
    def cone(self) -> Circle | None:
        """A cone that contains it; None if no hemisphere does."""
        corners = self.corners
        x, y, z = corners.sum(axis=0)
        middle = np.array([x, y, z]) / max(np.linalg.norm([x, y, z]), 1e-12)
        cosine = float((corners @ middle).min())
        if cosine < 1e-6:
            return None
        ra_deg, dec_deg = np.degrees([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))])
        return Circle(float(ra_deg % 360), float(dec_deg), float(np.degrees(np.arccos(cosine))))

    def box(self, margin_deg: float) -> Box:
        """See `Region`."""
        cone = self.cone
        return Box((-90.0, 90.0), ((0.0, 360.0),)) if cone is None else cone.box(margin_deg)

    def meets(self, footprints: Vectors) -> Mask:
        """See `Region`: a corner of one is inside the other, or their edges cross."""
        corners = self.corners
        met = arcs.is_surrounded(corners, footprints).any(axis=-1)
        met |= arcs.surround(footprints, corners[0])
        starts, ends = arcs.edges(footprints)
        for start, end in zip(*arcs.edges(corners), strict=True):
            met |= arcs.cross_each_other(starts, ends, start, end).any(axis=-1)
        return np.asarray(met)
