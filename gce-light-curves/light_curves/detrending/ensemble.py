"""Effects of a frame on all its stars: zero points, and the map of the pixel phase.

The flux of star s on pixels of one colour in frame k is

    exp(level_s + z_k · (1, x, y, x², xy, y² …, colour_s, mag_s) + map(x, y, focus_k))

with the level and the zero point's terms in logarithms of ADU/s. The magnitude term models how the
PSF fit treats bright and faint stars differently as focus and sky change. All terms are fitted to
the comparison stars together, by Gauss-Newton steps on winsorized residuals.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from light_curves import robust
from light_curves.detrending import pixel_phase
from light_curves.detrending.comparison import Comparison
from light_curves.detrending.pixel_phase import FIELD_TERMS, N_PHASES, MapEquations, folding
from light_curves.measurements import N_COLOURS
from panoptes_network.arrays import Floats, Singles

DEGREE = 2
"""Degree of the zero point's polynomial over the field."""
RICH_DEGREE = 3
RICH = 800
"""Number of comparison stars from which a polynomial of higher degree costs almost nothing."""
ITERATIONS = 5
WEIGHTS_UNTIL = 3
"""Iterations after which the weights, and with them the maps' equations, are fixed."""
WINSOR_SIGMA = 3.0
FRAMES_PER_MEAN = 12
EQUALITY = 0.01
"""Relative scatter up to which stars have equal weight: otherwise a few bright ones, which may
vary, would dominate the zero point, which is known well enough from all stars.
"""
PRIOR_FIELD = 0.3
"""Usual size of the zero point's terms except the first, in logarithms over half a field."""


@dataclass(frozen=True)
class Ensemble:
    """The fitted ensemble: f frames, 3 colours.

    Parameters
    ----------
    zero_point : ndarray, shape (f, 3, t)
        Terms of :func:`zero_point_terms`.
    maps : ndarray, shape (3, 3 + m, N_PHASES)
        Maps of the pixel phase, one per colour.
    degree : int
        Degree of the zero point's polynomial.
    focus : ndarray, shape (f, 3, m)
    level : ndarray, shape (g, c, 3)
        Of the comparison stars in each group of frames, logarithm of ADU/s.
    frame_scatter : ndarray, shape (f, 3)
        Relative scatter of the comparison stars beyond what each has in other frames.
    """

    zero_point: Floats
    maps: Floats
    degree: int
    focus: Floats
    level: Singles
    frame_scatter: Singles

    def factor(self, frame: int, places: tuple[Singles, ...], traits: Singles) -> Singles:
        """Return the factor by which a frame multiplied the light of n stars.

        Parameters
        ----------
        places : tuple of ndarray, each of shape (n,)
            x and y in mosaic pixels, and in half widths of the field from its centre.
        traits : ndarray, shape (n, 2)

        Returns
        -------
        ndarray, shape (n, 3), float32
        """
        terms = zero_point_terms(places[2], places[3], traits, self.degree)
        rows = pixel_phase.design(*places)
        phase = pixel_phase.evaluate(self.maps, rows, self.focus[frame])
        logarithm = terms @ self.zero_point[frame].T + phase
        return np.asarray(np.exp(logarithm), np.float32)


def zero_point_terms(u: Singles, v: Singles, traits: Singles, degree: int) -> Singles:
    """Return 1, u, v, u², uv, v², … up to the degree and the stars' traits, shape (n, t)."""
    powers = [u ** (total - y) * v**y for total in range(degree + 1) for y in range(total + 1)]
    return np.asarray(np.nan_to_num(np.column_stack([*powers, traits])), np.float32)


def fit(comparison: Comparison, group: NDArray[np.intp], focus: Floats) -> Ensemble:
    """Fit the zero points of all frames, the maps, and the levels of the comparison stars.

    Parameters
    ----------
    comparison : Comparison
        f frames, c stars.
    group : ndarray, shape (f,)
        Index of each frame's group, which has its own levels.
    focus : ndarray, shape (f, 3, m)
        Width of the PSF, in m standardized terms per colour.
    """
    work = _Fit(comparison, group, focus)
    work.start()
    for iteration in range(ITERATIONS):
        if iteration < WEIGHTS_UNTIL:
            work.weigh()
        work.step_zero_points()
        work.step_maps()
    return work.result()


def _steadiness(residual: Singles, variance: Singles) -> Singles:
    """Return a weight factor for comparison stars, shape (c, 1): 1, less for variable ones.

    Otherwise stars in transit would dim the zero point and reduce all depths. The test is the
    chi-square of means over `FRAMES_PER_MEAN` frames, all colours together, relative to that of
    most stars; weights decrease by the square of the excess.
    """
    edges = np.arange(0, len(residual), FRAMES_PER_MEAN)
    inverse = np.where(np.isfinite(residual), 1 / variance, 0)
    pull = np.add.reduceat((inverse * np.nan_to_num(residual)).sum(axis=2), edges)
    weight = np.maximum(np.add.reduceat(inverse.sum(axis=2), edges), 1e-30)
    chi2 = (pull**2 / weight).sum(axis=0) - pull.sum(axis=0) ** 2 / weight.sum(axis=0)
    excess = chi2 / max(float(np.median(chi2)), 1e-30)
    return np.asarray(1 / np.maximum(excess, 1)[:, np.newaxis] ** 2, np.float32)


class _Fit:
    """The state of a fit: the model, its residuals and the weights."""

    def __init__(self, comparison: Comparison, group: NDArray[np.intp], focus: Floats) -> None:
        self.data, self.group, self.focus = comparison, group, focus
        f, c, _ = comparison.rate.shape
        self.degree = RICH_DEGREE if c >= RICH else DEGREE
        self.zero_point = np.zeros((f, N_COLOURS, self._terms(0).shape[1]))
        self.maps = np.zeros((N_COLOURS, FIELD_TERMS + focus.shape[2], N_PHASES))
        self.level = np.zeros((int(group.max()) + 1, c, N_COLOURS), np.float32)
        self.phase = np.zeros_like(comparison.rate)
        self.frame_scatter = np.zeros((f, N_COLOURS), np.float32)
        self.weight, self.limit = np.empty((2, *comparison.rate.shape), np.float32)
        self.equations: list[MapEquations] = []

    def start(self) -> None:
        """Set levels and the frames' mean zero points to medians."""
        rate = self.data.rate
        logarithm = np.log(np.where(rate > 0, rate, np.nan))
        level = robust.median(logarithm)
        frame = robust.median(np.moveaxis(logarithm - level, 1, 0))
        self.level[:] = np.nan_to_num(robust.median(logarithm - frame[:, np.newaxis]))
        self.zero_point[:, :, 0] = np.nan_to_num(frame)

    def model(self) -> Singles:
        """Return the expected rates, shape (f, c, 3)."""
        terms = [self._terms(k) @ self.zero_point[k].T for k in range(len(self.group))]
        logarithm = np.stack(terms) + self.level[self.group] + self.phase
        return np.asarray(np.exp(logarithm), np.float32)

    def residuals(self) -> tuple[Singles, Singles]:
        """Return relative residuals and their standard deviations by photons and readout."""
        model = self.model()
        return self.data.rate / model - 1, self.data.rate_err / model

    def weigh(self) -> None:
        """Set weights from photon noise and the excess scatter of stars and frames."""
        residual, noise = self.residuals()
        photons = robust.median(noise**2)
        star = np.maximum(robust.scatter(residual) ** 2 - photons, 0)
        variance = noise**2 + np.nan_to_num(star)
        for colour in range(N_COLOURS):
            bright = photons[:, colour] <= np.nanmedian(photons[:, colour])
            seen, expected = (values[:, bright, colour].T for values in (residual, variance))
            excess = robust.scatter(seen) ** 2 - robust.median(expected)
            self.frame_scatter[:, colour] = np.sqrt(np.maximum(np.nan_to_num(excess), 0))
        variance += self.frame_scatter[:, np.newaxis] ** 2
        self.limit = np.asarray(WINSOR_SIGMA * np.sqrt(variance), np.float32)
        weight = np.nan_to_num(1 / (variance + EQUALITY**2))
        self.weight = np.asarray(weight * _steadiness(residual, noise**2), np.float32)
        self.equations = []

    def pulls(self) -> Singles:
        """Return the residuals, winsorized and weighted, shape (f, c, 3)."""
        return np.asarray(self.weight * robust.winsorized(self.residuals()[0], self.limit))

    def step_zero_points(self) -> None:
        """Fit the zero points of each frame to the residuals."""
        pulls = self.pulls()
        n_terms = self.zero_point.shape[2]
        prior = np.diag(np.r_[1e-6, np.full(n_terms - 1, PRIOR_FIELD**-2)])
        for k, weight in enumerate(self.weight):
            terms = self._terms(k)
            gram = (weight.T[:, np.newaxis] * terms.T) @ terms + prior
            wanted = pulls[k].T @ terms - self.zero_point[k] @ prior
            self.zero_point[k] += np.linalg.solve(gram, wanted[..., np.newaxis])[..., 0]

    def step_maps(self) -> None:
        """Fit maps and levels to the residuals."""
        if not self.equations:
            self.equations = self._equations()
        pulls = self.pulls()
        level_pull = np.zeros(self.level.shape)
        np.add.at(level_pull, self.group, pulls)
        map_pull = np.zeros(self.maps.shape)
        for k, pull in enumerate(pulls):
            waves = np.einsum("nap,nc->cap", self._rows(k), pull, optimize=True)
            for colour in range(N_COLOURS):
                map_pull[colour] += folding(self.focus[k, colour]).T @ waves[colour]
        for colour, equations in enumerate(self.equations):
            change, level = equations.step(
                self.maps[colour], map_pull[colour], level_pull[..., colour].ravel()
            )
            self.maps[colour] += change
            self.level[..., colour] += level.reshape(self.level.shape[:2])
        for k in range(len(self.group)):
            self.phase[k] = pixel_phase.evaluate(self.maps, self._rows(k), self.focus[k])

    def result(self) -> Ensemble:
        """Return the fitted ensemble."""
        return Ensemble(
            self.zero_point, self.maps, self.degree, self.focus, self.level, self.frame_scatter
        )

    def _equations(self) -> list[MapEquations]:
        groups, stars = self.level.shape[:2]
        equations = [MapEquations(groups * stars, self.focus.shape[2]) for _ in range(N_COLOURS)]
        for k, group in enumerate(self.group):
            rows, levels = self._rows(k), slice(group * stars, (group + 1) * stars)
            for colour, one in enumerate(equations):
                one.add(levels, rows, self.focus[k, colour], self.weight[k, :, colour])
        return equations

    def _rows(self, frame: int) -> Singles:
        return pixel_phase.design(*self.data.places(frame))

    def _terms(self, frame: int) -> Singles:
        return zero_point_terms(*self.data.places(frame)[2:], self.data.traits, self.degree)
