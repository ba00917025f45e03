"""Crowding: stars with neighbours that are too near or too bright, by the catalog."""

import numpy as np
from scipy.spatial import KDTree

from light_curves.photometry.stamps import reading_order
from panoptes_network.arrays import Floats, Integers, Singles


def neighbour_light(x_px: Floats, y_px: Floats, gaia_mag: Singles, radius_px: float) -> Floats:
    """Return the light of other stars around each star, relative to its own.

    Parameters
    ----------
    x_px, y_px : ndarray, shape (n,), float64
        NaN for a star off the frame.
    gaia_mag : ndarray, shape (n,), float32
        NaN where it is unknown.
    radius_px : float
        Maximum distance of neighbours.

    Returns
    -------
    ndarray, shape (n,), float64
        NaN for a star off the frame or of unknown magnitude; neighbours of unknown magnitude
        do not count.
    """
    known = np.flatnonzero(np.isfinite(x_px) & np.isfinite(y_px) & np.isfinite(gaia_mag))
    light = 10 ** (-0.4 * gaia_mag[known].astype(np.float64))
    others = np.zeros(len(known))
    if len(known):
        places = np.stack([x_px[known], y_px[known]], axis=1)
        first, second = KDTree(places).query_pairs(radius_px, output_type="ndarray").T
        np.add.at(others, first, light[second])
        np.add.at(others, second, light[first])
    ratio = np.full(len(x_px), np.nan)
    ratio[known] = others / light
    return ratio


def with_neighbours(chosen: Integers, x_px: Floats, y_px: Floats, radius_px: float) -> Integers:
    """Return the indices of chosen stars and all stars around them, in reading order.

    Parameters
    ----------
    chosen : ndarray, shape (m,), int64
        Those off the frame are skipped.
    x_px, y_px : ndarray, shape (n,), float64
        NaN for a star off the frame.
    radius_px : float
    """
    is_on_frame = np.isfinite(x_px) & np.isfinite(y_px)
    on_frame, chosen = np.flatnonzero(is_on_frame), chosen[is_on_frame[chosen]]
    if not len(chosen):
        return on_frame[:0]
    places = np.stack([x_px, y_px], axis=1)
    distance, _ = KDTree(places[chosen]).query(places[on_frame], distance_upper_bound=radius_px)
    near = on_frame[np.isfinite(distance)]
    return near[reading_order(x_px[near], y_px[near])]
