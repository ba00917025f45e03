"""Dependence of a star's flux on its phase in the Bayer pattern: a map shared by all stars.

A star's phase moves slowly, so residuals of the PSF fit are red noise on the time scale of
transits. A map fitted to all stars of a colour together removes it, but cannot follow the
variability of a single star.
"""

import numpy as np
from numpy.typing import NDArray

from light_curves import robust
from panoptes_network.arrays import Floats, Singles

ORDER = 4
"""Maximum |a| + |b| of the waves pi (a x + b y): those of 2 pixels and shorter."""
WAVES = tuple(
    (a, b)
    for a in range(ORDER + 1)
    for b in range(-ORDER, ORDER + 1)
    if (a > 0 or b > 0) and a + abs(b) <= ORDER
)
N_PHASES = 2 * len(WAVES)
FIELD_TERMS = 3
"""1, and the position in x and y, which multiply each wave."""
MAX_WIDTHS = 4.0
SMALLEST_WIDTH = 1e-6
PRIOR_RMS = 0.02
"""Usual relative size of a term: with few frames or stars, it stays near 0."""


def phases(x_px: Singles, y_px: Singles) -> Singles:
    """Return the cosines and sines of the waves at the stars' positions.

    Parameters
    ----------
    x_px, y_px : ndarray, shape (n,)
        Mosaic pixels; NaN gives rows of 0.

    Returns
    -------
    ndarray, shape (n, N_PHASES), float32
    """
    x_turn, y_turn = (_turns(place) for place in (x_px, y_px))
    out = np.empty((len(x_px), N_PHASES), np.float32)
    for number, (a, b) in enumerate(WAVES):
        wave = x_turn[a] * (y_turn[b] if b >= 0 else y_turn[-b].conj())
        out[:, 2 * number], out[:, 2 * number + 1] = wave.real, wave.imag
    return out


def _turns(place: Singles) -> NDArray[np.complex64]:
    """Return exp(i pi a place) for a from 0 to ORDER, shape (ORDER + 1, n); 0 for NaN."""
    known = np.isfinite(place)
    # Whole cells of 2 pixels are subtracted first: float32 would lose them in the sine.
    cell = np.where(known, place, 0) % 2
    first = np.exp(1j * np.pi * cell).astype(np.complex64)
    out = np.cumprod(np.broadcast_to(first, (ORDER + 1, len(place))), axis=0) / first
    return np.asarray(out * known, np.complex64)


def design(x_px: Singles, y_px: Singles, u: Singles, v: Singles) -> Singles:
    """Return the waves at a frame's stars, times 1 and their positions in the field.

    Parameters
    ----------
    x_px, y_px : ndarray, shape (n,)
        Mosaic pixels; NaN gives rows of 0.
    u, v : ndarray, shape (n,)
        The same place in units of the field's half width, from its centre.

    Returns
    -------
    ndarray, shape (n, 3, N_PHASES), float32
    """
    waves = phases(x_px, y_px)
    field = np.nan_to_num(np.stack([np.ones_like(u), u, v], axis=1))
    return np.asarray(field[:, :, np.newaxis] * waves[:, np.newaxis, :], np.float32)


def folding(focus: Floats) -> Floats:
    """Return the matrix, shape (3, 3 + m), from 1, u, v to all m + 3 factors of the waves.

    Only the waves themselves, not those times u or v, depend on the focus.
    """
    out = np.eye(FIELD_TERMS, FIELD_TERMS + len(focus))
    out[0, FIELD_TERMS:] = focus
    return out


def focus_terms(widths: Singles) -> Floats:
    """Return the focus terms of the maps: the PSF's widths, their squares and their product.

    Parameters
    ----------
    widths : ndarray, shape (f, 3, 2)
        Growth of the PSF in x and y, of each colour.

    Returns
    -------
    ndarray, shape (f, 3, 5), float64
        Each with mean 0 and standard deviation 1 over the frames, or 0 if it does not vary. Unknown
        widths and outliers, such as those of cloudy frames, do not affect the scale.
    """
    unit = np.maximum(robust.scatter(widths), SMALLEST_WIDTH)
    clipped = np.clip((widths - robust.median(widths)) / unit, -MAX_WIDTHS, MAX_WIDTHS)
    x, y = np.moveaxis(np.nan_to_num(clipped).astype(np.float64), 2, 0)
    terms = np.stack([x, y, x * x, x * y, y * y], axis=2)
    away = terms - np.mean(terms, axis=0)
    return np.asarray(away / np.maximum(np.std(away, axis=0), SMALLEST_WIDTH))


def evaluate(maps: Floats, rows: Singles, focus: Floats) -> Singles:
    """Return the maps of the three colours at stars of a frame.

    Parameters
    ----------
    maps : ndarray, shape (3, 3 + m, N_PHASES)
    rows : ndarray, shape (n, 3, N_PHASES)
        Of :func:`design`.
    focus : ndarray, shape (3, m)
        Of each colour.

    Returns
    -------
    ndarray, shape (n, 3), float32
        Correction to add to the logarithm of the flux.
    """
    folded = [folding(one) @ terms for one, terms in zip(focus, maps, strict=True)]
    columns = np.stack([terms.ravel() for terms in folded], axis=1).astype(np.float32)
    return np.asarray(rows.reshape(len(rows), -1) @ columns)


class MapEquations:
    """The normal equations of a map and of its stars' levels, for one colour.

    Levels are eliminated (Schur complement): a wave in which a star keeps one phase carries no
    information, and nothing is removed from the star. Weights are fixed when frames are added;
    outliers are limited by winsorizing residuals (Huber 1981, 7.8).

    Parameters
    ----------
    n_levels : int
        Number of stars times groups of frames.
    n_focus : int
        Number of focus terms, m.
    """

    def __init__(self, n_levels: int, n_focus: int) -> None:
        self._size = (FIELD_TERMS + n_focus) * N_PHASES
        self._gram = np.zeros((self._size, self._size))
        self._weight = np.zeros(n_levels)
        self._waves = np.zeros((n_levels, self._size), np.float32)

    def add(self, levels: slice, rows: Singles, focus: Floats, weight: Singles) -> None:
        """Add a frame whose stars have these levels and weights, shape (n,)."""
        fold, weighted = folding(focus), rows * weight[:, np.newaxis, np.newaxis]
        flat = rows.reshape(len(rows), -1)
        block = (weighted.reshape(len(rows), -1).T @ flat).astype(np.float64)
        blocks = block.reshape(FIELD_TERMS, N_PHASES, FIELD_TERMS, N_PHASES)
        full = np.einsum("ai,apbq,bj->ipjq", fold, blocks, fold, optimize=True)
        self._gram += full.reshape(self._size, self._size)
        self._weight[levels] += weight
        folded = np.einsum("ai,nap->nip", fold.astype(np.float32), weighted, optimize=True)
        self._waves[levels] += folded.reshape(len(rows), -1)

    def step(self, terms: Floats, pull: Floats, level_pull: Floats) -> tuple[Floats, Floats]:
        """Return the changes of the map's terms and the levels.

        Parameters
        ----------
        terms : ndarray, shape (3 + m, N_PHASES)
            Current terms.
        pull : ndarray, shape (3 + m, N_PHASES)
            Sum of the waves times weighted residuals.
        level_pull : ndarray, shape (n_levels,)
            Sum of the weighted residuals of each level.

        Returns
        -------
        terms, levels : ndarray
            As the parameters. A level without weight stays.
        """
        share = self._waves / np.maximum(self._weight, 1e-30)[:, np.newaxis]
        schur = self._gram - (share.T @ self._waves).astype(np.float64)
        schur[np.diag_indices(self._size)] += PRIOR_RMS**-2
        wanted = pull.ravel() - share.T @ level_pull - terms.ravel() / PRIOR_RMS**2
        change = np.linalg.solve(schur, wanted)
        level = (level_pull - self._waves @ change) / np.maximum(self._weight, 1e-30)
        return np.asarray(change.reshape(terms.shape)), np.asarray(level)
