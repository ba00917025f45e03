"""What a flat of the camera's own sky gains light curves, beside the true flat and none.

``python bench/bench_pixel_flat.py``: nights of one field are rendered, realistic, with pixels that
differ by 0.8 %. The sky of all but the last gives the flat; the last is measured three times. There
is no peer: no pipeline for such cameras makes a flat of the sky between the stars.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import services  # noqa: F401 - first: it leads to the services' packages
import table
from astropy import units
from astropy.coordinates import EarthLocation
from astropy.io import fits
from bench_forced_photometry import catalog_field
from numpy.typing import NDArray
from served_light_curves import scatter
from simulated_nights import FRAMES, SIZE, Nights, NightTruth, add_options, last_night, read_truth

from light_curves.detrending.detrend import detrend
from light_curves.flats.flat import FlatSums, pixel_flat, shared_response, star_mask
from light_curves.measurements import CatalogField, Exposure, LightCurves, SequenceFluxes
from light_curves.photometry.forced import Photometer
from light_curves.photometry.frame_light import Camera
from light_curves.photometry.psf_fit import psf_frames
from light_curves.photometry.psf_stars import PlacedFrame
from simulator import Observation
from simulator.flat import response_planes
from simulator.frame import truth_path
from simulator.night import PRESETS
from simulator.optics import sky_to_pixel
from simulator.render import BAYER_CELL
from simulator.truth import Truth

FAINTEST_MAG = 14.5
BRIGHT_MAGS, FAINT_MAGS = (9.0, 11.0), (11.0, 12.0)
EXPTIME_S = 120.0
SITE = EarthLocation.from_geodetic(-155.58 * units.deg, 19.54 * units.deg, 3400 * units.m)

Singles = NDArray[np.float32]


def main() -> None:
    """Print the scatter with each flat."""
    options = _options()
    nights = Nights("realistic", options.seed, options.frames, 0.01, options.nights)
    folder = options.folder / nights.name
    nights.render(folder)
    paths = sorted(folder.rglob("*.fits.fz"))
    last = last_night(folder, nights.frames)[: options.measured]
    stars = _stars(paths[0])
    learned, error = _learned(paths[: -nights.frames], nights.frames, stars)
    truth = read_truth(last)
    width, height = SIZE
    table.heading(
        f"a realistic night, seed {nights.seed}: {len(last)} frames of {width}x{height}, and the"
        f" sky of {len(paths) - nights.frames} frames of other nights"
    )
    table.line("error of a green pixel in that flat", 100 * error, "%")
    true = _true_flat(nights.seed)
    table.line("correlation with the true flat", _correlation(learned, true), "")
    for words, flat in (("no flat", None), ("flat of the sky", learned), ("true flat", true)):
        _print(words, _measure(last, stars, flat), truth)
    table.command(f"python bench/bench_pixel_flat.py --nights {nights.nights}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    add_options(parser)
    parser.add_argument("--nights", type=int, default=3)
    parser.add_argument("--measured", type=int, default=FRAMES, help="frames of the last night")
    return parser.parse_args()


def _stars(path: Path) -> CatalogField:
    stars = Truth.read(truth_path(path)).stars
    return catalog_field(np.asarray(stars[stars["gaia_mag"] < FAINTEST_MAG]))


def _learned(
    paths: Sequence[Path], frames_a_night: int, stars: CatalogField
) -> tuple[Singles, float]:
    """Return the flat of the sky, and a pixel's error."""
    sums = []
    for start in range(0, len(paths), frames_a_night):
        night = FlatSums.empty((SIZE[1], SIZE[0]))
        for path in paths[start : start + frames_a_night]:
            frame = _placed(path, stars)
            is_star = star_mask(frame.pixels.shape, frame.x_px, frame.y_px, stars.gaia_mag)
            night = night.with_frame(str(start), frame.pixels, is_star)
        sums.append(night)
    total = sums[0]
    for night in sums[1:]:
        total = total.plus(night)
    made = pixel_flat(total, shared_response(sums[0], sums[1]))
    return made.flat, made.pixel_err


def _placed(path: Path, stars: CatalogField) -> PlacedFrame:
    """Return a frame with the true places of its stars."""
    pixels = np.asarray(fits.getdata(path, 1), np.uint16)
    wcs = Truth.read(truth_path(path)).wcs
    return PlacedFrame(pixels, *sky_to_pixel(wcs, stars.ra_deg, stars.dec_deg))


def _true_flat(seed: int) -> Singles:
    width, height = SIZE
    observation = Observation(width=width, height=height, seed=seed, night=PRESETS["realistic"])
    flat = np.ones((height, width), np.float32)
    for bayer, plane in zip(BAYER_CELL, response_planes(observation), strict=True):
        flat[bayer.y :: 2, bayer.x :: 2] = plane
    return flat


def _correlation(flat: Singles, true: Singles) -> float:
    return float(np.corrcoef(flat.ravel(), true.ravel())[0, 1])


def _measure(paths: Sequence[Path], stars: CatalogField, flat: Singles | None) -> LightCurves:
    """Return the light curves of a night, as the service makes them."""
    some = [_placed(paths[k], stars) for k in psf_frames(len(paths))]
    photometer = Photometer.of_sequence(some, stars, Camera(), flat)
    exposures = [_exposure(path) for path in paths]
    fluxes = SequenceFluxes.allocate(stars.targets, (SIZE[1], SIZE[0]), exposures)
    for number, (path, exposure) in enumerate(zip(paths, exposures, strict=True)):
        fluxes.store(number, photometer.measure(_placed(path, stars), exposure))
    return detrend(fluxes, SITE)


def _exposure(path: Path) -> Exposure:
    header = fits.getheader(path, 1)
    time = np.datetime64(header["DATE-OBS"]) + np.timedelta64(int(500 * EXPTIME_S), "ms")
    return Exposure(path.name, time.astype("datetime64[us]"), EXPTIME_S, header["AIRMASS"])


def _print(words: str, curves: LightCurves, truth: NightTruth) -> None:
    order = np.argsort(truth.star_id)
    place = np.searchsorted(truth.star_id, curves.fluxes.field.picid, sorter=order)
    place = order[np.minimum(place, len(order) - 1)]
    is_judged = (truth.star_id[place] == curves.fluxes.field.picid) & truth.is_constant[place]
    is_judged &= ~truth.is_saturated[place]
    spread = scatter(np.asarray(curves.flux.T, np.float64))
    for low, high in (BRIGHT_MAGS, FAINT_MAGS):
        mag = curves.fluxes.field.gaia_mag
        chosen = is_judged & (mag >= low) & (mag < high) & np.isfinite(spread)
        note = f"{chosen.sum()} stars"
        scatter_percent = 100 * float(np.median(spread[chosen]))
        table.line(f"{words}: scatter at G {low:g} to {high:g}", scatter_percent, "%", note)


if __name__ == "__main__":
    main()
