"""Memory and seconds of the light curves of a full frame's stars, as a night has more frames.

``python bench/bench_light_curve_memory.py``: all catalog stars of a full frame in Cygnus, their
fluxes drawn with thin cloud and photon noise, are detrended, searched and written to both files,
each number of frames in a process of its own. Measuring the fluxes comes before: its memory does
not grow (`bench_forced_photometry.py`), for one frame at a time is in memory. There is no peer.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from time import process_time

import numpy as np
import services  # noqa: F401 - first: it leads to the services' packages
import table
from astropy import units as u
from astropy.coordinates import EarthLocation
from bench_forced_photometry import FULL, TARGET_MAG, catalog_field
from memory import peak_mb

from light_curves.detrending.detrend import detrend
from light_curves.measurements import CatalogField, Exposure, LightCurves, SequenceFluxes
from light_curves.products import write_files
from light_curves.search.candidates import find_candidates
from panoptes_network.frames.bayer import GAIN_E_PER_ADU
from simulator import Observation
from simulator.mount import frame_wcs
from simulator.optics import sky_to_pixel
from simulator.scene import stars_near

FRAMES = (100, 250, 500)
CADENCE_S, EXPTIME_S = 134, 120.0
START = np.datetime64("2018-08-12T05:00:00.000000")
ZERO_POINT_MAG = (15.3, 15.9, 15.2)
"""Gaia G of a star of 1 ADU/s in red, green and blue, as in simulated frames."""
SKY_VARIANCE_ADU2 = 1e4
CLOUD, DRIFT_PX = 0.02, (0.4, 1.8)
"""Natural logarithm of the light from frame to frame; how far the stars move meanwhile."""
SITE = EarthLocation.from_geodetic(-155.58 * u.deg, 19.54 * u.deg, 3400 * u.m)


def main() -> None:
    """Print memory and seconds for each number of frames."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--frames", type=int, nargs="*", default=FRAMES)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        _measure(options.one)
        return
    width, height = FULL
    table.heading(f"all stars to G {TARGET_MAG:g} of a frame of {width}x{height} in Cygnus")
    for frames in options.frames:
        subprocess.run([sys.executable, __file__, "--one", str(frames)], check=True)
    table.command("python bench/bench_light_curve_memory.py --frames 500")


def _measure(frames: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fluxes = _fluxes(frames, folder)
        before = process_time()
        curves = detrend(fluxes, SITE)
        detrended = process_time()
        find_candidates(curves)
        searched = process_time()
        write_files(curves, "PAN001_14d3bd_20180812T050000", folder)
        written = process_time()
        mapped_mb = sum(path.stat().st_size for path in folder.glob("*.npy")) / 2**20
    _print(curves, peak_mb(), mapped_mb)
    for words, seconds in (
        ("detrending", detrended - before),
        ("search of the night", searched - detrended),
        ("both files", written - searched),
    ):
        table.line(f"{words}, a frame", seconds / frames, note="processor time", depth=2)
    sys.stdout.flush()


def _print(curves: LightCurves, memory_mb: float, mapped_mb: float) -> None:
    frames, stars = curves.flux.shape
    table.line(f"{frames} frames, {stars:,} stars: most memory", memory_mb, "MB", "aim: 4,096")
    table.line("of the fluxes mapped from files", mapped_mb, "MB", depth=2)


def _fluxes(frames: int, folder: Path) -> SequenceFluxes:
    """Return the fluxes of a night, drawn one frame at a time."""
    observation = Observation(width=FULL[0], height=FULL[1])
    stars = stars_near(observation)
    stars = stars[stars["gaia_mag"] < TARGET_MAG]
    place = np.array(sky_to_pixel(frame_wcs(observation, 0), stars["ra_deg"], stars["dec_deg"]))
    is_on = np.all((place > 0) & (place < np.array(FULL)[:, np.newaxis]), axis=0)
    field, place = catalog_field(stars[is_on]), place[:, is_on]
    exposures = [
        Exposure(f"image {k}", START + k * np.timedelta64(CADENCE_S, "s"), EXPTIME_S, 1.2)
        for k in range(frames)
    ]
    rng = np.random.default_rng(frames)
    out = SequenceFluxes.allocate(field, (FULL[1], FULL[0]), exposures, folder)
    expected = _expected_adu(field)
    for k in range(frames):
        light = expected * np.exp(rng.normal(0, CLOUD))
        err = np.sqrt(light / GAIN_E_PER_ADU + SKY_VARIANCE_ADU2)
        out.flux_adu[k] = light + err * rng.standard_normal(err.shape)
        out.flux_err_adu[k] = err
        out.x_px[k], out.y_px[k] = (place.T - np.multiply(DRIFT_PX, k)).T
    return out


def _expected_adu(field: CatalogField) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return the light of each star and colour in an exposure, shape (n, 3)."""
    level_mag = np.array(ZERO_POINT_MAG) - field.gaia_mag[:, np.newaxis].astype(np.float64)
    return np.asarray(EXPTIME_S * 10 ** (0.4 * level_mag))


if __name__ == "__main__":
    main()
