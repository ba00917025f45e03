"""Light curves as the detrending hands them to the search, of stars whose story is known."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from light_curves.measurements import CatalogField, Exposure, LightCurves, SequenceFluxes
from panoptes_network.arrays import Floats
from simulator.variables import Variable

START = np.datetime64("2018-08-12T08:30:00", "us")
START_BJD = 2458342.858
CADENCE_S = 134.0
NOISE = 0.007
SHAPE = (1200, 1400)


@dataclass(frozen=True, kw_only=True)
class SimulatedNight:
    """A night of n stars that are constant, but those of `variables`, by their index."""

    stars: int = 600
    frames: int = 144
    noise: float = NOISE
    red_noise: Floats | float = 0.0
    red_noise_h: float = 1.0
    variables: dict[int, Variable] = field(default_factory=dict)
    start_d: float = 0.0
    seed: int = 1

    def curves(self) -> LightCurves:
        rng = np.random.default_rng(self.seed)
        time = START + (np.arange(self.frames) * CADENCE_S * 1e6).astype("timedelta64[us]")
        time += np.timedelta64(round(self.start_d * 86400e6), "us")
        bjd = START_BJD + (time - START) / np.timedelta64(1, "D")
        size = (self.frames, self.stars)
        flux = 1 + self.noise * rng.normal(size=(*size, 3)) * np.sqrt(3)
        flux += (self.red_noise * self._slow(rng))[..., None]
        for star, variable in self.variables.items():
            flux[:, star] *= variable.flux(bjd)[:, None]
        return self._curves(rng, time, bjd, (flux / np.median(flux, axis=0)).astype(np.float32))

    def _slow(self, rng: np.random.Generator) -> Floats:
        """Return an Ornstein-Uhlenbeck process of rms 1 for each star."""
        kept = np.exp(-CADENCE_S / 3600 / self.red_noise_h)
        slow = rng.normal(size=(self.frames, self.stars))
        for frame in range(1, self.frames):
            slow[frame] = kept * slow[frame - 1] + np.sqrt(1 - kept**2) * slow[frame]
        return slow

    def _curves(
        self,
        rng: np.random.Generator,
        time: NDArray[np.datetime64],
        bjd: Floats,
        flux: NDArray[np.float32],
    ) -> LightCurves:
        n, f = self.stars, self.frames
        nothing = np.full(n, np.nan, np.float32)
        fluxes = SequenceFluxes.allocate(
            CatalogField(
                picid=np.arange(n, dtype=np.int64) + 1,
                is_tic=np.zeros(n, bool),
                ra_deg=rng.uniform(295, 305, n),
                dec_deg=rng.uniform(38, 44, n),
                gaia_mag=rng.uniform(9, 12, n).astype(np.float32),
                teff_k=nothing,
                is_target=np.ones(n, bool),
            ),
            SHAPE,
            [Exposure(f"frame {index}", at, 120.0, 1.2) for index, at in enumerate(time)],
        )
        fluxes.x_px[:] = rng.uniform(100, SHAPE[1] - 100, n)
        fluxes.y_px[:] = rng.uniform(100, SHAPE[0] - 100, n)
        combined = flux.mean(axis=2)
        return LightCurves(
            fluxes=fluxes,
            bjd_tdb=np.repeat(bjd[:, None], n, axis=1),
            flux=combined,
            flux_err=np.full((f, n), self.noise, np.float32),
            colour_flux=flux,
            colour_flux_err=np.full((f, n, 3), self.noise * np.sqrt(3), np.float32),
            quality=np.zeros((f, n), np.int32),
            zero_point_mag=np.full((f, 3), 20, np.float32),
            cloud_mag=np.zeros(f, np.float32),
            n_comparison=np.full(f, 100, np.int32),
            scatter=np.full(n, self.noise, np.float32),
            expected_noise=np.full(n, self.noise, np.float32),
            reduced_chi2=np.ones(n, np.float32),
            variability=nothing,
            n_good=np.full(n, f, np.int32),
        )


def middle_bjd(night: SimulatedNight) -> float:
    return START_BJD + night.start_d + (night.frames - 1) / 2 * CADENCE_S / 86400
