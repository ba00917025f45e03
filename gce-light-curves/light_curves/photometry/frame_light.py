"""The light of a frame above black, and the weights of its pixels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from light_curves.compiled import compiled
from panoptes_network.arrays import Singles
from panoptes_network.frames import bayer

_NEAR_SATURATION = 0.985
"""Fraction of the range above black from which a pixel counts as saturated: the plateau is noisy.
"""


@dataclass(frozen=True)
class Camera:
    """Properties of a camera; by default PAN001's at ISO 100.

    Parameters
    ----------
    gain_e_per_adu, read_noise_adu : float
    black_adu, saturation_adu : float
        Levels of an unexposed and a saturated pixel.
    """

    gain_e_per_adu: float = bayer.GAIN_E_PER_ADU
    read_noise_adu: float = bayer.READ_NOISE_ADU
    black_adu: float = bayer.BLACK_LEVEL_ADU
    saturation_adu: float = bayer.SATURATION_ADU


@dataclass(frozen=True)
class FrameLight:
    """A frame's pixels: arrays of its shape.

    Parameters
    ----------
    adu : ndarray, float32
        Light above black, divided by the pixels' sensitivity.
    is_good : ndarray, bool
        Neither saturated nor invalid.
    camera : Camera
    """

    adu: Singles
    is_good: NDArray[np.bool_]
    camera: Camera

    def weights(self, residual: Singles) -> Singles:
        """Return the inverse variance of each pixel from photons and readout; 0 for bad ones.

        Parameters
        ----------
        residual : ndarray, float32
            Residual of a model: the photon noise is that of the model, so that a pixel's own noise
            does not affect its weight.
        """
        weight = np.empty_like(self.adu)
        gain, variance = self.camera.gain_e_per_adu, self.camera.read_noise_adu**2
        _weigh(self.adu, residual, self.is_good, gain, variance, weight)
        return weight

    def weighted_noise(self, weight: Singles, residual: Singles) -> Singles:
        """Return the variance of each pixel times its weight, by the light of a solved model.

        The fit's weights use the catalog's light, so that they contain no noise of the frame; but a
        red star has a fourth of that light, and its pixels much less noise.

        Parameters
        ----------
        weight : ndarray, float32
            Weights used by the fit; 0 for bad pixels.
        residual : ndarray, float32
            Residual of the solved model.
        """
        noise = np.empty_like(self.adu)
        gain, variance = self.camera.gain_e_per_adu, self.camera.read_noise_adu**2
        _weigh_noise(self.adu, residual, gain, variance, weight, noise)
        return noise


def saturated_from(camera: Camera) -> float:
    """Return the level from which a pixel counts as saturated, black included."""
    return camera.black_adu + _NEAR_SATURATION * (camera.saturation_adu - camera.black_adu)


def frame_light(
    pixels: NDArray[np.uint16], camera: Camera, flat: Singles | None = None
) -> FrameLight:
    """Return the light of a frame as the camera wrote it.

    Parameters
    ----------
    pixels : ndarray, shape (height, width), uint16
    camera : Camera
    flat : ndarray, shape (height, width), float32, optional
        Relative sensitivity of the pixels, about 1. A pixel without a sensitivity above 0 is
        bad.

    Raises
    ------
    ValueError
        If the flat has another shape.
    """
    is_good = pixels < saturated_from(camera)
    adu = pixels.astype(np.float32) - np.float32(camera.black_adu)
    if flat is not None:
        if flat.shape != pixels.shape:
            raise ValueError(f"a flat of shape {flat.shape} for a frame of {pixels.shape}")
        usable = flat > 0
        adu /= np.where(usable, flat, 1)
        is_good &= usable
    return FrameLight(adu, is_good, camera)


@compiled
def _weigh(
    adu: Singles,
    residual: Singles,
    is_good: NDArray[np.bool_],
    gain: float,
    read_variance: float,
    weight: Singles,
) -> None:
    height, width = adu.shape
    for y in range(height):
        for x in range(width):
            expected = max(adu[y, x] - residual[y, x], np.float32(0))
            weight[y, x] = is_good[y, x] / np.float32(expected / gain + read_variance)


@compiled
def _weigh_noise(
    adu: Singles,
    residual: Singles,
    gain: float,
    read_variance: float,
    weight: Singles,
    noise: Singles,
) -> None:
    height, width = adu.shape
    for y in range(height):
        for x in range(width):
            expected = max(adu[y, x] - residual[y, x], np.float32(0))
            variance = np.float32(expected / gain + read_variance)
            noise[y, x] = weight[y, x] * weight[y, x] * variance
