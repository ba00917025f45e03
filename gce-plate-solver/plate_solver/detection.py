"""Detection and measurement of sources by source-extractor on the superpixel plane."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from panoptes_network.errors import TransientError
from panoptes_network.frames.bayer import (
    BLACK_LEVEL_ADU,
    GAIN_E_PER_ADU,
    SATURATION_ADU,
    cut_stamps,
    stamp_corner,
    to_mosaic,
)
from panoptes_network.source_flags import SATURATED_FLAG
from plate_solver.centroids import windowed_centroids
from plate_solver.external_programs import failure, run

APERTURE_DIAMETER_PX = 10
"""Mosaic pixels. It contains 0.9 of a simulated star's light, and no more neighbours than a stamp.
"""

CPU_LIMIT_S = 60

_COLUMNS = {
    "X_IMAGE": "x_px",
    "Y_IMAGE": "y_px",
    "FLUX_APER": "flux_adu",
    "FLUXERR_APER": "flux_err_adu",
    "FLUX_MAX": "peak_adu",
    "BACKGROUND": "background_adu",
    "FWHM_IMAGE": "fwhm_px",
    "ELLIPTICITY": "ellipticity",
    "FLAGS": "flags",
}

# The stars of this camera are a superpixel wide and in most fields close together. In a simulated
# frame at the galactic pole, single pixels over 3.5 sigma after a narrow filter, with fine
# deblending and no cleaning, detected 97 % of the stars with S/N > 10; the program's defaults 92 %.
# In Cygnus, where stars share pixels, they detect three in four.
_SETTINGS = {
    "CATALOG_TYPE": "FITS_1.0",
    "DETECT_MINAREA": "1",
    "DETECT_THRESH": "3.5",
    "ANALYSIS_THRESH": "3.5",
    "FILTER": "Y",
    "DEBLEND_NTHRESH": "32",
    "DEBLEND_MINCONT": "0.0001",
    "CLEAN": "N",
    "BACK_SIZE": "64",
    "BACK_FILTERSIZE": "3",
    "PHOT_APERTURES": str(APERTURE_DIAMETER_PX / 2),
    "GAIN": str(GAIN_E_PER_ADU),
    # A sum of four does not show whether one pixel is saturated: see `flag_saturated`.
    "SATUR_LEVEL": "1e9",
    "VERBOSE_TYPE": "QUIET",
    "WRITE_XML": "N",
}

_FILTER = "CONV NORM\n0.3 1 0.3\n1 3 1\n0.3 1 0.3\n"


@dataclass(frozen=True, slots=True)
class Detections:
    """Sources of one frame, brightest first: arrays of equal length, which may be 0.

    Attributes
    ----------
    x_px, y_px : float64
        Windowed centroids (`plate_solver.centroids`), 0-based mosaic pixels.
    flux_adu, flux_err_adu : float64
        Above the background, in an aperture of `APERTURE_DIAMETER_PX`, all colours together.
    peak_adu : float64
        Highest superpixel above the background, sum of its four pixels.
    background_adu : float64
        Sky at the source, mean of a pixel, above the black level.
    fwhm_px : float64
        Mosaic pixels.
    ellipticity : float64
        1 - minor/major axis.
    flags : int64
        source-extractor's FLAGS, with :data:`SATURATED_FLAG` by :func:`flag_saturated`.
    """

    x_px: NDArray[np.float64]
    y_px: NDArray[np.float64]
    flux_adu: NDArray[np.float64]
    flux_err_adu: NDArray[np.float64]
    peak_adu: NDArray[np.float64]
    background_adu: NDArray[np.float64]
    fwhm_px: NDArray[np.float64]
    ellipticity: NDArray[np.float64]
    flags: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.x_px)

    @property
    def snr(self) -> NDArray[np.float64]:
        """Signal to noise of the aperture flux."""
        return self.flux_adu / self.flux_err_adu

    @property
    def is_saturated(self) -> NDArray[np.bool_]:
        """Whether a source has a saturated pixel."""
        return (self.flags & SATURATED_FLAG) > 0


def detect(plane: NDArray[np.float32], folder: Path) -> Detections:
    """Detect the sources of a superpixel plane.

    Parameters
    ----------
    plane : ndarray, shape (height, width)
        Sums of four pixels, ADU, black level included.
    folder : Path
        Folder for the program's files.

    Raises
    ------
    TransientError
        If source-extractor fails: no image makes it fail, so the machine is at fault.
    """
    fits.writeto(folder / "plane.fits", plane)
    (folder / "detect.param").write_text(
        "\n".join(name + "(1)" if "APER" in name else name for name in _COLUMNS)
    )
    (folder / "detect.conv").write_text(_FILTER)
    settings = {
        **_SETTINGS,
        "PARAMETERS_NAME": "detect.param",
        "FILTER_NAME": "detect.conv",
        "CATALOG_NAME": "detections.fits",
    }
    arguments = [word for name, value in settings.items() for word in (f"-{name}", value)]
    (folder / "empty.sex").touch()
    done = run(
        "source-extractor", "plane.fits", "-c", "empty.sex", *arguments,
        folder=folder, cpu_limit_s=CPU_LIMIT_S,
    )  # fmt: skip
    if done.returncode or not (folder / "detections.fits").exists():
        raise TransientError(f"source-extractor failed: {failure(done)}")
    return _measured(fits.getdata(folder / "detections.fits"), plane)


def flag_saturated(detections: Detections, mosaic: NDArray[np.uint16]) -> Detections:
    """Flag the detections with a saturated pixel in or beside their superpixel.

    Parameters
    ----------
    mosaic : ndarray, shape (height, width), uint16
        The frame's pixels, ADU, at least 6 on each side.
    """
    brightest = brightest_pixel(detections.x_px, detections.y_px, mosaic)
    flags = detections.flags | np.where(brightest >= SATURATION_ADU, SATURATED_FLAG, 0)
    return replace(detections, flags=flags)


def brightest_pixel(
    x_px: NDArray[np.float64], y_px: NDArray[np.float64], mosaic: NDArray[np.uint16]
) -> NDArray[np.uint16]:
    """Return the highest pixel in or beside each position's superpixel, ADU, shape (n,).

    Parameters
    ----------
    x_px, y_px : ndarray, shape (n,)
        0-based mosaic pixels; n may be 0.
    mosaic : ndarray, shape (height, width), uint16
        At least 6 on each side.
    """
    side = 6
    corner_x, corner_y = (
        np.clip(stamp_corner(place, side), 0, length - side)
        for place, length in zip((x_px, y_px), mosaic.shape[::-1], strict=True)
    )
    highest: NDArray[np.uint16] = cut_stamps(mosaic, corner_x, corner_y, side).max(axis=(1, 2))
    return highest


def _measured(rows: fits.FITS_rec, plane: NDArray[np.float32]) -> Detections:
    """Convert the program's 1-based superpixels to mosaic pixels, brightest first."""
    usable = rows[(rows["FLUX_APER"].ravel() > 0) & (rows["FLUXERR_APER"].ravel() > 0)]
    order = np.argsort(-usable["FLUX_APER"].ravel(), kind="stable")
    columns = {
        ours: usable[theirs].ravel()[order].astype(np.float64) for theirs, ours in _COLUMNS.items()
    }
    x, y = windowed_centroids(
        plane, columns["x_px"] - 1, columns["y_px"] - 1, columns["background_adu"]
    )
    # Rounded as in the database, to 0.0003 pixel: stamps are cut at the stored positions.
    columns["x_px"], columns["y_px"] = (
        to_mosaic(place).astype(np.float32).astype(np.float64) for place in (x, y)
    )
    columns["fwhm_px"] *= 2
    columns["background_adu"] = columns["background_adu"] / 4 - BLACK_LEVEL_ADU
    return Detections(**{**columns, "flags": columns["flags"].astype(np.int64)})
