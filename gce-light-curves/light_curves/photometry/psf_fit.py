"""Fit of a sequence's PSF, with each star's flux held at its mean over frames.

In a single frame, a star's flux and its phase in the Bayer pattern are degenerate: an error of the
PSF between pixels looks like flux. Over frames the phase changes and the flux does not.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from light_curves.compiled import compiled
from light_curves.measurements import N_COLOURS
from light_curves.photometry.frame_light import Camera, frame_light
from light_curves.photometry.frame_psf import GREEN, MIN_SNR, fit_terms, solve_frame
from light_curves.photometry.psf import CHANGES, FIELD_TERMS, Psf, SequencePsf
from light_curves.photometry.psf_stars import MARGIN_PX, MIN_STARS, PlacedFrame, choose_stars
from light_curves.photometry.splines import N_SPLINES, overlapping, spline_table
from light_curves.photometry.stamps import CELL_COLOUR, Stamps, cut, describe
from panoptes_network.arrays import Floats, Integers, Singles
from panoptes_network.errors import PermanentError, Reason

PSF_FRAMES = 10
WIDE_STARS = 150
"""Number of bright stars that determine the PSF's wings."""

_ROUNDS, _FITS = 1, 3
_MODEL_ERROR = 0.01
_CLIP_SIGMA, _CLIP_MODEL = 6.0, 0.1
_RIDGE, _FIELD_RIDGE = 3e-7, 30.0


class _Window(NamedTuple):
    """The pixels of stars in a frame, with all other light subtracted."""

    star: Integers
    x_px: Floats
    y_px: Floats
    half: Integers
    value: Singles
    weight: Singles


def psf_frames(n_frames: int) -> Integers:
    """Return the frames used for a sequence's PSF: at most `PSF_FRAMES`, evenly spread."""
    n = min(n_frames, PSF_FRAMES)
    return np.unique(np.linspace(0, n_frames - 1, n).round().astype(np.int64))


def fit_psf(
    frames: Sequence[PlacedFrame],
    gaia_mag: Singles,
    camera: Camera,
    flat: Singles | None = None,
) -> SequencePsf:
    """Fit the PSF of a sequence.

    Parameters
    ----------
    frames : sequence of PlacedFrame
        Frames of :func:`psf_frames`, all of one shape; at least one.
    gaia_mag : ndarray, shape (n,), float32
        Of the field's stars; NaN where it is unknown.
    camera : Camera
    flat : ndarray, float32, optional
        See :func:`light_curves.photometry.frame_light.frame_light`.

    Raises
    ------
    PermanentError
        If fewer than `MIN_STARS` stars are isolated, unsaturated and visible.
    """
    stars = choose_stars(frames, gaia_mag, camera)
    wide_mag = float(np.sort(gaia_mag[stars])[:WIDE_STARS][-1])
    height, width = frames[0].pixels.shape
    found = SequencePsf(Psf.at_start((height, width)), stars, wide_mag)
    for _ in range(_ROUNDS):
        windows = [_cut(frame, found, gaia_mag, camera, flat) for frame in frames]
        terms = [np.zeros((N_COLOURS, len(CHANGES)))] * len(frames)
        for _ in range(_FITS):
            terms = [_terms(found.psf, *pair) for pair in zip(windows, terms, strict=True)]
            psf, terms = _centred(found.psf, terms)
            found = found._replace(psf=_fitted(psf, windows, terms, len(stars)))
    return found


def _cut(
    frame: PlacedFrame, known: SequencePsf, gaia_mag: Singles, camera: Camera, flat: Singles | None
) -> _Window:
    """Return the stars' pixels, with all other light subtracted by the current PSF."""
    solved = solve_frame(frame, frame_light(frame.pixels, camera, flat), known, gaia_mag)
    star = np.flatnonzero(frame.holds(MARGIN_PX)[known.stars])
    index = known.stars[star]
    x, y, half = frame.x_px[index], frame.y_px[index], known.reaches(gaia_mag[index])
    flux = np.zeros((len(gaia_mag), N_COLOURS))
    flux[solved.stars] = np.nan_to_num(solved.fluxes.flux_adu)
    own = solved.psf.stamps(x, y, half)
    value = cut(own, solved.fluxes.residual) + _model(own, flux[index])
    return _Window(star, x, y, half, value, cut(own, solved.fluxes.weight))


def _model(own: Stamps, flux: Floats) -> Singles:
    """Return the light of stars on their own pixels."""
    pixels = describe(own)
    return (flux[pixels.star, pixels.colour] * own.light).astype(np.float32)


def _stamps(psf: Psf, window: _Window) -> Stamps:
    return psf.stamps(window.x_px, window.y_px, window.half)


def _terms(psf: Psf, window: _Window, terms: Floats) -> Floats:
    """Return a frame's terms, corrected by their residuals."""
    own = _stamps(psf.changed(terms), window)
    flux, _ = _own_fluxes(window, own)
    flux = np.nan_to_num(flux)
    left = window.value - _model(own, flux)
    return terms + fit_terms(psf, window.x_px, window.y_px, own, flux, left, window.weight)


def _centred(psf: Psf, terms: list[Floats]) -> tuple[Psf, list[Floats]]:
    """Move the mean of the frames' terms into the PSF, so that their terms have mean 0."""
    mean = np.mean(terms, axis=0)
    return psf.changed(mean), [own - mean for own in terms]


def _fitted(psf: Psf, windows: list[_Window], terms: list[Floats], n_stars: int) -> Psf:
    """Return the PSF that best fits the windows, with each star's flux held at its mean."""
    stamps = [_stamps(psf.changed(own), window) for own, window in zip(terms, windows, strict=True)]
    flux = _held_fluxes(psf, windows, stamps, n_stars)
    size = FIELD_TERMS * N_SPLINES**2
    matrix, right = np.zeros((N_COLOURS, size, size)), np.zeros((N_COLOURS, size))
    for window, own, held in zip(windows, stamps, flux, strict=True):
        in_frame = np.nan_to_num(held[window.star])
        model, usual = _model(own, in_frame), _model(_stamps(psf, window), in_frame)
        square = window.weight * (window.value - model) ** 2
        is_usable = square < _CLIP_SIGMA**2 * (1 + window.weight * (_CLIP_MODEL * model) ** 2)
        weight = is_usable * window.weight / (1 + window.weight * (_MODEL_ERROR * model) ** 2)
        _accumulate(
            *own[:4],
            window.x_px,
            window.y_px,
            psf.field_terms(window.x_px, window.y_px),
            in_frame,
            window.value - (model - usual),
            weight.astype(np.float32),
            *spline_table(),
            CELL_COLOUR,
            matrix,
            right,
        )
    return replace(psf, coefficients=_solved(psf.coefficients, matrix, right)).normalised()


def _solved(before: Floats, matrix: Floats, right: Floats) -> Floats:
    """Solve the normal equations of each colour, regularized slightly to the previous solution."""
    size = right.shape[1]
    coefficients = np.empty_like(before)
    ridge = np.full(size, _RIDGE * _FIELD_RIDGE)
    ridge[: N_SPLINES**2] = _RIDGE
    for c in range(N_COLOURS):
        full = matrix[c] + np.tril(matrix[c], -1).T
        own = ridge * np.trace(full) / size
        full[np.diag_indices(size)] += own
        found = cho_solve(cho_factor(full, lower=True), right[c] + own * before[:, c].ravel())
        coefficients[:, c] = found.reshape(FIELD_TERMS, N_SPLINES, N_SPLINES)
    return coefficients


def _held_fluxes(psf: Psf, windows: list[_Window], stamps: list[Stamps], n: int) -> Floats:
    """Return each star's mean flux times each frame's zero point, shape (f, n, 3).

    Raises
    ------
    PermanentError
        If too few stars are seen.
    """
    flux, error = np.full((2, len(windows), n, N_COLOURS), np.nan)
    terms = np.full((len(windows), n, FIELD_TERMS), np.nan)
    for k, (window, own) in enumerate(zip(windows, stamps, strict=True)):
        flux[k, window.star], error[k, window.star] = _own_fluxes(window, own)
        terms[k, window.star] = psf.field_terms(window.x_px, window.y_px)
    is_seen = np.nan_to_num(flux[:, :, GREEN] / error[:, :, GREEN]) > MIN_SNR
    n_seen = int((is_seen.sum(axis=0) * 2 > np.isfinite(flux[:, :, GREEN]).sum(axis=0)).sum())
    if n_seen < MIN_STARS:
        raise PermanentError(
            Reason.TOO_FEW_SOURCES,
            f"{n_seen} isolated stars are detected in the frames, and fitting the shape of stars"
            f" needs {MIN_STARS}: clouds, dew, or a wrong position on the sky",
        )
    zero = np.ones_like(flux)
    for _ in range(3):
        mean = np.nanmedian(flux / zero, axis=0)
        for k, c in np.ndindex(len(windows), N_COLOURS):
            zero[k, :, c] = _plane(flux[k, :, c] / mean[:, c], terms[k], is_seen[k])
    return np.asarray(mean * zero)


def _own_fluxes(window: _Window, own: Stamps) -> tuple[Floats, Floats]:
    """Return the best flux of each star separately and its standard deviation, shape (k, 3)."""
    pixels, size = describe(own), (len(window.star), N_COLOURS)
    index = pixels.star * N_COLOURS + pixels.colour
    weighted = own.light * window.weight
    square = np.bincount(index, weighted * own.light, minlength=size[0] * size[1]).reshape(size)
    product = np.bincount(index, weighted * window.value, minlength=size[0] * size[1])
    square = np.where(square > 0, square, np.nan)
    return product.reshape(size) / square, 1 / np.sqrt(square)


def _plane(ratio: Floats, terms: Floats, is_seen: NDArray[np.bool_]) -> Floats:
    """Return a plane through the stars' ratios, excluding outliers; NaN off the frame."""
    usable = is_seen & np.isfinite(ratio)
    if not usable.any():
        return np.full(len(ratio), np.nan)
    fitted = np.full(len(ratio), np.median(ratio[usable]))
    for _ in range(3):
        distance = np.abs(ratio - fitted)
        near = usable & (distance <= 4 * np.median(distance[usable]))
        if near.sum() < 4 * FIELD_TERMS:
            break
        fitted = np.asarray(terms @ np.linalg.lstsq(terms[near], ratio[near])[0])
    return fitted


@compiled
def _accumulate(  # noqa: C901 - compiled: a call in the innermost loop costs more
    column: Integers,
    row: Integers,
    half: Integers,
    start: Integers,
    x_px: Floats,
    y_px: Floats,
    terms: Floats,
    flux: Floats,
    value: Singles,
    weight: Singles,
    knots: Floats,
    cubics: Floats,
    cell_colour: Integers,
    matrix: Floats,
    right: Floats,
) -> None:
    """Add each pixel to the normal equations, lower triangle only: 48 splines reach a pixel."""
    in_x, in_y, entries = np.empty(4), np.empty(4), np.empty(16 * FIELD_TERMS)
    number = np.empty(16 * FIELD_TERMS, np.int64)
    for i in range(column.shape[0]):
        left, low, side = column[i] - half[i], row[i] - half[i], 2 * half[i] + 1
        for n in range(side):
            first_y = overlapping(low + n - y_px[i], knots, cubics, in_y)
            for m in range(side):
                at = start[i] + n * side + m
                if weight[at] <= 0:
                    continue
                first_x = overlapping(left + m - x_px[i], knots, cubics, in_x)
                c = cell_colour[(low + n) & 1, (left + m) & 1]
                e = 0
                for t in range(FIELD_TERMS):
                    for q in range(4):
                        for p in range(4):
                            entries[e] = flux[i, c] * terms[i, t] * in_y[q] * in_x[p]
                            number[e] = (t * N_SPLINES + first_y + q) * N_SPLINES + first_x + p
                            e += 1
                for a in range(e):
                    scaled = weight[at] * entries[a]
                    right[c, number[a]] += scaled * value[at]
                    line = matrix[c, number[a]]
                    for b in range(a + 1):
                        line[number[b]] += scaled * entries[b]
