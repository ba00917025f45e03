"""Groups of frames in a sequence: the same exposure, and stars on the same pixels.

After a meridian flip, or a restart at another position, a star falls on other pixels and another
part of the lens. The polynomial over the field cannot remove all of the difference, so each group
of frames has its own levels of the stars. The map of the pixel phase belongs to the camera and is
shared.
"""

import numpy as np
from numpy.typing import NDArray

from light_curves import robust
from panoptes_network.arrays import Floats, Singles

JUMP_PX = 50.0
"""Between two frames: tracking moves stars less than this, a flip by thousands."""
EXPTIME_RATIO = 1.1
FEWEST_FRAMES = 10
"""A smaller group could not separate a star's level from its variability. All small groups form one
group, apart from the others, which they would spoil; if there are larger groups, frames of small
ones are not good.
"""


def frame_groups(
    x_px: Singles, y_px: Singles, exptime_s: Floats
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the index of each frame's group, and which frames have no level of their own.

    Parameters
    ----------
    x_px, y_px : ndarray, shape (f, c)
        Positions of stars; NaN off the frame.
    exptime_s : ndarray, shape (f,)

    Returns
    -------
    group : ndarray, shape (f,), intp
    has_no_level : ndarray, shape (f,), bool
        Frames of small groups, if another group is large enough.
    """
    moved = np.hypot(np.diff(x_px, axis=0), np.diff(y_px, axis=0))
    jumps = ~(robust.median(moved.T) < JUMP_PX)  # no star in common is a jump too
    run = np.concatenate([[0], np.cumsum(jumps)])
    pairs = np.stack([run, _exposure_class(exptime_s)], axis=1)
    _, group, counts = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    group = group.reshape(-1)
    is_small = counts[group] < FEWEST_FRAMES
    group[is_small] = len(counts)
    number = np.unique(group, return_inverse=True)[1].reshape(-1)
    return number, is_small & ~is_small.all()


def _exposure_class(exptime_s: Floats) -> NDArray[np.intp]:
    """Return a number for each exposure, equal if exposures differ by less than a tenth."""
    values, place = np.unique(exptime_s, return_inverse=True)
    steps = values[1:] > EXPTIME_RATIO * values[:-1]
    return np.concatenate([[0], np.cumsum(steps)])[place]
