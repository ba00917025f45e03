"""The noise-free light on the sensor: four planes, one per pixel of the Bayer cell."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from simulator.optics import PSF_WEIGHTS, WING_SIGMA_PX, Psf

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
T = TypeVar("T", bound=np.generic)

_WING_THRESHOLD_ADU = 1.0
_REACHES_PX = (4, 8, 12, 16, 20, 28)
DRAW_MARGIN_PX = max(_REACHES_PX)
"""Stars up to this far outside still contribute light."""
_MARGIN = DRAW_MARGIN_PX + 2
"""Columns and rows around a plane: the farthest star's position plus half its stamp, rounded up."""
_CHUNK_PIXELS = 500_000
"""Stamp pixels drawn at once: few enough for the cache, enough to keep two threads busy."""


class Bayer(NamedTuple):
    """One pixel of the 2x2 cell: its colour and 0-based place."""

    colour: str
    x: int
    y: int


BAYER_CELL = (Bayer("G", 0, 0), Bayer("B", 1, 0), Bayer("R", 0, 1), Bayer("G", 1, 1))
"""FITS row 0 is ``G B``, row 1 ``R G``: flipped top to bottom against the CR2."""


class Spots(NamedTuple):
    """Star images of one colour; each field has the shape (n,)."""

    x: Float64
    """Mosaic pixels, 0-based."""
    y: Float64
    outward_x: Float64
    """Way from the sensor's middle, in units of the full sensor's half diagonal."""
    outward_y: Float64
    flux_adu: Float64
    """Total light, as if every pixel had this colour."""


def draw_planes(
    shape: tuple[int, int], spots: dict[str, Spots], psfs: dict[str, Psf]
) -> list[Float32]:
    """Draw the stars' light on each plane of :data:`BAYER_CELL`, in its order.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the mosaic, both even.
    spots, psfs : dict
        By colour, ``R``, ``G`` and ``B``; no star farther outside than :data:`DRAW_MARGIN_PX`.

    Returns
    -------
    list of ndarray of float32
        Four planes of half the mosaic's height and width, ADU; zeros where there are no stars.
    """

    def draw(bayer: Bayer) -> Float32:
        canvas = _Canvas.blank(shape, bayer, psfs[bayer.colour])
        canvas.draw(spots[bayer.colour])
        return canvas.light[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]

    with ThreadPoolExecutor() as pool:
        return list(pool.map(draw, BAYER_CELL))


def mosaic(planes: list[NDArray[T]]) -> NDArray[T]:
    """Interleave four planes, in the order of :data:`BAYER_CELL`, into one mosaic."""
    height, width = planes[0].shape
    frame = np.empty((2 * height, 2 * width), planes[0].dtype)
    for bayer, plane in zip(BAYER_CELL, planes, strict=True):
        frame[bayer.y :: 2, bayer.x :: 2] = plane
    return frame


@dataclass(frozen=True, slots=True)
class _Canvas:
    """One plane of the Bayer cell, with a margin so that no stamp needs clipping."""

    bayer: Bayer
    psf: Psf
    light: Float32

    @classmethod
    def blank(cls, shape: tuple[int, int], bayer: Bayer, psf: Psf) -> "_Canvas":
        rows, columns = (size // 2 + 2 * _MARGIN for size in shape)
        return cls(bayer, psf, np.zeros((rows, columns), np.float32))

    def draw(self, spots: Spots) -> None:
        """Add stars, those with stamps of the same size together."""
        reaches = _reaches_px(spots.flux_adu)
        for reach in _REACHES_PX:
            chosen = np.flatnonzero(reaches == reach)
            step = _CHUNK_PIXELS // (reach + 1) ** 2
            for first in range(0, chosen.size, step):
                part = Spots(*(column[chosen[first : first + step]] for column in spots))
                self._add_stamps(part, reach)

    def _add_stamps(self, spots: Spots, reach_px: int) -> None:
        """Add stars of one stamp size: a stamp is a sum of three products of two Gaussians.

        Stars are the last axis throughout, so that each operation runs along contiguous memory.
        """
        psf = self.psf
        offsets = np.arange(-(reach_px // 2), reach_px // 2 + 1)[:, None]
        columns = np.rint((spots.x - self.bayer.x) / 2).astype(np.intp) + offsets
        rows = np.rint((spots.y - self.bayer.y) / 2).astype(np.intp) + offsets
        from_x, from_y = 2 * columns + self.bayer.x - spots.x, 2 * rows + self.bayer.y - spots.y
        across = _gaussians(from_x, spots.outward_x, psf.sigma_x_px, psf.coma_px)
        along = _gaussians(from_y, spots.outward_y, psf.sigma_y_px, psf.coma_px)
        along *= (PSF_WEIGHTS[:, None] * spots.flux_adu).astype(np.float32)[:, None, :]
        stamps = np.zeros((len(offsets), len(offsets), spots.x.size), np.float32)
        for y, x in zip(along, across, strict=True):
            stamps += y[:, None, :] * x[None, :, :]
        index = ((rows + _MARGIN) * self.light.shape[1])[:, None, :] + (columns + _MARGIN)
        np.add.at(self.light.reshape(-1), index.reshape(-1), stamps.reshape(-1))


def _reaches_px(flux_adu: Float64) -> NDArray[np.intp]:
    """Return the reach of each star's widest Gaussian, rounded up to a class."""
    sigma = WING_SIGMA_PX[-1]
    peak = PSF_WEIGHTS[-1] * flux_adu / (2 * np.pi * sigma**2)
    reach = sigma * np.sqrt(2 * np.log(np.maximum(peak / _WING_THRESHOLD_ADU, 1)))
    size_class = np.searchsorted(_REACHES_PX, reach).clip(max=len(_REACHES_PX) - 1)
    reaches: NDArray[np.intp] = np.asarray(_REACHES_PX)[size_class]
    return reaches


def _gaussians(
    offset_px: Float64, outward: Float64, sigma_px: Float64, coma_px: Float64
) -> Float32:
    """Return the three 1-D Gaussians of n stars at k pixels, shape (3, k, n), unit area."""
    offset, shift = offset_px.astype(np.float32), outward.astype(np.float32)
    profiles = []
    for sigma, coma in zip(sigma_px, coma_px, strict=True):
        scaled = (offset - np.float32(coma) * shift) / np.float32(sigma)
        profiles.append(np.exp(-0.5 * scaled * scaled) / np.float32(sigma * np.sqrt(2 * np.pi)))
    return np.stack(profiles)
