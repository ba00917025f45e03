"""The night that is searched: good fluxes of all stars on one clock."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from light_curves.measurements import LightCurves, Times
from panoptes_network.arrays import Floats, Indices, Singles
from panoptes_network.light_curves.schema import BAD

MIN_GOOD_FRAMES = 20
"""Stars with fewer good frames are not searched."""
DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Night:
    """Light curves of n stars over the f frames of one sequence.

    Parameters
    ----------
    star : ndarray, shape (n,), intp
        Index of each star in the sequence.
    time_d : ndarray, shape (f,), float64
        Days from the first frame, for all stars.
    bjd_offset_d : ndarray, shape (n,), float64
        Offset to a star's BJD_TDB; constant within 4 s in a night.
    flux : ndarray, shape (n, f), float32
        Relative, colours combined, detrended; the median of a star's good frames is 1.
    weight : ndarray, shape (n, f), float64
        Inverse variance; 0 for ignored frames.
    gaia_mag : ndarray, shape (n,), float32
    """

    star: Indices
    time_d: Floats
    bjd_offset_d: Floats
    flux: Singles
    weight: Floats
    gaia_mag: Singles

    def __len__(self) -> int:
        return len(self.star)

    @classmethod
    def of(
        cls,
        time: Times,
        bjd_tdb: Floats,
        flux: Singles,
        flux_err: Singles,
        quality: NDArray[np.int32],
        gaia_mag: Singles,
    ) -> Self:
        """Return the night of the stars with at least `MIN_GOOD_FRAMES`.

        `time` has shape (f,), `gaia_mag` (n,), the others (n, f); see `LightCurves`.
        """
        good = ((quality & int(BAD)) == 0) & np.isfinite(flux) & np.isfinite(bjd_tdb)
        good &= flux_err > 0
        star = np.flatnonzero(good.sum(axis=1) >= MIN_GOOD_FRAMES)
        good, flux = good[star], flux[star]
        time_d = (time - time[:1]) / DAY
        error = np.where(good, flux_err[star], np.inf).astype(np.float64)
        relative = np.where(good, flux, np.nan)
        return cls(
            star=star,
            time_d=time_d,
            bjd_offset_d=np.nanmedian(np.where(good, bjd_tdb[star], np.nan) - time_d, axis=1),
            flux=np.where(good, flux / np.nanmedian(relative, axis=1, keepdims=True), 1),
            weight=error**-2,
            gaia_mag=gaia_mag[star],
        )

    @classmethod
    def of_curves(cls, curves: LightCurves) -> Self:
        """Return the night of a sequence's light curves."""
        return cls.of(
            curves.fluxes.time,
            curves.bjd_tdb.T,
            curves.flux.T,
            curves.flux_err.T,
            curves.quality.T,
            curves.fluxes.field.gaia_mag,
        )
