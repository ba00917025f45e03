"""Forced fluxes of a sequence with known light, clouds and pixel phase, without a pixel drawn."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from light_curves.measurements import CatalogField, Exposure, SequenceFluxes

ZERO_POINT_MAG = np.array([15.29, 15.93, 15.22])
"""Gaia G of a star of 1 ADU/s in red, green and blue, as in the network's simulated frames."""
SKY_VARIANCE_ADU2 = 1e4
GAIN = 1.25
EXPTIME_S = 120.0
Float64 = NDArray[np.float64]


@dataclass
class Sequence:
    """A simulated sequence of f frames and n stars; its parts can be changed before `fluxes`.

    Attributes
    ----------
    signal : ndarray, shape (f, n)
        The stars' own change.
    zero_point : ndarray, shape (f, n, 3)
        Logarithm of what the air does to each star.
    x_px, y_px : ndarray, shape (f, n)
    phase_amplitude : float
        Of each wave of the map, relative.
    """

    seed: int = 1
    n_frames: int = 100
    n_stars: int = 700
    phase_amplitude: float = 0.01
    height: int = 1200
    width: int = 1400

    def __post_init__(self) -> None:
        rng = self.rng = np.random.default_rng(self.seed)
        f, n = self.n_frames, self.n_stars
        self.gaia_mag = np.sort(9 + 4 * rng.power(2, n))
        self.colour = rng.normal(0, 0.4, n)
        place = rng.uniform(0.08, 0.92, (2, n)) * [[self.width], [self.height]]
        jitter = rng.normal(0, 0.3, (2, f))
        self.x_px = place[0] - (0.42 * np.arange(f) + jitter[0])[:, np.newaxis]
        self.y_px = place[1] - (1.78 * np.arange(f) + jitter[1])[:, np.newaxis]
        self.exptime_s = np.full(f, EXPTIME_S)
        self.signal = np.ones((f, n))
        self.zero_point = np.zeros((f, n, 3))
        self.focus = np.sin(np.arange(f) / 20) + rng.normal(0, 0.2, f)

    @property
    def field_places(self) -> tuple[Float64, Float64]:
        """x and y in half widths from the centre."""
        return (self.x_px / self.width - 0.5) * 2, (self.y_px - self.height / 2) / self.width * 2

    def add_air(self, cloud: float = 0.1, extinction: float = 0.3) -> None:
        """Let quadratic clouds pass, and redden the stars as they sink."""
        u, v = self.field_places
        steps = self.rng.normal(0, cloud / 5, (self.n_frames, 3, 6))
        walk = np.cumsum(steps, axis=0) * [1, 0.3, 0.3, 0.2, 0.2, 0.2]
        terms = np.stack([np.ones_like(u), u, v, u**2, u * v, v**2])
        self.zero_point += np.einsum("fct,tfn->fnc", walk, terms)
        sinking = np.linspace(0, 1, self.n_frames)[:, np.newaxis, np.newaxis]
        by_colour = np.array([0.6, 1.0, 1.7])
        reddening = 0.1 * self.colour[:, np.newaxis] * by_colour
        self.zero_point -= extinction * sinking * (by_colour - reddening)

    def add_transit(self, star: int, depth: float, first: int, frames: int) -> None:
        """Let a star dim for some frames."""
        self.signal[first : first + frames, star] -= depth

    def phase_map(self) -> Float64:
        """Return the logarithm of what the Bayer pattern does, shape (f, n, 3)."""
        rng, out = np.random.default_rng(self.seed + 1), np.zeros((*self.x_px.shape, 3))
        u, _ = self.field_places
        for a, b in ((0, 1), (0, 2), (1, 0), (1, 1), (1, -1), (2, 0)):
            turn = np.pi * (a * self.x_px + b * self.y_px)
            for wave in (np.cos(turn), np.sin(turn)):
                constant, field, focus = rng.normal(0, self.phase_amplitude, (3, 3)) * [
                    [1],
                    [0.5],
                    [0.5],
                ]
                follows = self.focus[:, np.newaxis, np.newaxis] * focus
                out += wave[..., np.newaxis] * (constant + u[..., np.newaxis] * field + follows)
        return out

    def fluxes(self) -> SequenceFluxes:
        """Return what the fit of the PSF would have measured."""
        colours = np.stack([-0.5 * self.colour, 0 * self.colour, 0.5 * self.colour], axis=1)
        level_mag = ZERO_POINT_MAG - self.gaia_mag[:, np.newaxis]
        rate = 10 ** (0.4 * level_mag) * np.exp(colours)
        light = rate * self.signal[..., np.newaxis] * np.exp(self.zero_point)
        expected = light * np.exp(self.phase_map()) * self.exptime_s[:, np.newaxis, np.newaxis]
        err = np.sqrt(expected / GAIN + SKY_VARIANCE_ADU2)
        out = SequenceFluxes.allocate(self.field, (self.height, self.width), self.exposures)
        out.flux_adu[:] = expected + err * self.rng.standard_normal(err.shape)
        out.flux_err_adu[:] = err
        out.x_px[:], out.y_px[:] = self.x_px, self.y_px
        out.psf_terms[:, :, 2:4] = 0.1 * self.focus[:, np.newaxis, np.newaxis]
        return out

    @property
    def field(self) -> CatalogField:
        """The stars as the catalog has them."""
        n = self.n_stars
        return CatalogField(
            picid=np.arange(n),
            is_tic=np.ones(n, np.bool_),
            ra_deg=300 + self.x_px[0] / 350,
            dec_deg=44 + self.y_px[0] / 350,
            gaia_mag=self.gaia_mag.astype(np.float32),
            teff_k=np.full(n, np.nan, np.float32),
            is_target=np.ones(n, np.bool_),
        )

    @property
    def exposures(self) -> list[Exposure]:
        """One every 134 s."""
        start, step = np.datetime64("2018-08-12T08:30:00.000000"), np.timedelta64(134, "s")
        return [
            Exposure(f"image {k}", start + k * step, float(exptime_s), 1.2)
            for k, exptime_s in enumerate(self.exptime_s)
        ]
