"""Properties of a frame from its light curves: zero points, clouds, quality."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from light_curves import robust
from light_curves.detrending.comparison import FEWEST, Comparison
from light_curves.detrending.ensemble import Ensemble, zero_point_terms
from panoptes_network.arrays import Singles
from panoptes_network.light_curves.schema import Quality

MAG_OF_E = 2.5 * np.log10(np.e)
CLEAREST_PERCENTILE = 95.0
MAX_CLOUD_MAG = 2.0
CLOUDED_SCATTER = 0.03
"""Excess scatter of the comparison stars that means a cloud with edges in the field."""


@dataclass(frozen=True)
class FrameFacts:
    """Properties of f frames.

    Parameters
    ----------
    zero_point_mag : ndarray, shape (f, 3), float32
        Gaia G of a star of 1 ADU/s in the frame's centre with the field's usual colour; NaN if
        there are too few comparison stars.
    cloud_mag : ndarray, shape (f,), float32
        Light lost relative to the sequence's clearest frames, mean over field and colours: clouds,
        and extinction at larger airmass.
    n_comparison : ndarray, shape (f,), int32
    quality : ndarray, shape (f,), int32
        CLOUD and FEW_COMPARISONS.
    """

    zero_point_mag: Singles
    cloud_mag: Singles
    n_comparison: NDArray[np.int32]
    quality: NDArray[np.int32]


def frame_facts(stars: Comparison, fitted: Ensemble) -> FrameFacts:
    """Return the properties of the frames from the fit."""
    n_comparison = stars.n_seen
    is_known = n_comparison >= FEWEST
    level_mag = stars.gaia_mag[:, np.newaxis] + MAG_OF_E * fitted.level[0]
    zero_point_mag = np.nanmedian(level_mag, axis=0) + MAG_OF_E * fitted.zero_point[:, :, 0]
    zero_point_mag[~is_known] = np.nan
    mean_mag = MAG_OF_E * fitted.zero_point @ _mean_terms(stars, fitted.degree)
    mean_mag[~is_known] = np.nan
    lost = np.nanpercentile(mean_mag, CLEAREST_PERCENTILE, axis=0) - mean_mag
    cloud_mag = np.maximum(lost.mean(axis=1), 0)
    is_torn = fitted.frame_scatter.min(axis=1) > CLOUDED_SCATTER
    is_cloudy = is_torn | (cloud_mag > MAX_CLOUD_MAG)
    quality = Quality.CLOUD * is_cloudy | Quality.FEW_COMPARISONS * ~is_known
    return FrameFacts(
        zero_point_mag.astype(np.float32),
        cloud_mag.astype(np.float32),
        n_comparison,
        quality.astype(np.int32),
    )


def _mean_terms(stars: Comparison, degree: int) -> Singles:
    """Return the mean of the zero point's terms over the comparison stars, shape (t,)."""
    u, v = robust.median(stars.u), robust.median(stars.v)
    return np.asarray(zero_point_terms(u, v, stars.traits, degree).mean(axis=0))
