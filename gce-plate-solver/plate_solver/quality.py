"""Quality figures of a frame."""

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from panoptes_network.frames.bayer import READ_NOISE_ADU
from panoptes_network.frames.frame import Frame
from plate_solver.detection import Detections
from plate_solver.refit import Solution

LIMIT_SNR = 5.0
"""Signal to noise of a star at the limiting magnitude."""

_BRIGHT_SNR = 20.0
"""Above it a star's flux is good enough for the zero point; below it the sky dominates the noise.
"""


class Astrometry(TypedDict):
    """Columns of `images` from the plate solution, degrees and arcseconds.

    The footprint is ra, dec of the four outer corners, from pixel (0, 0) along x first.
    """

    ra_deg: float
    dec_deg: float
    pixel_scale_arcsec: float
    rotation_deg: float
    footprint_deg: list[float]
    rms_arcsec: float


class Photometry(TypedDict):
    """Columns of `images` from the sources; None for unknown values."""

    n_sources: int
    n_matched: int
    fwhm_px: float | None
    background_adu: float | None
    limiting_mag: float | None
    zero_point_mag: float | None


def astrometric_figures(solution: Solution, frame: Frame) -> Astrometry:
    """Return the columns of `images` from the plate solution."""
    right, top = frame.width - 0.5, frame.height - 0.5
    corners = solution.to_sky(
        np.array([-0.5, right, right, -0.5]), np.array([-0.5, -0.5, top, top])
    )
    middle = np.array([(frame.width - 1) / 2]), np.array([(frame.height - 1) / 2])
    ra_deg, dec_deg = solution.to_sky(*middle)
    return {
        "ra_deg": float(ra_deg[0]),
        "dec_deg": float(dec_deg[0]),
        "pixel_scale_arcsec": solution.pixel_scale_arcsec,
        "rotation_deg": solution.rotation_deg,
        "footprint_deg": np.stack(corners, axis=1).ravel().tolist(),
        "rms_arcsec": solution.rms_arcsec,
    }


def photometric_figures(
    detections: Detections, matched: NDArray[np.int64], magnitudes: NDArray[np.float64]
) -> Photometry:
    """Return the columns of `images` from the sources.

    Parameters
    ----------
    detections : Detections
        Detections of the whole frame.
    matched : ndarray, shape (n,)
        Indices of the sources matched to catalog stars.
    magnitudes : ndarray, shape (n,)
        Magnitudes of these stars.
    """
    clean = detections.flags == 0
    zero_point_mag = _zero_point(detections, matched, magnitudes)
    return {
        "n_sources": len(detections),
        "n_matched": len(matched),
        "fwhm_px": _median(detections.fwhm_px[clean & (detections.snr > 20)]),
        "background_adu": _background(detections),
        "limiting_mag": _limiting_magnitude(detections, zero_point_mag),
        "zero_point_mag": zero_point_mag,
    }


def _background(detections: Detections) -> float | None:
    """Return the sky level; None if it is below black: another camera's black level is unknown."""
    level_adu = _median(detections.background_adu)
    return None if level_adu is None or level_adu < -READ_NOISE_ADU else level_adu


def _zero_point(
    detections: Detections, matched: NDArray[np.int64], magnitudes: NDArray[np.float64]
) -> float | None:
    """Return the catalog magnitude of a star of 1 ADU, the median of bright unsaturated stars."""
    good = (detections.snr > _BRIGHT_SNR)[matched] & ~detections.is_saturated[matched]
    good &= np.isfinite(magnitudes)
    return _median(magnitudes[good] + 2.5 * np.log10(detections.flux_adu[matched][good]))


def _limiting_magnitude(detections: Detections, zero_point_mag: float | None) -> float | None:
    """Return the catalog magnitude of a star with `LIMIT_SNR`.

    The zero point comes from bright unsaturated stars, the noise from faint sources, so it is also
    valid for a catalog that is much shallower than the frame.
    """
    noise_adu = _median(detections.flux_err_adu[detections.snr < _BRIGHT_SNR])
    if zero_point_mag is None or noise_adu is None:
        return None
    return zero_point_mag - 2.5 * float(np.log10(LIMIT_SNR * noise_adu))


def _median(values: NDArray[np.float64]) -> float | None:
    return float(np.median(values)) if len(values) else None
