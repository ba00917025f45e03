"""Data passed between the parts of the service: a field, fluxes, light curves.

Arrays of stars have n items, those of frames f; colours are the last axis, in the order of
`panoptes_network.light_curves.schema.COLOURS`. NaN means unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from panoptes_network.arrays import Floats, Singles
from panoptes_network.light_curves.schema import COLOURS

Times = NDArray[np.datetime64]

Number = TypeVar("Number", bound=np.generic)

N_COLOURS = len(COLOURS)
PSF_TERMS = 5
"""Changes of a frame's PSF from its sequence's: shifts in x and y, growth of xx, yy and xy."""


@dataclass(frozen=True)
class CatalogField:
    """The catalog stars that may be on a sequence's frames: arrays of equal length n.

    Parameters
    ----------
    picid : ndarray, shape (n,), int64
    is_tic : ndarray, shape (n,), bool
        Whether `picid` is a TIC id; otherwise it is Gaia's.
    ra_deg, dec_deg : ndarray, shape (n,), float64
        ICRS, degrees, at the epoch of the star's catalog.
    gaia_mag : ndarray, shape (n,), float32
        Gaia G; NaN where it is unknown.
    teff_k : ndarray, shape (n,), float32
        Effective temperature; NaN where it is unknown.
    is_target : ndarray, shape (n,), bool
        Whether the star gets a light curve. The others are fitted as neighbours.
    """

    picid: NDArray[np.int64]
    is_tic: NDArray[np.bool_]
    ra_deg: Floats
    dec_deg: Floats
    gaia_mag: Singles
    teff_k: Singles
    is_target: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.picid)

    def take(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        """Return the stars selected by a mask or an index array."""
        return type(self)(*(getattr(self, field.name)[which] for field in fields(self)))

    @property
    def targets(self) -> Self:
        """The stars that get a light curve, in order."""
        return self.take(self.is_target)


@dataclass(frozen=True)
class Exposure:
    """Properties of a frame.

    Parameters
    ----------
    image_id : str
    time : datetime64[us]
        Middle of the exposure, UTC.
    exptime_s : float
    airmass : float
        Airmass of the frame's centre; NaN if unknown.
    """

    image_id: str
    time: np.datetime64
    exptime_s: float
    airmass: float


@dataclass(frozen=True)
class FrameFluxes:
    """The fluxes of the n target stars of a field in one frame.

    Parameters
    ----------
    exposure : Exposure
    flux_adu, flux_err_adu, background_adu : ndarray, shape (n, 3), float32
        Flux from the PSF fit, its standard deviation from photons and readout, and the sky level
        above black at the star. NaN if the star has no usable pixel.
    x_px, y_px : ndarray, shape (n,), float32
        Position by the plate solution, 0-based mosaic pixels; NaN for a star off the frame.
    quality : ndarray, shape (n,), int32
        Bits of `panoptes_network.light_curves.schema.Quality`.
    sky_adu : ndarray, shape (3,), float32
        Median level of the sky above black.
    fwhm_px : float
        Width of the stars in green, full at half maximum, mean of both axes.
    psf_terms : ndarray, shape (3, 5), float32
        Changes of the frame's PSF from the sequence's (`PSF_TERMS`), per colour.
    """

    exposure: Exposure
    flux_adu: Singles
    flux_err_adu: Singles
    background_adu: Singles
    x_px: Singles
    y_px: Singles
    quality: NDArray[np.int32]
    sky_adu: Singles
    fwhm_px: float
    psf_terms: Singles


@dataclass(frozen=True)
class SequenceFluxes:
    """The fluxes of n target stars in the f frames of a sequence, in order of time.

    Parameters
    ----------
    field : CatalogField
        The targets alone, n stars.
    shape : tuple of int
        Height and width of the frames, pixels.
    image_ids : tuple of str
    time : ndarray, shape (f,), datetime64[us]
        Middle of the exposure, UTC.
    exptime_s, airmass : ndarray, shape (f,), float64
    flux_adu, flux_err_adu, background_adu : ndarray, shape (f, n, 3), float32
    x_px, y_px : ndarray, shape (f, n), float32
    quality : ndarray, shape (f, n), int32
    sky_adu : ndarray, shape (f, 3), float32
    fwhm_px : ndarray, shape (f,), float32
    psf_terms : ndarray, shape (f, 3, 5), float32

    See Also
    --------
    FrameFluxes : describes each array.
    """

    field: CatalogField
    shape: tuple[int, int]
    image_ids: tuple[str, ...]
    time: Times
    exptime_s: Floats
    airmass: Floats
    flux_adu: Singles
    flux_err_adu: Singles
    background_adu: Singles
    x_px: Singles
    y_px: Singles
    quality: NDArray[np.int32]
    sky_adu: Singles
    fwhm_px: Singles
    psf_terms: Singles

    @classmethod
    def allocate(
        cls,
        field: CatalogField,
        shape: tuple[int, int],
        exposures: Sequence[Exposure],
        folder: Path | None = None,
    ) -> Self:
        """Allocate arrays for the fluxes of each exposure, to be filled by :meth:`store`.

        Parameters
        ----------
        field : CatalogField
            The targets alone.
        shape : tuple of int
            Height and width of the frames.
        exposures : sequence of Exposure
            In the order of time.
        folder : Path, optional
            Folder for memory-mapped files of the large arrays.
        """
        f, n = len(exposures), len(field)

        def room(name: str, size: tuple[int, ...], dtype: type[Number]) -> NDArray[Number]:
            if folder is None or 0 in size:
                return np.zeros(size, dtype)
            return np.lib.format.open_memmap(folder / f"{name}.npy", "w+", dtype, size)

        return cls(
            field=field,
            shape=shape,
            image_ids=tuple(exposure.image_id for exposure in exposures),
            time=np.array([exposure.time for exposure in exposures], "datetime64[us]"),
            exptime_s=np.array([exposure.exptime_s for exposure in exposures], np.float64),
            airmass=np.array([exposure.airmass for exposure in exposures], np.float64),
            flux_adu=room("flux_adu", (f, n, N_COLOURS), np.float32),
            flux_err_adu=room("flux_err_adu", (f, n, N_COLOURS), np.float32),
            background_adu=room("background_adu", (f, n, N_COLOURS), np.float32),
            x_px=room("x_px", (f, n), np.float32),
            y_px=room("y_px", (f, n), np.float32),
            quality=room("quality", (f, n), np.int32),
            sky_adu=np.full((f, N_COLOURS), np.nan, np.float32),
            fwhm_px=np.full(f, np.nan, np.float32),
            psf_terms=np.zeros((f, N_COLOURS, PSF_TERMS), np.float32),
        )

    def store(self, index: int, frame: FrameFluxes) -> None:
        """Store the fluxes of the frame at `index` in order of time."""
        for name in (
            *("flux_adu", "flux_err_adu", "background_adu", "x_px", "y_px", "quality"),
            *("sky_adu", "fwhm_px", "psf_terms"),
        ):
            getattr(self, name)[index] = getattr(frame, name)


@dataclass(frozen=True)
class LightCurves:
    """The light curves of the n target stars over the f frames of a sequence.

    Parameters
    ----------
    fluxes : SequenceFluxes
        Their input: the field, frames, raw fluxes, positions, background.
    bjd_tdb : ndarray, shape (f, n), float64
        Middle of the exposure at the barycentre.
    flux, flux_err : ndarray, shape (f, n), float32
        Relative flux, colours combined, detrended; the median of a star's good frames is 1.
        NaN without a measurement.
    colour_flux, colour_flux_err : ndarray, shape (f, n, 3), float32
        The same of each colour.
    quality : ndarray, shape (f, n), int32
        Bits of `panoptes_network.light_curves.schema.Quality`, with those of the frame's fluxes.
    zero_point_mag : ndarray, shape (f, 3), float32
        Gaia G of a star of 1 ADU/s in the frame's centre.
    cloud_mag : ndarray, shape (f,), float32
    n_comparison : ndarray, shape (f,), int32
    scatter, expected_noise, reduced_chi2, variability : ndarray, shape (n,), float32
        Of one frame, all colours together; relative. NaN for a star without good frames.
    n_good : ndarray, shape (n,), int32
        Frames without a bit of `panoptes_network.light_curves.schema.BAD`.
    """

    fluxes: SequenceFluxes
    bjd_tdb: Floats
    flux: Singles
    flux_err: Singles
    colour_flux: Singles
    colour_flux_err: Singles
    quality: NDArray[np.int32]
    zero_point_mag: Singles
    cloud_mag: Singles
    n_comparison: NDArray[np.int32]
    scatter: Singles
    expected_noise: Singles
    reduced_chi2: Singles
    variability: Singles
    n_good: NDArray[np.int32]
