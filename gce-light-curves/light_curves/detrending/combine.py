"""Combination of three colours into one light curve, single outliers, and variability."""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from light_curves import robust
from light_curves.blocks import blocks
from light_curves.measurements import N_COLOURS
from panoptes_network.arrays import Singles

OUTLIER_SIGMA = 5.0
NEIGHBOURHOOD = 5
"""Frames in the running median."""
STARS_AT_ONCE = 2000
"""Limits the memory for the frames around each frame."""


def weights(err: Singles, is_good: NDArray[np.bool_]) -> Singles:
    """Return the weight of each colour of a star, the same in all frames, shape (n, 3).

    Weights that varied would turn colour-dependent changes into noise-dependent ones. Colours
    without data have weight 0.
    """
    typical = [
        robust.median(np.where(is_good, err[:, :, colour], np.nan)) for colour in range(N_COLOURS)
    ]
    weight = 1 / np.stack(typical, axis=1) ** 2
    return np.asarray(np.nan_to_num(weight, posinf=0.0), np.float32)


def typical_shares(weight: Singles) -> Singles:
    """Return the share of each colour in typical curves, shape (3,); weights as above."""
    total = weight.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        shares = np.nan_to_num(robust.median(weight / total))
    return np.asarray(shares / max(float(shares.sum()), 1e-30))


def combined(flux: Singles, err: Singles, weight: Singles) -> tuple[Singles, Singles]:
    """Return the weighted mean of the colours and its error, shape (f, n).

    Parameters
    ----------
    flux, err : ndarray, shape (f, n, 3)
        A colour that is NaN in a frame is ignored there.
    weight : ndarray, shape (n, 3)
    """
    total, mean, variance = np.zeros((3, *flux.shape[:2]), np.float32)
    for colour in range(N_COLOURS):
        known = np.isfinite(flux[:, :, colour]) & np.isfinite(err[:, :, colour])
        share = np.where(known, weight[:, colour], 0)
        total += share
        mean += share * np.where(known, flux[:, :, colour], 0)
        variance += (share * np.where(known, err[:, :, colour], 0)) ** 2
    with np.errstate(invalid="ignore"):
        return mean / total, np.sqrt(variance) / total


def expected_noise(photon_err: Singles, is_good: NDArray[np.bool_]) -> Singles:
    """Return the photon limit of one frame, colours combined, median over frames, shape (n,).

    It includes photons of star and sky, and readout, with the PSF fit's weights of the pixels.
    """
    information = np.nansum(1 / photon_err**2, axis=2)
    limit = 1 / np.sqrt(np.where(information > 0, information, np.nan))
    return robust.median(np.where(is_good, limit, np.nan))


def lone_outliers(flux: Singles, err: Singles) -> NDArray[np.bool_]:
    """Return which fluxes, shape (f, n), are outliers in one frame alone.

    Changes of a star over two frames or more are not outliers.
    """
    is_far = np.zeros(flux.shape, np.bool_)
    for stars in blocks(flux.shape[1], STARS_AT_ONCE):
        away = np.abs(flux[:, stars] - _usual(flux[:, stars]))
        is_far[:, stars] = away > OUTLIER_SIGMA * err[:, stars]
    beside = np.pad(is_far, ((1, 1), (0, 0)))
    return np.asarray(is_far & ~beside[:-2] & ~beside[2:])


def _usual(flux: Singles) -> Singles:
    """Return the running median over frames."""
    half = NEIGHBOURHOOD // 2
    padded = np.pad(flux, ((half, half), (0, 0)), constant_values=np.nan)
    return robust.median(
        np.stack([padded[shift : shift + len(flux)] for shift in range(NEIGHBOURHOOD)])
    )


def stetson_j(flux: Singles, err: Singles, is_good: NDArray[np.bool_]) -> Singles:
    """Return Stetson's J of the colours, shape (n,): 0 for noise, larger for correlated changes.

    Stetson (1996), PASP 108, 851, formula 1, with the three pairs of colours of a frame as pairs
    of equal weight.
    """
    count = is_good.sum(axis=0)
    inflate = np.sqrt(count / np.maximum(count - 1, 1)).astype(np.float32)
    total, pairs = np.zeros((2, flux.shape[1]), np.float32)
    for one, other in combinations(range(N_COLOURS), 2):
        product = np.ones(flux.shape[:2], np.float32)
        for colour in (one, other):
            good = np.where(is_good, flux[:, :, colour], np.nan)
            product *= inflate * (good - robust.median(good)) / err[:, :, colour]
        known = np.isfinite(product)
        total += np.sum(np.sign(product) * np.sqrt(np.abs(product)), axis=0, where=known)
        pairs += known.sum(axis=0)
    return np.where(pairs > 0, total / np.maximum(pairs, 1), np.nan).astype(np.float32)
