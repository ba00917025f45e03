"""The sky's own light, the camera's noise, and the numbers it writes."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from simulator.render import Float32, mosaic

BLACK_ADU = 2048
SATURATION_ADU = 13583
READ_NOISE_ADU = 6.7
GAIN_E_PER_ADU = 1.25

ZERO_POINT_MAG = {"R": 20.49, "G": 21.13, "B": 20.42}
"""Gaia G of a star that gives 1 ADU in 120 s, at BP - RP = 1.4; measured in a real frame."""
COLOUR_TERM = {"R": -0.4, "G": -0.6, "B": -0.9}
"""Change of the zero point with BP - RP; 70 stars of the same frame, scatter 0.2-0.3 mag."""
PIVOT_BP_RP_MAG = 1.4
REFERENCE_EXPTIME_S = 120.0


Magnitudes = NDArray[np.float32] | NDArray[np.float64]


def star_flux_adu(colour: str, gaia_mag: Magnitudes, bp_rp_mag: Magnitudes) -> NDArray[np.float64]:
    """Return the total light of stars in 120 s, ADU, as if every pixel had this colour."""
    zero_point = ZERO_POINT_MAG[colour] + COLOUR_TERM[colour] * (bp_rp_mag - PIVOT_BP_RP_MAG)
    return np.asarray(10 ** (0.4 * (zero_point - gaia_mag)), dtype=np.float64)


def read_out(light_planes: list[Float32], rng: np.random.Generator) -> NDArray[np.uint16]:
    """Expose the planes: shot and read noise, black level, saturation.

    Parameters
    ----------
    light_planes : list of ndarray of float32
        Expected ADU above black on each plane, in the order of the Bayer cell.
    rng : numpy.random.Generator
        Each plane draws from its own child of it, so that threads change nothing.

    Returns
    -------
    ndarray of uint16
        The mosaic. Shot noise is taken as Gaussian: there are always the sky's 100 electrons.
    """

    def expose(light: Float32, child: np.random.Generator) -> NDArray[np.uint16]:
        noise = child.standard_normal(light.shape, dtype=np.float32)
        noise *= np.sqrt(light / np.float32(GAIN_E_PER_ADU) + np.float32(READ_NOISE_ADU**2))
        noise += light
        noise += BLACK_ADU + 0.5
        return np.clip(noise, 0, SATURATION_ADU).astype(np.uint16)

    with ThreadPoolExecutor() as pool:
        return mosaic(list(pool.map(expose, light_planes, rng.spawn(len(light_planes)))))
