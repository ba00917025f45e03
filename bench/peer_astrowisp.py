"""A program of its own: light curves by astrowisp and autowisp, from files into a file.

``python peer_astrowisp.py FOLDER OUTPUT.npz [--shape psf|zero] [--processes 1]``, run by the
Python of a virtual environment that has ``astrowisp==2.0.1`` (GPL-3) and ``autowisp==2.3.0`` (MIT).
Nothing of the network imports this file or those libraries; `light_curve_peer` writes its input.

The settings are those of autowisp's own test of a colour camera (its ``test.cfg``), but for what
undersampled pixels need: each of the four colours of the Bayer pattern is an image of its own, the
sensitive quarter of its pixels given by autowisp's ``dslr_subpixmap.fits``.

Input, per frame ``0000.npz`` …: ``path`` of the raw FITS file, ``airmass``, and per star ``id``,
``x``, ``y`` (mosaic pixels, 0-based), ``gaia_mag``, ``usable`` (not saturated). ``camera.json``:
``black_adu``, ``gain_e_per_adu``, ``read_noise_adu``, ``faintest_curve_mag``,
``channels`` (name: x and y of its first pixel).

Output: ``id`` (n); ``magfit``, ``epd``, ``tfa``: magnitudes (frames, n, channels) after each step,
NaN where not measured; ``photometry`` (n, channels), which of ``photometries`` they are: the one
that scatters least after the magnitude fit, as autowisp's own figures choose it.
"""

import argparse
import contextlib
import io
import json
import logging
import warnings
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import autowisp
import numpy as np
from astropy.io import fits
from astrowisp import BackgroundExtractor, FitStarShape, SubPixPhot
from autowisp.fit_expression import Interface, iterative_fit
from autowisp.iterative_rejection_util import iterative_rejection_average
from autowisp.light_curves.tfa_correction import TFACorrection
from autowisp.magnitude_fitting.linear import LinearMagnitudeFit

SUBPIXEL_MAP = Path(autowisp.__file__).parent / "resources/dslr_subpixmap.fits"
GRIDS = {"psf": [-4.0, -1.5, -0.5, 0.5, 1.5, 4.0], "zero": [-4.0, 4.0]}
"""Cells of the star's shape in channel pixels; one cell means a flat shape, apertures only."""
APERTURES = (1.2, 1.6, 2.0, 3.0, 4.0, 5.0)
"""Radii in channel pixels, twice as large on the mosaic."""
ANNULUS = (5.0, 10.0)
SHAPE_STARS = 200
"""The brightest stars, which the shape is fitted to; each frame and colour has its own."""
MAGNITUDE_1ADU = 10.0
MARGIN = 6
MAGFIT = SimpleNamespace(
    correction_parametrization="O2{phot_g_mean_mag, x, y}", max_mag_err=0.1, noise_offset=0.01,
    error_avg="weightedmean", rej_level=5.0, max_rej_iter=20,
)  # fmt: skip
MAGFIT_PASSES = 3
EPD_TERMS = "O1{airmass}"
DETREND: dict[str, Any] = {"error_avg": "nanmedian", "rej_level": 5.0, "max_rej_iter": 20}
TFA = {
    "saturation_magnitude": 7.0, "allow_saturated_templates": False, "mag_rms_dependence_order": 2,
    "mag_rms_outlier_threshold": 4, "mag_rms_max_rej_iter": 10, "max_rms": 0.15,
    "faint_mag_limit": 11.0, "min_observations_quantile": 0.5, "min_observations_fraction": 0.8,
    "sqrt_num_templates": 2, "selected_plots": None,
}  # fmt: skip
PHOTOMETRIES = (*(f"aperture {radius}" for radius in APERTURES), "shape")
Array = np.ndarray[Any, Any]


def measure(file: Path, camera: dict[str, Any], shape: str) -> dict[str, Array]:
    """Return magnitudes and errors (channels, stars, photometries) of one frame, and the sky."""
    given = np.load(file)
    pixels = fits.getdata(str(given["path"])).astype(float)
    channels = [
        measure_channel(pixels, given, corner, camera, shape)
        for corner in camera["channels"].values()
    ]
    return {name: np.array([found[name] for found in channels]) for name in channels[0]}


def measure_channel(
    mosaic: Array, given: Any, corner: tuple[int, int], camera: dict[str, Any], shape: str
) -> dict[str, Array]:
    """Return what astrowisp measures in one colour of the pattern, stars that do not fit NaN."""
    raw = mosaic[corner[1] :: 2, corner[0] :: 2]
    image = np.ascontiguousarray(raw - camera["black_adu"])
    error = np.sqrt(np.maximum(image, 0) / camera["gain_e_per_adu"] + camera["read_noise_adu"] ** 2)
    # A pixel's corner is its whole number in astrowisp, its centre half a pixel further.
    x, y = ((given[axis] - first) / 2 + 0.5 for axis, first in zip("xy", corner, strict=True))
    inside = (np.minimum(x, y) > MARGIN) & (x < image.shape[1] - MARGIN)
    inside &= y < image.shape[0] - MARGIN
    stars = np.zeros(inside.sum(), [("ID", "S20"), ("x", "f8"), ("y", "f8"), ("enabled", "?")])
    stars["ID"], stars["x"], stars["y"] = given["id"][inside].astype("S20"), x[inside], y[inside]
    stars["enabled"] = shape_stars(given["gaia_mag"][inside], given["usable"][inside], shape)
    found = fit_and_sum(image, error, stars, camera["gain_e_per_adu"], shape)
    return {name: spread(values, inside) for name, values in found.items()}


def shape_stars(magnitude: Array, usable: Array, shape: str) -> Array:
    """Choose the stars that the shape is fitted to; all, where it is flat, which costs nothing."""
    if shape == "zero":
        return np.ones(len(magnitude), bool)
    faintest = np.sort(magnitude[usable])[:SHAPE_STARS][-1]
    chosen: Array = usable & (magnitude <= faintest)
    return chosen


def fit_and_sum(
    image: Array, error: Array, stars: Array, gain: float, shape: str
) -> dict[str, Array]:
    """Run astrowisp's background, shape fit and aperture photometry on one image."""
    background = BackgroundExtractor(image, *ANNULUS)
    sky, sky_error, _ = background(stars["x"].copy(), stars["y"].copy())
    mask = np.zeros(image.shape, np.uint8)
    common = {"subpixmap": fits.getdata(SUBPIXEL_MAP).astype(float), "gain": gain}
    fitter = FitStarShape(
        mode="psf", grid=GRIDS[shape], initial_aperture=3.0, max_rel_amplitude_change=1e-3,
        max_iterations=10, min_convergence_rate=-10.0, bg_min_pix=20, src_max_sat_frac=0.0,
        src_min_signal_to_noise=0.0, magnitude_1adu=MAGNITUDE_1ADU, **common,
    )  # fmt: skip
    constant = np.ones((len(stars), 1))
    tree = fitter.fit([(image, error, mask, stars, constant)], [background], False)
    apertures = SubPixPhot(apertures=np.array(APERTURES), magnitude_1adu=MAGNITUDE_1ADU, **common)
    apertures((image, error, mask.view("S1")), tree)
    names = [f"apphot.{{}}.0.{number}" for number in range(len(APERTURES))]
    names += ["psffit.{}.0"] if shape == "psf" else []
    columns = {
        what: np.stack([tree.get(n.format(what), shape=(len(stars),)) for n in names], axis=-1)
        for what in ("mag", "mag_err")
    }
    return {**columns, "x": stars["x"], "y": stars["y"], "bg": sky, "bg_err": sky_error}


def spread(values: Array, places: Array) -> Array:
    """Put `values` into a NaN-filled array, where `places` is set."""
    result = np.full((len(places), *values.shape[1:]), np.nan)
    result[places] = values
    return result


def align(frames: list[dict[str, Array]], files: list[Path], known: Array) -> dict[str, Array]:
    """Stack the frames' measurements to (channels, frames, stars, …) in the order of `known`."""
    stacked: dict[str, list[Array]] = {name: [] for name in frames[0]}
    for frame, file in zip(frames, files, strict=True):
        ids = np.load(file)["id"]
        chosen = np.isin(ids, known)
        place = np.searchsorted(known, ids[chosen])
        for name, values in frame.items():
            row = np.full((values.shape[0], len(known), *values.shape[2:]), np.nan)
            row[:, place] = values[:, chosen]
            stacked[name].append(row)
    return {name: np.stack(rows, axis=1) for name, rows in stacked.items()}


def fit_magnitudes(sky: dict[str, Array], magnitude: Array) -> Array:
    """Bring the frames of one channel to one reference by autowisp's linear magnitude fit.

    Its loop over data reduction files is here a loop over arrays: first against the middle frame,
    then against the average of the fitted magnitudes, without stars that scatter too much.
    """
    fitter = LinearMagnitudeFit(config=MAGFIT, reference=None, source_name_format="{}")
    fitter.logger = logging.getLogger("magfit")
    fitter.fit_terms = Interface(MAGFIT.correction_parametrization)
    middle = len(sky["mag"]) // 2
    reference, scatter = sky["mag"][middle], sky["mag_err"][middle]
    fitted = sky["mag"]
    for _ in range(MAGFIT_PASSES):
        fitted = np.stack(
            [
                fit_frame(fitter, {k: v[frame] for k, v in sky.items()}, magnitude, reference,
                          scatter)
                for frame in range(len(sky["mag"]))
            ]
        )  # fmt: skip
        reference, scatter = master(fitted, magnitude)
    return fitted


def fit_frame(
    fitter: Any, frame: dict[str, Array], magnitude: Array, reference: Array, scatter: Array
) -> Array:
    """Return one frame's magnitudes (stars, photometries), corrected to the reference."""
    size = frame["mag"].shape[1]
    wide = [(name, "f8", (1, size)) for name in ("mag", "mag_err", "ref_mag", "ref_mag_err")]
    plain = [(name, "f8") for name in ("x", "y", "bg", "bg_err", "phot_g_mean_mag")]
    table = np.zeros(len(magnitude), [*plain, *wide])
    columns = {**frame, "ref_mag": reference, "ref_mag_err": scatter, "phot_g_mean_mag": magnitude}
    for name, values in columns.items():
        table[name] = values[:, None] if values.ndim == 2 else values
    there = np.isfinite(table["x"])
    results = fitter._fit(table[there])  # noqa: SLF001 - what works on files is around it
    return spread(fitter._apply_fit(table[there], results), there)  # noqa: SLF001


def master(fitted: Array, magnitude: Array) -> tuple[Array, Array]:
    """Average the fitted frames; stars that scatter more than others as bright become NaN."""
    reference, scatter, _ = iterative_rejection_average(fitted, 5.0, axis=0)
    scatter = scatter * np.sqrt(np.maximum(np.isfinite(fitted).sum(axis=0) - 1, 1))
    terms = Interface("O2{phot_g_mean_mag}")(
        np.array([(value,) for value in magnitude], [("phot_g_mean_mag", "f8")])
    )
    for number in range(fitted.shape[2]):
        usable = np.isfinite(scatter[:, number]) & (scatter[:, number] > 0)
        if usable.sum() < 2 * len(terms):
            continue
        logarithm = np.log10(np.where(usable, scatter[:, number], 1))
        coefficients = iterative_fit(
            terms[:, usable], logarithm[usable], error_avg="median", rej_level=3.0,
            max_rej_iter=20, fit_identifier="master",
        )[0]  # fmt: skip
        excess = logarithm - coefficients @ terms
        steady = usable & (excess <= 3 * np.median(np.abs(excess[usable])))
        reference[~steady, number] = np.nan
    return reference, scatter


def decorrelate(curves: Array, airmass: Array) -> Array:
    """Apply EPD to each curve of (frames, stars)."""
    terms = Interface(EPD_TERMS)(np.array([(a,) for a in airmass], [("airmass", "f8")]))
    return np.stack([without(curve, terms) for curve in curves.T], axis=1)


def without(curve: Array, terms: Array) -> Array:
    """Subtract what autowisp's fit of `terms` (terms, frames) finds in a curve."""
    level = np.nanmedian(curve)
    if np.isfinite(curve).sum() < 2 * len(terms):
        return np.full(len(curve), np.nan)
    coefficients = iterative_fit(terms, curve - level, fit_identifier="curve", **DETREND)[0]
    return np.full(len(curve), np.nan) if coefficients is None else curve - coefficients @ terms


def filter_trends(curves: Array, magnitude: Array, x: Array, y: Array) -> Array:
    """Apply TFA to (frames, stars): fit the curves of some stars to those of all others."""
    filtered = np.full_like(curves, np.nan)
    change = curves - np.nanmedian(curves, axis=0)
    stars = np.flatnonzero(np.isfinite(change).any(axis=0))
    if not len(stars):
        return filtered
    chosen = stars[choose_templates(change[:, stars], magnitude[stars], x[stars], y[stars])]
    for star in stars:
        templates = np.nan_to_num(change[:, chosen[chosen != star]]).T
        terms = np.vstack([templates, np.ones(len(curves))])
        filtered[:, star] = without(curves[:, star], terms)
    return filtered


def choose_templates(change: Array, magnitude: Array, x: Array, y: Array) -> Array:
    """Choose stars (m) of (frames, m) by autowisp's own rules: steady, bright, over the field."""
    columns = {
        "mag": magnitude, "xi": x, "eta": y,
        "rms": np.sqrt(np.nanmedian(change**2, axis=0))[:, None],
        "num_finite": np.isfinite(change).sum(axis=0)[:, None],
    }  # fmt: skip
    statistics = np.zeros(len(x), [(n, "f8", v.shape[1:]) for n, v in columns.items()])
    for name, values in columns.items():
        statistics[name] = values
    chooser = object.__new__(TFACorrection)  # its constructor wants light curve files
    chooser._configuration = TFA
    chosen: Array = chooser._select_template_stars(statistics)[0]
    return chosen


def best(curves: Array) -> Array:
    """Return the photometry (stars,) of (frames, stars, photometries) that scatters least."""
    deviation = np.nanmedian(np.abs(curves - np.nanmedian(curves, axis=0)), axis=0)
    least: Array = np.argmin(np.where(np.isfinite(deviation), deviation, np.inf), axis=1)
    return least


def light_curves(folder: Path, shape: str, processes: int) -> dict[str, Array]:
    """Measure all frames of `folder` and return the arrays of the output file."""
    camera = json.loads((folder / "camera.json").read_text())
    files = sorted(folder.glob("[0-9]*.npz"))
    with Pool(processes) as pool:
        frames = pool.map(partial(measure, camera=camera, shape=shape), files, chunksize=1)
    return detrend(frames, files, camera["faintest_curve_mag"])


def detrend(
    frames: list[dict[str, Array]], files: list[Path], faintest_mag: float
) -> dict[str, Array]:
    """Bring what was measured through autowisp's steps, channel by channel."""
    lists = [np.load(file) for file in files]
    seen = {name: np.concatenate([f[name] for f in lists]) for name in ("id", "gaia_mag")}
    ids, first = np.unique(seen["id"], return_index=True)
    saturated = np.unique(np.concatenate([f["id"][~f["usable"]] for f in lists]))
    wanted = (seen["gaia_mag"][first] < faintest_mag) & ~np.isin(ids, saturated)
    ids, magnitude = ids[wanted], seen["gaia_mag"][first][wanted]
    measured = align(frames, files, ids)
    airmass = np.array([float(f["airmass"]) for f in lists])
    kept: dict[str, list[Array]] = {name: [] for name in ("magfit", "epd", "tfa", "photometry")}
    for channel in range(len(measured["mag"])):
        one = {name: values[channel] for name, values in measured.items()}
        every_way = fit_magnitudes(one, magnitude)
        choice = best(every_way)
        fitted = every_way[:, np.arange(len(ids)), choice]
        steady = decorrelate(fitted, airmass)
        place = (np.nanmedian(one["x"], axis=0), np.nanmedian(one["y"], axis=0))
        filtered = filter_trends(steady, magnitude, *place)
        for name, curves in (("magfit", fitted), ("epd", steady), ("tfa", filtered)):
            kept[name].append(curves)
        kept["photometry"].append(choice)
    stacked = {name: np.stack(values, axis=-1) for name, values in kept.items()}
    return {"id": ids, "photometries": np.array(PHOTOMETRIES), **stacked}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--shape", choices=GRIDS, default="zero")
    parser.add_argument("--processes", type=int, default=1)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable()
    with contextlib.redirect_stdout(io.StringIO()):  # autowisp prints what it reads
        curves: dict[str, Any] = light_curves(asked.folder, asked.shape, asked.processes)
    np.savez_compressed(asked.output, **curves)
