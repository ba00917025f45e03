"""The sky between the stars: airglow, moonlight and the Milky Way's unresolved stars."""

from collections.abc import Mapping

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from simulator.optics import outward, vignetting
from simulator.render import BAYER_CELL, Bayer, Float32
from simulator.sky import bright_stars_per_sq_deg, galactic_latitude_deg

SKY_ADU = {"R": 84.0, "G": 171.0, "B": 120.0}
"""Above black after 120 s, measured 7 degrees from the galactic equator."""
MEASURED_LATITUDE_DEG = 7.0
MILKY_WAY_SHARE = 0.25
"""Part of the measured sky that comes from stars too faint to draw; guessed."""
GRADIENT = 0.05
"""Rise of the sky from one side of the full sensor to the other; guessed."""
_GRID = 9


def sky_planes(
    wcs: WCS, shape: tuple[int, int], glow: Mapping[str, float], gradient_angle_rad: float
) -> list[Float32]:
    """Return the expected light of the sky on each plane of the Bayer cell, ADU.

    The sky is smooth: it is computed on a coarse grid and interpolated.

    Parameters
    ----------
    wcs : WCS
        The frame's projection: the Milky Way stays where it is on the sky.
    shape : tuple of int
        Height and width of the mosaic, both even.
    glow : mapping
        By colour, multiple of the light of a clear dark night in 120 s.
    gradient_angle_rad : float
        Direction in which the sky grows brighter, from +x to +y.
    """
    height, width = shape
    y, x = np.linspace(0, height - 1, _GRID), np.linspace(0, width - 1, _GRID)
    relative = _relative_sky(wcs, shape, x, y, gradient_angle_rad)
    return [
        SKY_ADU[bayer.colour] * _interpolate(glow[bayer.colour] * relative, shape, bayer)
        for bayer in BAYER_CELL
    ]


def _relative_sky(
    wcs: WCS,
    shape: tuple[int, int],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    gradient_angle_rad: float,
) -> NDArray[np.float64]:
    """Return the sky at grid points as a multiple of the measured one, shape (y, x)."""
    grid_x, grid_y = np.meshgrid(x, y)
    ra_deg, dec_deg = wcs.all_pix2world(grid_x, grid_y, 0)
    latitude_deg = galactic_latitude_deg(ra_deg, dec_deg)
    measured_there = bright_stars_per_sq_deg(np.array(MEASURED_LATITUDE_DEG))
    density = bright_stars_per_sq_deg(latitude_deg) / measured_there
    outward_x, outward_y = outward(grid_x, grid_y, shape)
    uphill = outward_x * np.cos(gradient_angle_rad) + outward_y * np.sin(gradient_angle_rad)
    slope = 1 + GRADIENT / 2 * uphill
    glow = 1 - MILKY_WAY_SHARE + MILKY_WAY_SHARE * density
    return np.asarray(glow * slope * vignetting(np.hypot(outward_x, outward_y)))


def _interpolate(grid: NDArray[np.float64], shape: tuple[int, int], bayer: Bayer) -> Float32:
    """Interpolate linearly to one plane's pixels: two products with hat functions."""
    height, width = shape
    along_y = _hat_functions(np.arange(bayer.y, height, 2), height)
    along_x = _hat_functions(np.arange(bayer.x, width, 2), width)
    return np.asarray(along_y @ grid.astype(np.float32) @ along_x.T)


def _hat_functions(pixels: NDArray[np.int64], size: int) -> Float32:
    """Return the weight of each grid point at each pixel, shape (pixels, grid)."""
    nodes = pixels * (_GRID - 1) / max(size - 1, 1)
    distance = np.abs(nodes[:, None] - np.arange(_GRID))
    return (1 - distance).clip(min=0).astype(np.float32)
