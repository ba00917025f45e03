"""The stars for a sequence's PSF: isolated, bright, unsaturated, spread over the frame."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from light_curves.photometry.crowding import neighbour_light
from light_curves.photometry.frame_light import Camera, saturated_from
from panoptes_network.arrays import Floats, Integers, Singles
from panoptes_network.errors import PermanentError, Reason

MAX_STARS = 450
MIN_STARS = 40
ISOLATION_PX = 8.0
ISOLATION_LIGHT = 0.05
MARGIN_PX = 14
_TILES = 4
_IN_FRAMES = 0.6
"""Fraction of the frames that a star must be in; more for sequences of two or three."""


@dataclass(frozen=True)
class PlacedFrame:
    """A frame and the positions of its stars.

    Parameters
    ----------
    pixels : ndarray, shape (height, width), uint16
    x_px, y_px : ndarray, shape (n,), float64
        Positions of the field's stars by the plate solution, 0-based; NaN if unknown.
    """

    pixels: NDArray[np.uint16]
    x_px: Floats
    y_px: Floats

    def holds(self, margin_px: float) -> NDArray[np.bool_]:
        """Return which stars are in the frame, and not closer to its edge than a margin."""
        height, width = self.pixels.shape
        is_inside = (self.x_px >= margin_px) & (self.x_px <= width - 1 - margin_px)
        inside: NDArray[np.bool_] = (
            is_inside & (self.y_px >= margin_px) & (self.y_px <= height - 1 - margin_px)
        )
        return inside


def choose_stars(
    frames: Sequence[PlacedFrame], gaia_mag: Singles, camera: Camera, most: int = MAX_STARS
) -> Integers:
    """Return the indices of at most `most` stars, the brightest of each part of the frame.

    Raises
    ------
    PermanentError
        If there are fewer than `MIN_STARS`.
    """
    middle = frames[len(frames) // 2]
    others = neighbour_light(middle.x_px, middle.y_px, gaia_mag, ISOLATION_PX)
    usable = np.stack([frame.holds(MARGIN_PX) for frame in frames])
    candidates = np.flatnonzero((others < ISOLATION_LIGHT) & usable.any(axis=0))
    for frame, row in zip(frames, usable, strict=True):
        seen = candidates[row[candidates]]
        row[seen] = _peaks(frame, seen) < saturated_from(camera)
    saturated = np.stack([frame.holds(MARGIN_PX) for frame in frames]) & ~usable
    often = usable.mean(axis=0) >= _IN_FRAMES
    candidates = candidates[(often & ~saturated.any(axis=0))[candidates]]
    chosen = _spread(candidates, middle, gaia_mag, most)
    if len(chosen) < MIN_STARS:
        raise PermanentError(
            Reason.TOO_FEW_SOURCES,
            f"{len(chosen)} catalog stars are isolated and unsaturated in the frames, and fitting"
            f" the shape of stars needs {MIN_STARS}",
        )
    return chosen


def _peaks(frame: PlacedFrame, stars: Integers) -> NDArray[np.uint16]:
    """Return the highest of the 5 x 5 pixels around each star."""
    around = np.arange(-2, 3)
    rows = np.rint(frame.y_px[stars]).astype(np.int64)[:, None, None] + around[:, None]
    columns = np.rint(frame.x_px[stars]).astype(np.int64)[:, None, None] + around
    peaks: NDArray[np.uint16] = frame.pixels[rows, columns].max(axis=(1, 2), initial=0)
    return peaks


def _spread(candidates: Integers, frame: PlacedFrame, gaia_mag: Singles, most: int) -> Integers:
    """Return the brightest candidates of each tile of the frame, in the order of the field."""
    height, width = frame.pixels.shape
    across = np.clip(np.nan_to_num(frame.x_px[candidates]) * _TILES // width, 0, _TILES - 1)
    along = np.clip(np.nan_to_num(frame.y_px[candidates]) * _TILES // height, 0, _TILES - 1)
    tile = (along * _TILES + across).astype(np.int64)
    order = np.lexsort((gaia_mag[candidates], tile))
    first = np.searchsorted(tile[order], np.arange(_TILES**2))
    rank = np.arange(len(order)) - first[tile[order]]
    best = order[np.argsort(rank, kind="stable")][:most]
    chosen: Integers = np.sort(candidates[best])
    return chosen
