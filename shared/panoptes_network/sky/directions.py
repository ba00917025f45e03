"""Directions on the sky as unit vectors."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def unit_vectors(ra_deg: ArrayLike, dec_deg: ArrayLike) -> NDArray[np.float64]:
    """Return directions as unit vectors.

    Parameters
    ----------
    ra_deg, dec_deg : array_like, shape (...)
        Degrees.

    Returns
    -------
    ndarray, shape (..., 3), float64
        x towards right ascension 0, z towards the pole.
    """
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    return np.stack(
        [np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1
    ).astype(np.float64)


def is_within(
    ra_deg: ArrayLike,
    dec_deg: ArrayLike,
    centre_ra_deg: float,
    centre_dec_deg: float,
    radius_deg: float,
) -> NDArray[np.bool_]:
    """Return which directions are in a cone, including its edge.

    Parameters
    ----------
    ra_deg, dec_deg : array_like, shape (n,)
        Degrees; may be empty.
    centre_ra_deg, centre_dec_deg, radius_deg : float
        The cone, degrees; a radius of 180 or more is the whole sky.

    Returns
    -------
    ndarray, shape (n,), bool
    """
    centre = unit_vectors(centre_ra_deg, centre_dec_deg)
    # The chord keeps its precision at small angles, where the cosine has none.
    chords = np.linalg.norm(unit_vectors(ra_deg, dec_deg) - centre, axis=-1)
    within = chords <= 2 * np.sin(np.radians(min(radius_deg, 180.0)) / 2)
    return np.asarray(within, dtype=np.bool_)
