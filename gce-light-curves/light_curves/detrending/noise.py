"""Realistic errors: photons and readout, a noise floor, and an excess per frame.

The floor (scintillation, unequal pixels, residuals of the maps) is measured on constant stars of
the same brightness, which are the majority; then all errors are scaled to a reduced chi-square of
1.
"""

import numpy as np
from numpy.typing import NDArray

from light_curves import robust
from panoptes_network.arrays import Singles

STARS_PER_BIN = 25


def calibrated(
    flux: Singles, photon_err: Singles, frame_err: Singles, gaia_mag: Singles
) -> Singles:
    """Return the errors of relative fluxes.

    Parameters
    ----------
    flux : ndarray, shape (f, n)
        NaN for bad measurements, which are ignored.
    photon_err : ndarray, shape (f, n)
        Errors from photons and readout only.
    frame_err : ndarray, shape (f,)
        Excess scatter of a frame's stars.
    gaia_mag : ndarray, shape (n,)
        Brightness, by which stars are grouped; NaN counts as the faintest.

    Returns
    -------
    ndarray, shape (f, n), float32
    """
    mag = np.nan_to_num(gaia_mag, nan=99.0)
    known = np.where(np.isfinite(flux), photon_err, np.nan)
    with np.errstate(over="ignore"):
        excess = robust.scatter(flux) ** 2 - robust.median(known**2)
    floor = np.maximum(_by_brightness(excess, mag, 0.0), 0)
    variance = photon_err**2 + floor + frame_err[:, np.newaxis] ** 2
    usual = _median_chi2(np.isfinite(flux).sum(axis=0))
    dispersion = reduced_chi2(flux, np.sqrt(variance)) / usual
    return np.asarray(np.sqrt(variance * _by_brightness(dispersion, mag, 1.0)), np.float32)


def reduced_chi2(flux: Singles, err: Singles) -> Singles:
    """Return the reduced chi-square of each star around its mean, shape (n,).

    NaN values are ignored; stars with fewer than two measurements have NaN.
    """
    known = np.isfinite(flux) & np.isfinite(err)
    weight = np.where(known, 1 / err**2, 0)
    count = known.sum(axis=0)
    mean = np.sum(weight * np.nan_to_num(flux), axis=0) / np.maximum(weight.sum(axis=0), 1e-30)
    square = np.sum(weight * np.where(known, flux - mean, 0) ** 2, axis=0)
    return np.where(count > 1, square / np.maximum(count - 1, 1), np.nan).astype(np.float32)


def _by_brightness(values: Singles, mag: Singles, unknown: float) -> Singles:
    """Return the running median of stars' values at each star's magnitude, shape (n,)."""
    places, medians = robust.running_median(values, mag, STARS_PER_BIN)
    if not places.size:
        return np.full(mag.shape, unknown, np.float32)
    return np.interp(mag, places, medians).astype(np.float32)


def _median_chi2(count: NDArray[np.intp]) -> Singles:
    """Return the median of a constant star's reduced chi-square (Wilson and Hilferty 1931)."""
    freedom = np.maximum(count - 1, 1)
    return np.asarray((1 - 2 / (9 * freedom)) ** 3, np.float32)
