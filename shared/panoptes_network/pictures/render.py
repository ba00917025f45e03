"""Rendering of raw frames as attractive pictures.

The sky's light is subtracted, the colours are balanced, and the rest is stretched after Lupton et
al. 2004, PASP 116, 133, so that faint stars show and bright ones keep their colour. The parameters
of the stretch are measured once (:func:`measure_look`), so that all frames of a film can share them
(:func:`film_look`). Pictures have one pixel per superpixel.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from panoptes_network.frames.bayer import BLACK_LEVEL_ADU, SATURATION_ADU
from panoptes_network.pictures.background import Float32, Float64, SkyRows, measure_sky

Picture = NDArray[np.uint8]
Balance = tuple[float, float, float]

FULL_ADU = SATURATION_ADU - BLACK_LEVEL_ADU
"""Light at which a pixel is saturated."""

SKY_LEVEL = 0.09
"""Brightness of the empty sky, from 0 to 1: dark grey, so that noise is not clipped at black."""

PEDESTAL_SIGMA = 5.0
"""Distance of black below the sky, in units of the sky's noise."""

WHITENING = ((0.3, 0.9), (0.6, 0.95))
"""Levels at which a pixel starts to pale and is white, as fractions of the way from the sky to
`FULL_ADU`, and at most as fractions of `FULL_ADU`. Beyond that, its colour is unknown: with one or
both greens clipped, red and blue are too strong, and a balanced white would be pink.
"""

THUMBNAIL_NOISE = 2.0
"""Factor on the noise: in a thumbnail, noise is thousands of faint stars, which would hide the
others.
"""

COLOURFULNESS = 0.8
"""Fraction of a colour that is shown: unlike the eye's, the camera's blue glows at the edges of its
lens.
"""

COLOUR_SHIFT_PX = 0.25
"""Position of a superpixel's red, left of and above its centre; blue is right of and below it."""

TINY_ADU = np.float32(1e-3)
"""Used in place of zero light as a divisor."""

MARGIN = 3
"""Neighbours on each side that affect a pixel's colour."""

BAND_ROWS = 16
"""Rows rendered at a time: intermediate data stay in the processor's cache."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """All parameters of a picture's stretch.

    Attributes
    ----------
    sky : ndarray, shape (rows, columns, 3), float64
        The sky's light in red, green and blue at nodes spread evenly from the first to the last
        row and column of a picture, of any size; linear in between. ADU above black.
    white_balance : tuple of float
        Factors of red, green and blue.
    noise_adu : float
        Standard deviation of the sky in the mean of the balanced colours.
    white_adu : float
        Balanced light above the black point that is shown as 1.
    """

    sky: Float64
    white_balance: Balance
    noise_adu: float
    white_adu: float

    @property
    def pedestal_adu(self) -> float:
        """Distance of the black point below the sky, in balanced light."""
        return PEDESTAL_SIGMA * self.noise_adu

    def with_sky_of(self, frame: "Look") -> "Look":
        """Return the same stretch above another frame's sky.

        For a film of a night whose sky brightens: above the median sky, its darkest frames would be
        black and its brightest grey.
        """
        return replace(self, sky=frame.sky)


def colour_planes(mosaic: NDArray[np.uint16]) -> Float32:
    """Return red, the mean of the greens, and blue of each superpixel.

    Parameters
    ----------
    mosaic : ndarray, shape (height, width), uint16
        ADU, first row at the bottom; an odd last row or column is ignored.

    Returns
    -------
    ndarray, shape (height // 2, width // 2, 3), float32
        ADU above black, negative where noise is; first row at the top. Each colour is contiguous in
        memory, which makes operations on one colour faster.
    """
    height, width = (length // 2 for length in mosaic.shape)
    cells = mosaic[: 2 * height, : 2 * width]
    planes = np.empty((3, height, width), dtype=np.float32)
    red, green, blue = planes
    np.subtract(cells[1::2, ::2][::-1], np.float32(BLACK_LEVEL_ADU), out=red)
    np.add(cells[::2, ::2][::-1], cells[1::2, 1::2][::-1], out=green, dtype=np.float32)
    green *= 0.5
    green -= BLACK_LEVEL_ADU
    np.subtract(cells[::2, 1::2][::-1], np.float32(BLACK_LEVEL_ADU), out=blue)
    return planes.transpose(1, 2, 0)


def measure_look(planes: Float32, white_balance: Balance) -> Look:
    """Measure a picture's sky and noise.

    Parameters
    ----------
    planes : ndarray, shape (height, width, 3), float32
        From :func:`colour_planes`; at least one superpixel.
    white_balance : tuple of float
        Factors that make a white star white, for red, green and blue: the camera's cards REDBAL,
        1 and BLUEBAL. The sky becomes neutral whatever they are.

    Returns
    -------
    Look

    Raises
    ------
    ValueError
        For a factor that is not a finite number above 0, and for a picture without pixels.
    """
    balance = np.asarray(white_balance, dtype=np.float64)
    if balance.shape != (3,) or not (np.isfinite(balance) & (balance > 0)).all():
        raise ValueError(f"a white balance is three numbers above 0, not {white_balance}")
    if planes.size == 0:
        raise ValueError(f"a picture without pixels: {planes.shape}")
    sky, noise_adu = measure_sky(planes, balance)
    return _look(sky, balance, noise_adu)


def film_look(looks: Sequence[Look]) -> Look:
    """Return one look for all frames of a sequence: the median of the looks of some frames.

    Parameters
    ----------
    looks : sequence of Look
        Of frames of one size; a few, spread over the sequence, are enough.

    Raises
    ------
    ValueError
        For no looks, and for those of frames of different sizes.
    """
    if len({look.sky.shape for look in looks}) != 1:
        raise ValueError("a film needs the looks of one or more frames of one size")
    sky = np.median([look.sky for look in looks], axis=0)
    balance = np.median([look.white_balance for look in looks], axis=0)
    return _look(sky, balance, float(np.median([look.noise_adu for look in looks])))


def render(planes: Float32, look: Look) -> Picture:
    """Stretch a picture.

    Parameters
    ----------
    planes : ndarray, shape (height, width, 3), float32
        From :func:`colour_planes`; may be empty.
    look : Look
        Of this picture, or of its sequence.

    Returns
    -------
    ndarray, shape (height, width, 3), uint8
    """
    return _render(planes, look, COLOUR_SHIFT_PX)


def _render(planes: Float32, look: Look, shift_px: float) -> Picture:
    colours = planes.transpose(2, 0, 1)
    picture = np.empty(planes.shape, dtype=np.uint8)
    height, width = planes.shape[:2]
    sky = SkyRows(look.sky, (height, width))
    balance = np.asarray(look.white_balance, dtype=np.float32)[:, None, None]
    for first in range(0, height if width else 0, BAND_ROWS):
        above, last = min(first, MARGIN), min(first + BAND_ROWS, height)
        rows = slice(first - above, min(last + MARGIN, height))
        light = colours[:, rows] - sky.rows(rows)
        light *= balance
        light += np.float32(look.pedestal_adu)
        pale = _paleness(colours[:, rows], look)
        missing = MARGIN - above, MARGIN - (rows.stop - last)
        light = _smooth_colours(light, 1 - pale, missing, shift_px)
        _whiten(light, pale[above : above + last - first], look)
        shown = stretch(light, look)
        shown *= 255
        shown += 0.5
        picture[first:last] = shown.transpose(1, 2, 0)
    return picture


def stretch(light: Float32, look: Look) -> Float32:
    """Stretch balanced light above the black point, colours kept: Lupton et al. 2004, eq. 2.

    The mean of the colours I becomes f(I) = asinh(I / softening) / asinh(white / softening), each
    colour is scaled by f(I) / I, and all three are scaled down if the greatest exceeds 1.

    Parameters
    ----------
    light : ndarray, shape (3, height, width), float32
    look : Look
        Its softening is such that the sky is shown as `SKY_LEVEL`.

    Returns
    -------
    ndarray, shape (3, height, width), float32
        0 to 1.
    """
    softening = np.float32(_softening(look))
    mean = np.maximum(_total(light) / 3, 0)
    factor = np.arcsinh(mean / softening)
    factor /= np.maximum(mean, TINY_ADU) * np.float32(math.asinh(look.white_adu / softening))
    shown: Float32 = np.maximum(light, 0)
    shown *= factor
    shown /= np.maximum(_brightest(shown), 1)
    return shown


def resize(rgb: Picture, width: int) -> Picture:
    """Shrink or enlarge a picture, keeping its proportions, by averaging areas.

    Parameters
    ----------
    rgb : ndarray, shape (height, width, 3), uint8
        At least one pixel.
    width : int
        1 or more.

    Returns
    -------
    ndarray, shape (at least 1, width, 3), uint8
    """
    height = max(1, round(rgb.shape[0] * width / rgb.shape[1]))
    return np.asarray(Image.fromarray(rgb).resize((width, height), Image.Resampling.BOX))


def thumbnail(planes: Float32, white_balance: Balance, width: int = 320) -> Picture:
    """Return a small picture in which stars stay visible.

    Light is averaged before it is stretched: averaging a stretched picture drowns the stars.

    Parameters
    ----------
    planes, white_balance
        As for :func:`measure_look`, with its errors.
    width : int
        Greatest width; a narrower picture is not enlarged.

    Returns
    -------
    ndarray, shape (height, width, 3), uint8
    """
    look = measure_look(planes, white_balance)
    balance = np.asarray(white_balance, dtype=np.float32)
    colours = planes.transpose(2, 0, 1)
    # Cores turn white before averaging: afterwards, pink ones could not be recognised.
    light = colours * balance[:, None, None]
    _whiten(light, _paleness(colours, look), look)
    width = min(width, planes.shape[1])
    factor = min(planes.shape[1] // width, planes.shape[0])
    small = _binned(light.transpose(1, 2, 0), factor) / balance
    look = measure_look(small, white_balance)
    calmer = _look(look.sky, balance.astype(np.float64), THUMBNAIL_NOISE * look.noise_adu)
    return resize(_render(small, calmer, COLOUR_SHIFT_PX / factor), width)


def _binned(planes: Float32, factor: int) -> Float32:
    """Return the mean of `factor` times `factor` pixels, cutting the rest at right and bottom."""
    height, width = (length // factor for length in planes.shape[:2])
    colours = planes.transpose(2, 0, 1)[:, : height * factor, : width * factor]
    rows = colours.reshape(3, height, factor, width * factor).sum(axis=2)
    # Strided sums are several times faster than a sum over a short last axis.
    total = np.zeros((3, height, width), dtype=np.float32)
    for start in range(factor):
        total += rows[:, :, start::factor]
    total /= factor**2
    return total.transpose(1, 2, 0)


def _smooth_colours(
    light: Float32, known: Float32, missing: tuple[int, int], shift_px: float
) -> Float32:
    """Set each pixel to the colour of its neighbourhood, somewhat paler, at its brightness.

    A superpixel's red, green and blue see different parts of a star that is hardly wider than it.
    Without this, stars have coloured edges, and the sky's noise is coloured too.

    Parameters
    ----------
    light, known : ndarray, shapes (3, rows, width) and (rows, width)
        How far each pixel's own colour is known: 0 to 1. Both with `MARGIN` rows more above and
        below.
    missing : tuple of int
        How many of those are missing at a picture's border, whose row takes their place.
    shift_px : float
        How far red is seen from the pixel's centre, and blue on the opposite side.
    """
    total = _total(light[:, MARGIN - missing[0] : light.shape[1] - MARGIN + missing[1]])
    border = missing, (MARGIN, MARGIN)
    around = np.pad(light, ((0, 0), *border), mode="edge")
    aligned = np.stack([_shifted(around[i], (1 - i) * shift_px) for i in range(3)])
    aligned *= np.pad(known, border, mode="edge")[1:-1, 1:-1]
    colour = np.maximum(_sum5(_sum5(aligned, 1), 2), 0)
    white = np.float32((1 - COLOURFULNESS) / 3) * total
    total *= COLOURFULNESS
    total /= np.maximum(_total(colour), TINY_ADU)
    colour *= total
    colour += white
    return colour


def _shifted(plane: Float32, shift_px: float) -> Float32:
    """Return a plane shifted by `shift_px` to the right and down, without its outermost pixels."""
    if shift_px == 0:
        return plane[1:-1, 1:-1]
    for _ in range(2):
        beside = plane[2:] if shift_px > 0 else plane[:-2]
        # Transposed twice: rows first, then columns.
        plane = (np.float32(1 - abs(shift_px)) * plane[1:-1] + np.float32(abs(shift_px)) * beside).T
    return plane


def _sum5(values: Float32, axis: int) -> Float32:
    """Return sums of five neighbours with the weights 1, 2, 2, 2, 1, four fewer values."""
    for distance in (1, 2, 1):
        ends = [slice(None)] * 3
        starts = ends.copy()
        ends[axis], starts[axis] = slice(distance, None), slice(None, -distance)
        values = values[tuple(ends)] + values[tuple(starts)]
    return values


def _total(light: Float32) -> Float32:
    """Return the sum of the colours; faster than a sum over the first axis."""
    total: Float32 = light[0] + light[1]
    total += light[2]
    return total


def _brightest(light: Float32) -> Float32:
    brightest: Float32 = np.maximum(light[0], light[1])
    np.maximum(brightest, light[2], out=brightest)
    return brightest


def _paleness(raw: Float32, look: Look) -> Float32:
    """Return how close each pixel is to white: 0 to 1, shape (height, width)."""
    # A bright sky is grey, but a sky close to saturation is white.
    sky = float(look.sky.max())
    start, end = (min(sky + part * (FULL_ADU - sky), most * FULL_ADU) for part, most in WHITENING)
    pale = _brightest(raw)
    pale -= np.float32(start)
    pale /= np.float32(end - start)
    np.clip(pale, 0, 1, out=pale)
    return pale


def _whiten(light: Float32, pale: Float32, look: Look) -> None:
    """Fade balanced light to white, in place."""
    y, x = np.nonzero(pale)
    near = light[:, y, x]
    white = np.maximum(near.max(axis=0), look.white_adu)
    light[:, y, x] = near + pale[y, x] * (white - near)


def _look(sky: Float64, balance: Float64, noise_adu: float) -> Look:
    """Complete a look. White is the level that saturates in all colours, above this sky."""
    # Pixels are whole numbers: smaller noise would be rounding, and its stretch would show bands.
    noise_adu = max(noise_adu, 0.3)
    room = FULL_ADU - np.median(sky.reshape(-1, 3), axis=0)
    pedestal = PEDESTAL_SIGMA * noise_adu
    white_adu = max(float((room * balance).min()), 2 * pedestal / SKY_LEVEL)
    red, green, blue = balance.tolist()
    return Look(sky, (red, green, blue), noise_adu, white_adu)


def _softening(look: Look) -> float:
    """Find by bisection the softening that shows the sky as `SKY_LEVEL`."""
    low, high = 1e-6 * look.white_adu, 1e3 * look.white_adu
    for _ in range(50):
        middle = math.sqrt(low * high)
        shown = math.asinh(look.pedestal_adu / middle) / math.asinh(look.white_adu / middle)
        low, high = (middle, high) if shown > SKY_LEVEL else (low, middle)
    return middle
