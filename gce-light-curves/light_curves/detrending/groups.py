"""Frames of a sequence that belong together: the same exposure, the stars on the same pixels.

After a meridian flip, or a new start somewhere else, a star falls on other pixels and another part
of the lens. What the polynomial over the field can't take out of that is the star's alone, so each
group of frames has levels of its own. The map of the pixel phase is the camera's, and stays one.
"""

import numpy as np
from numpy.typing import NDArray

from light_curves import robust
from light_curves.measurements import Floats, Singles

JUMP_PX = 50.0
"""Between two frames: tracking moves the stars by less, a flip by thousands."""
EXPTIME_RATIO = 1.1
FEWEST_FRAMES = 10
"""A smaller group could not tell a star's level from its change. All small ones are one group apart
from the others, which they would spoil; where there are others, their frames are not good.
"""


def frame_groups(
    x_px: Singles, y_px: Singles, exptime_s: Floats
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the number of each frame's group, from 0, and which frames have no level of their own.

    Parameters
    ----------
    x_px, y_px : ndarray, shape (f, c)
        Places of stars; NaN where they are off the frame.
    exptime_s : ndarray, shape (f,)

    Returns
    -------
    group : ndarray, shape (f,), intp
    has_no_level : ndarray, shape (f,), bool
        Frames of small groups, where another one is large enough.
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
    """Return a number for each exposure that is the same where they differ by less than a tenth."""
    values, place = np.unique(exptime_s, return_inverse=True)
    steps = values[1:] > EXPTIME_RATIO * values[:-1]
    return np.concatenate([[0], np.cumsum(steps)])[place]
