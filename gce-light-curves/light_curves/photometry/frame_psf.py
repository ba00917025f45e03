"""Differences of a frame from its sequence: small changes of its PSF, and its zero points."""

from typing import NamedTuple

import numpy as np

from light_curves.measurements import N_COLOURS
from light_curves.photometry.crowding import with_neighbours
from light_curves.photometry.fluxes import Solution, solve_fluxes
from light_curves.photometry.frame_light import FrameLight
from light_curves.photometry.psf import CHANGES, HALF_PX, Psf, SequencePsf
from light_curves.photometry.psf_stars import PlacedFrame
from light_curves.photometry.stamps import Stamps, cut, describe, reading_order
from panoptes_network.arrays import Floats, Integers, Singles

GREEN = 1
NEIGHBOURS_PX = 20.0
MIN_SNR = 20.0

MIN_STARS = 20
"""With fewer stars, the frame is assumed to be like its sequence."""

_MIN_FOR_CURVE = 60
_MODEL_ERROR = 0.02
_CLIP_SIGMA = 6.0


class FrameState(NamedTuple):
    """State of a frame, measured on the PSF stars.

    Parameters
    ----------
    terms : ndarray, shape (3, n), float64
        Of each colour, of `light_curves.photometry.psf.CHANGES`.
    zero_points : ndarray, shape (3, 6), float64
        Natural logarithm of the flux of a star of Gaia G 0, by `_curve`; -inf if no star is seen.
    """

    terms: Floats
    zero_points: Floats


class FrameSolution(NamedTuple):
    """Solution of a frame for all its stars.

    Parameters
    ----------
    state : FrameState
    psf : Psf
        The frame's PSF.
    stars : ndarray, shape (m,), int64
        Indices of the field's stars that reach the frame.
    fluxes : Solution
        Their fluxes.
    """

    state: FrameState
    psf: Psf
    stars: Integers
    fluxes: Solution


def solve_frame(
    frame: PlacedFrame, light: FrameLight, known: SequencePsf, gaia_mag: Singles
) -> FrameSolution:
    """Measure a frame's differences from its sequence, then the fluxes of all its stars."""
    state = frame_state(frame, light, known, gaia_mag)
    psf = known.psf.changed(state.terms)
    near = np.flatnonzero(frame.holds(-HALF_PX))
    near = near[reading_order(frame.x_px[near], frame.y_px[near])]
    x, y, mag = frame.x_px[near], frame.y_px[near], gaia_mag[near]
    stamps = psf.stamps(x, y, known.reaches(mag))
    predicted = predicted_fluxes(state, psf, x, y, mag)
    return FrameSolution(state, psf, near, solve_fluxes(light, stamps, predicted))


def frame_state(
    frame: PlacedFrame, light: FrameLight, known: SequencePsf, gaia_mag: Singles
) -> FrameState:
    """Measure a frame's terms and zero points from the stars of its sequence's PSF."""
    near = with_neighbours(known.stars, frame.x_px, frame.y_px, NEIGHBOURS_PX)
    x, y, mag = frame.x_px[near], frame.y_px[near], gaia_mag[near]
    stamps = known.psf.stamps(x, y, known.reaches(mag))
    solution = solve_fluxes(light, stamps, rounds=1)
    with np.errstate(invalid="ignore"):
        is_seen = solution.flux_adu[:, GREEN] > MIN_SNR * solution.flux_err_adu[:, GREEN]
    chosen = np.isin(near, known.stars) & frame.holds(HALF_PX + 1)[near] & is_seen
    x, y, flux = x[chosen], y[chosen], np.nan_to_num(solution.flux_adu[chosen])
    terms = np.zeros((N_COLOURS, len(CHANGES)))
    if len(flux) >= MIN_STARS:
        own = known.psf.stamps(x, y, np.full(len(x), HALF_PX))
        left, weight = cut(own, solution.residual), cut(own, solution.weight)
        terms = fit_terms(known.psf, x, y, own, flux, left, weight)
    return FrameState(terms, _zero_points(known.psf.field_terms(x, y), flux, mag[chosen]))


def predicted_fluxes(
    state: FrameState, psf: Psf, x_px: Floats, y_px: Floats, gaia_mag: Singles
) -> Floats:
    """Return the fluxes expected from the catalog, shape (n, 3); 0 if unknown."""
    curve = _curve(psf.field_terms(x_px, y_px)) @ np.nan_to_num(state.zero_points.T)
    light = np.exp(curve - 0.4 * np.log(10) * gaia_mag.astype(np.float64)[:, None])
    return np.where(np.isfinite(state.zero_points[:, 0]), np.nan_to_num(light), 0)


def fit_terms(
    psf: Psf,
    x_px: Floats,
    y_px: Floats,
    own: Stamps,
    flux: Floats,
    residual: Singles,
    weight: Singles,
) -> Floats:
    """Fit the residuals of stars by changes of the PSF, with each star's flux free.

    Parameters
    ----------
    psf : Psf
    x_px, y_px : ndarray, shape (n,), float64
    own : Stamps
        The PSF of the n stars, which may include changes already.
    flux : ndarray, shape (n, 3), float64
    residual, weight : ndarray, float32
        Residual in the stamps, and its inverse variance.

    Returns
    -------
    ndarray, shape (3, n), float64
        Of `light_curves.photometry.psf.CHANGES`.
    """
    pixels = describe(own)
    light = flux[pixels.star, pixels.colour]
    root = np.sqrt(weight / (1 + weight * (_MODEL_ERROR * light * own.light) ** 2))
    changes = [change.stamps(x_px, y_px, own.half).light for change in psf.changes()]
    terms = np.zeros((N_COLOURS, len(CHANGES)))
    for c in range(N_COLOURS):
        of = pixels.colour == c
        star, scaled = pixels.star[of], (own.light * root)[of]
        columns = np.stack([change[of] * (light * root)[of] for change in changes], axis=1)
        square = np.bincount(star, scaled**2, minlength=len(x_px))
        square[square == 0] = 1
        for k in range(len(CHANGES)):
            share = np.bincount(star, scaled * columns[:, k], minlength=len(x_px)) / square
            columns[:, k] -= share[star] * scaled
        left = np.clip((residual * root)[of], -_CLIP_SIGMA, _CLIP_SIGMA)
        terms[c] = np.linalg.lstsq(columns, left)[0]
    return terms


def _zero_points(field: Floats, flux: Floats, gaia_mag: Singles) -> Floats:
    """Fit the logarithm of flux over catalog light, excluding outliers."""
    curve = _curve(field)
    zero_points = np.zeros((N_COLOURS, curve.shape[1]))
    zero_points[:, 0] = -np.inf
    for c in range(N_COLOURS):
        usable = flux[:, c] > 0
        if not usable.any():
            continue
        ratio = np.log(flux[usable, c]) + 0.4 * np.log(10) * gaia_mag[usable]
        zero_points[c, 0] = np.median(ratio)
        if usable.sum() < _MIN_FOR_CURVE:
            continue
        for _ in range(3):
            distance = np.abs(ratio - curve[usable] @ zero_points[c])
            near = distance <= 4 * np.median(distance)
            zero_points[c] = np.linalg.lstsq(curve[usable][near], ratio[near])[0]
    return zero_points


def _curve(field: Floats) -> Floats:
    """Return 1, x, y and their products, shape (n, 6)."""
    _, u, v = field.T
    return np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=1)
