"""The slow noise of each star: its amplitude, and its treatment in fits.

Photometry of many frames is limited by noise that is correlated between frames (Pont et al. 2006,
MNRAS 373, 231), and its amplitude differs between stars, for example with crowding. Here it is a
Gaussian process with a correlation time of `TIMESCALE_H`, written as a few cosines with normal
amplitudes, so that missing frames and unequal errors cost nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from light_curves.blocks import blocks
from panoptes_network.arrays import Floats, Indices

TIMESCALE_H = 1.0
SHORTEST_PERIOD_H = 1 / 3
"""Shortest period of the cosines; faster changes count as noise of single frames."""
AMPLITUDES = np.concatenate([[1e-6], 3e-4 * 1.6 ** np.arange(12)])
"""Trial values of the slow noise's relative rms: 0 to 5 %."""
LEVEL_PRIOR = 1e-6
"""Inverse variance of a star's level: the prior is nearly flat."""
LOG_RARITY = 5.0
"""Prior log odds against a transit at one of many times and durations: a natural logarithm.

From injections: with 0, noisy stars pass for transits; with 9, transits pass for noise.
"""
STEPS = 30
STARS_AT_ONCE = 100
"""Limits the memory of their normal matrices."""


@dataclass(frozen=True)
class SlowNoise:
    """The slow noise of n stars in f frames.

    Parameters
    ----------
    columns : ndarray, shape (f, p), float64
        Basis functions of the noise. The first is the star's level, 1; the others together have
        variance 1.
    amplitude : ndarray, shape (n,), float64
        Relative rms of each star's noise, above 0.
    """

    columns: Floats
    amplitude: Floats

    def take(self, which: slice | Indices) -> Self:
        """Return the noise of some stars."""
        return type(self)(self.columns, self.amplitude[which])

    def inverse_root(self, weight: Floats) -> Floats:
        """Return R of N^-1 = R'R, N = P'WP + prior, shape (n, p, p), for weights (n, f)."""
        normal = _normal(self.columns, weight) + _prior(self.columns, self.amplitude)
        return np.asarray(np.linalg.inv(np.linalg.cholesky(normal)))


def slow_columns(time_d: Floats) -> Floats:
    """Return the columns of the slow noise for frames at `time_d`, shape (f,).

    Cosines over the night as of a cosine transform, each with the power that an
    Ornstein-Uhlenbeck process of `TIMESCALE_H` has at its frequency.

    Returns
    -------
    ndarray, shape (f, p), float64
        The first column is 1.
    """
    night_d = np.ptp(time_d) if len(time_d) else 0.0
    if night_d == 0:
        return np.ones((len(time_d), 1))
    number = np.arange(1, 1 + int(np.ceil(2 * night_d * 24 / SHORTEST_PERIOD_H)))
    power = 1 / (1 + (np.pi * number / night_d * TIMESCALE_H / 24) ** 2)
    phase = np.pi * (time_d - time_d.min())[:, None] / night_d * number
    cosines = np.sqrt(2 * power / power.sum()) * np.cos(phase)
    return np.concatenate([np.ones((len(time_d), 1)), cosines], axis=1)


def fit_slow_noise(
    flux: NDArray[np.floating],
    flat: NDArray[np.floating],
    weight: Floats,
    columns: Floats,
    bins: list[Indices],
) -> SlowNoise:
    """Return the slow noise of stars, with priors from stars of similar brightness.

    A star may be constant except for noise, or have a transit, which is much rarer: both are
    weighted by likelihood, so that a transit is not taken for noise, nor noise for a transit. The
    distribution of amplitudes comes from all stars of a bin together (expectation maximisation),
    because a short night constrains a single star poorly.

    Parameters
    ----------
    flux : ndarray, shape (n, f)
        Relative flux; ignored where `weight` is 0.
    flat : ndarray, shape (n, f)
        The same without each star's largest dip or rise.
    weight : ndarray, shape (n, f), float64
    columns : ndarray, shape (f, p), float64
    bins : list of ndarray
        Indices of stars of similar brightness; each star is in one bin.
    """
    likelihood = np.zeros((len(flux), len(AMPLITUDES)))
    for some in blocks(len(flux), STARS_AT_ONCE):
        constant, transit = _log_likelihoods((flux[some], flat[some]), weight[some], columns)
        likelihood[some] = np.logaddexp(constant, transit - LOG_RARITY)
    variance = np.full(len(flux), AMPLITUDES[0] ** 2)
    for stars in bins:
        variance[stars] = _probabilities(likelihood[stars]) @ AMPLITUDES**2
    return SlowNoise(columns, np.sqrt(variance))


def _probabilities(log_likelihood: Floats) -> Floats:
    """Return the probability of each amplitude for each star, shape (n, a)."""
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    common = np.full(likelihood.shape[1], 1 / likelihood.shape[1])
    probability = likelihood
    for _ in range(STEPS):
        probability = likelihood * common
        probability /= probability.sum(axis=1, keepdims=True)
        common = probability.mean(axis=0)
    return np.asarray(probability)


def _log_likelihoods(
    fluxes: Sequence[NDArray[np.floating]], weight: Floats, columns: Floats
) -> list[Floats]:
    """Return each curve's marginal log likelihood of `AMPLITUDES`, shape (n, a), but a constant.

    The level is eliminated first. What is left of the normal matrix is then diagonalised, once for
    all amplitudes, which only add to the diagonal.
    """
    normal = _normal(columns, weight)
    level = normal[:, 0, 0] + LEVEL_PRIOR
    of_level = normal[:, 1:, 0] / level[:, None]
    rest = normal[:, 1:, 1:] - of_level[:, :, None] * normal[:, :1, 1:]
    information, axes = np.linalg.eigh(rest)
    information = np.maximum(information, 0)[:, :, None]
    volume = (
        np.log1p(information * AMPLITUDES**2).sum(axis=1) + np.log(level / LEVEL_PRIOR)[:, None]
    )
    found = []
    for flux in fluxes:
        missing = np.where(weight > 0, 1 - flux, 0.0)
        right = (weight * missing) @ columns
        along = np.einsum("npq,np->nq", axes, right[:, 1:] - of_level * right[:, :1])
        explained = (along[:, :, None] ** 2 / (information + AMPLITUDES**-2.0)).sum(axis=1)
        alone = (weight * missing**2).sum(axis=1) - right[:, 0] ** 2 / level
        found.append((explained - alone[:, None] - volume) / 2)
    return found


def _normal(columns: Floats, weight: Floats) -> Floats:
    f, p = columns.shape
    products = (columns[:, :, None] * columns[:, None, :]).reshape(f, p * p)
    return np.asarray((weight @ products).reshape(len(weight), p, p))


def _prior(columns: Floats, amplitude: Floats) -> Floats:
    """Return the inverse variances of the columns' factors as matrices, shape (n, p, p)."""
    inverse = np.repeat(amplitude[:, None] ** -2.0, columns.shape[1], axis=1)
    inverse[:, 0] = LEVEL_PRIOR
    return np.asarray(inverse[:, :, None] * np.eye(columns.shape[1]))
