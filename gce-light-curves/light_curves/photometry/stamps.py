"""Compiled functions on stamps: the PSF on the pixels of stars, and sums over them.

A stamp is a square of 2 · half + 1 pixels around the pixel of the star. Consecutive stars should be
near each other in the frame, for cache efficiency: the caller sorts them.
"""

from typing import NamedTuple

import numpy as np

from light_curves.compiled import compiled
from light_curves.measurements import N_COLOURS
from light_curves.photometry.splines import N_SPLINES, overlapping, spline_table
from panoptes_network.arrays import Floats, Integers, Singles

CELL_COLOUR = np.array([[1, 2], [0, 1]])
"""Colour (0 red, 1 green, 2 blue) by parity of row and column: `panoptes_network.frames.bayer`."""


_BAND_PX = 16


class Stamps(NamedTuple):
    """The PSF of n stars on their pixels.

    Parameters
    ----------
    column, row : ndarray, shape (n,), int64
        The pixel of the star; it may be beyond the frame.
    half : ndarray, shape (n,), int64
        Half size of the stamp, pixels.
    start : ndarray, shape (n + 1,), int64
        Start of each star's pixels in `light`, row by row.
    light : ndarray, float32
        Fraction of the star's light on each pixel, as if all pixels had its colour.
    """

    column: Integers
    row: Integers
    half: Integers
    start: Integers
    light: Singles


def make_stamps(
    x_px: Floats, y_px: Floats, half: Integers, field_terms: Floats, coefficients: Singles
) -> Stamps:
    """Evaluate the PSF on the pixels of n stars.

    Parameters
    ----------
    x_px, y_px : ndarray, shape (n,), float64
        Finite, 0-based.
    half : ndarray, shape (n,), int64
        At most `splines.REACH_PX` - 0.5.
    field_terms : ndarray, shape (n, k), float64
        Factors of the k fields of coefficients at the star.
    coefficients : ndarray, shape (k, 3, N_SPLINES, N_SPLINES), float32
        Of each colour, of the splines in y and in x.
    """
    column, row = np.rint(x_px).astype(np.int64), np.rint(y_px).astype(np.int64)
    start = np.concatenate([[0], np.cumsum((2 * half + 1) ** 2)]).astype(np.int64)
    own = Stamps(column, row, half, start, np.empty(start[-1], np.float32))
    knots, cubics = spline_table()
    _evaluate(x_px, y_px, field_terms, coefficients, knots, cubics, CELL_COLOUR, *own)
    return own


@compiled
def _evaluate(  # noqa: C901 - compiled: one pass over the pixels
    x_px: Floats,
    y_px: Floats,
    field_terms: Floats,
    coefficients: Singles,
    knots: Floats,
    cubics: Floats,
    cell_colour: Integers,
    column: Integers,
    row: Integers,
    half: Integers,
    start: Integers,
    light: Singles,
) -> None:
    own = np.empty((N_COLOURS, N_SPLINES, N_SPLINES), np.float32)
    across = np.zeros((2, N_SPLINES), np.float32)
    widest = 1
    for i in range(half.shape[0]):
        widest = max(widest, 2 * half[i] + 1)
    in_x = np.empty((widest, 4), np.float32)
    first_in_x = np.empty(widest, np.int64)
    four = np.empty(4)
    for i in range(x_px.shape[0]):
        own[:] = coefficients[0] * np.float32(field_terms[i, 0])
        for k in range(1, field_terms.shape[1]):
            own += coefficients[k] * np.float32(field_terms[i, k])
        left, low, side = column[i] - half[i], row[i] - half[i], 2 * half[i] + 1
        for m in range(side):
            first_in_x[m] = overlapping(left + m - x_px[i], knots, cubics, four)
            in_x[m] = four
        at = start[i]
        for n in range(side):
            first = overlapping(low + n - y_px[i], knots, cubics, four)
            for parity in range(2):
                of_colour = own[cell_colour[(low + n) & 1, parity]]
                for b in range(N_SPLINES):
                    total = np.float32(0)
                    for q in range(4):
                        total += np.float32(four[q]) * of_colour[first + q, b]
                    across[parity, b] = total
            for m in range(side):
                line, b = across[(left + m) & 1], first_in_x[m]
                light[at] = (
                    in_x[m, 0] * line[b]
                    + in_x[m, 1] * line[b + 1]
                    + in_x[m, 2] * line[b + 2]
                    + in_x[m, 3] * line[b + 3]
                )
                at += 1


def paint(stamps: Stamps, flux: Floats, image: Singles) -> None:
    """Add the light of stars of `flux`, shape (n, 3), to an image."""
    _paint(*stamps, flux.astype(np.float32), CELL_COLOUR, image)


@compiled
def _paint(
    column: Integers,
    row: Integers,
    half: Integers,
    start: Integers,
    light: Singles,
    flux: Singles,
    cell_colour: Integers,
    image: Singles,
) -> None:
    height, width = image.shape
    for i in range(column.shape[0]):
        left, low, side = column[i] - half[i], row[i] - half[i], 2 * half[i] + 1
        for y in range(max(low, 0), min(low + side, height)):
            at = start[i] + (y - low) * side - left
            even, odd = flux[i, cell_colour[y & 1, 0]], flux[i, cell_colour[y & 1, 1]]
            for x in range(max(left, 0), min(left + side, width)):
                image[y, x] += light[at + x] * (odd if x & 1 else even)


def project(stamps: Stamps, image: Singles) -> Floats:
    """Return the sum of PSF times image of each star and colour, shape (n, 3)."""
    sums = np.zeros((len(stamps.row), N_COLOURS))
    _project(*stamps, CELL_COLOUR, image, sums)
    return sums


@compiled
def _project(
    column: Integers,
    row: Integers,
    half: Integers,
    start: Integers,
    light: Singles,
    cell_colour: Integers,
    image: Singles,
    sums: Floats,
) -> None:
    height, width = image.shape
    for i in range(column.shape[0]):
        left, low, side = column[i] - half[i], row[i] - half[i], 2 * half[i] + 1
        for y in range(max(low, 0), min(low + side, height)):
            at = start[i] + (y - low) * side - left
            even, odd = np.float32(0), np.float32(0)
            for x in range(max(left, 0), min(left + side, width)):
                value = light[at + x] * image[y, x]
                if x & 1:
                    odd += value
                else:
                    even += value
            sums[i, cell_colour[y & 1, 0]] += even
            sums[i, cell_colour[y & 1, 1]] += odd


def cut(stamps: Stamps, image: Singles) -> Singles:
    """Return an image's pixels in the order of the stamps' pixels; 0 beyond the image."""
    pixels = np.zeros(stamps.start[-1], np.float32)
    _cut(stamps.column, stamps.row, stamps.half, stamps.start, image, pixels)
    return pixels


@compiled
def _cut(
    column: Integers, row: Integers, half: Integers, start: Integers, image: Singles, out: Singles
) -> None:
    height, width = image.shape
    for i in range(column.shape[0]):
        left, low, side = column[i] - half[i], row[i] - half[i], 2 * half[i] + 1
        for y in range(max(low, 0), min(low + side, height)):
            at = start[i] + (y - low) * side - left
            for x in range(max(left, 0), min(left + side, width)):
                out[at + x] = image[y, x]


class Pixels(NamedTuple):
    """Properties of the stamps' pixels: arrays of the same length as `Stamps.light`."""

    star: Integers
    colour: Integers


def describe(stamps: Stamps) -> Pixels:
    """Return each pixel's star and colour."""
    star = np.repeat(np.arange(len(stamps.row)), np.diff(stamps.start))
    side = 2 * stamps.half[star] + 1
    number = np.arange(stamps.start[-1]) - stamps.start[star]
    row = stamps.row[star] - stamps.half[star] + number // side
    column = stamps.column[star] - stamps.half[star] + number % side
    return Pixels(star, CELL_COLOUR[row & 1, column & 1])


def reading_order(x_px: Floats, y_px: Floats) -> Integers:
    """Return the order of stars in bands of rows, from left to right in each."""
    return np.lexsort((x_px, np.rint(y_px) // _BAND_PX))


def find_pairs(stamps: Stamps) -> Integers:
    """Return which stamps overlap, shape (m, 2), each pair once.

    The stars must be in :func:`reading_order`.
    """
    band = stamps.row // _BAND_PX
    band -= band.min(initial=0)
    starts = np.searchsorted(band, np.arange(band.max(initial=0) + 2))
    stars = (stamps.column, stamps.row, stamps.half, band, starts)
    pairs = np.empty((_pairs(*stars, np.empty((0, 2), np.int64)), 2), np.int64)
    _pairs(*stars, pairs)
    return pairs


@compiled
def _pairs(
    column: Integers,
    row: Integers,
    half: Integers,
    band: Integers,
    starts: Integers,
    pairs: Integers,
) -> int:
    """Count the pairs, and write them if there is room."""
    found, widest = 0, 0
    for i in range(half.shape[0]):
        widest = max(widest, half[i])
    for i in range(row.shape[0]):
        last_band = min(band[i] + (half[i] + widest) // _BAND_PX + 1, starts.shape[0] - 2)
        for b in range(band[i], last_band + 1):
            j = i + 1
            if b > band[i]:
                first = column[i] - half[i] - widest
                j = starts[b] + np.searchsorted(column[starts[b] : starts[b + 1]], first)
            while j < starts[b + 1] and column[j] - column[i] <= half[i] + widest:
                reach = half[i] + half[j]
                if abs(row[j] - row[i]) <= reach and abs(column[j] - column[i]) <= reach:
                    if found < pairs.shape[0]:
                        pairs[found, 0], pairs[found, 1] = i, j
                    found += 1
                j += 1
    return found


def overlaps(stamps: Stamps, pairs: Integers, weight: Singles) -> Floats:
    """Return the weighted sum of both stars' PSFs on their common pixels, shape (m, 3).

    With pairs of a star and itself: the sum of its squares.
    """
    sums = np.zeros((len(pairs), N_COLOURS))
    _overlaps(*stamps, pairs, CELL_COLOUR, weight, sums)
    return sums


@compiled
def _overlaps(
    column: Integers,
    row: Integers,
    half: Integers,
    start: Integers,
    light: Singles,
    pairs: Integers,
    cell_colour: Integers,
    weight: Singles,
    sums: Floats,
) -> None:
    height, width = weight.shape
    for k in range(pairs.shape[0]):
        i, j = pairs[k, 0], pairs[k, 1]
        left_i, low_i, side_i = column[i] - half[i], row[i] - half[i], 2 * half[i] + 1
        left_j, low_j, side_j = column[j] - half[j], row[j] - half[j], 2 * half[j] + 1
        left, low = max(left_i, left_j, 0), max(low_i, low_j, 0)
        right = min(left_i + side_i, left_j + side_j, width)
        for y in range(low, min(low_i + side_i, low_j + side_j, height)):
            at_i = start[i] + (y - low_i) * side_i - left_i
            at_j = start[j] + (y - low_j) * side_j - left_j
            even, odd = np.float32(0), np.float32(0)
            for x in range(left, right):
                value = light[at_i + x] * light[at_j + x] * weight[y, x]
                if x & 1:
                    odd += value
                else:
                    even += value
            sums[k, cell_colour[y & 1, 0]] += even
            sums[k, cell_colour[y & 1, 1]] += odd
