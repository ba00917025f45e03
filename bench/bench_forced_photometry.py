"""Seconds and memory of forced photometry a frame: a full frame in the Milky Way, and a crop.

``python bench/bench_forced_photometry.py``: fields of Cygnus by the simulator, all catalog stars to
G 14 or 14.5 solved at once. The peer is photutils' PSFPhotometry of the crop's green pixels, with
places and PSF given and fluxes free, on a part of the stars. All in one thread; processor time.
"""

import argparse
import tempfile
from pathlib import Path
from time import process_time

import numpy as np
import services  # noqa: F401
import table
from astropy.table import Table
from memory import peak_mb
from photutils.psf import CircularGaussianPRF, PSFPhotometry, SourceGrouper

from light_curves.flats.flat import FlatSums, star_mask
from light_curves.measurements import CatalogField, Exposure, FrameFluxes, SequenceFluxes
from light_curves.photometry.forced import Photometer
from light_curves.photometry.frame_light import Camera
from light_curves.photometry.psf_fit import psf_frames
from light_curves.photometry.psf_stars import PlacedFrame
from panoptes_network.frames.frame import read_frame
from simulator import Observation
from simulator.frame import Frame, render_frame
from simulator.mount import julian_year
from simulator.optics import sky_to_pixel
from simulator.scene import stars_near
from simulator.sky import Stars, at_epoch

NIGHT_FRAMES = 250
TARGET_MAG = 13.0
FULL, CROP = (5208, 3476), (1400, 1200)
PEER_SIDE_PX = 160
REPEATS = 5


def main() -> None:
    """Print seconds and memory of each field."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=12, help="measured frames of the crop")
    parser.add_argument("--crop-only", action="store_true")
    options = parser.parse_args()
    for size, faintest_mag, count in ((CROP, 14.5, options.frames), (FULL, 14.0, 4)):
        if size == CROP or not options.crop_only:
            bench(
                Observation(count=count, width=size[0], height=size[1], cadence_s=134.3),
                faintest_mag,
            )


def bench(observation: Observation, faintest_mag: float) -> None:
    """Measure a sequence frame by frame, and print what it takes."""
    stars = stars_near(observation)
    stars = stars[stars["gaia_mag"] < faintest_mag]
    frames = [render_frame(observation, k) for k in range(observation.count)]
    placed = [place(frame, stars, observation) for frame in frames]
    field = catalog_field(stars)
    started = process_time()
    chosen = [placed[k] for k in psf_frames(len(placed))]
    photometer = Photometer.of_sequence(chosen, field, Camera())
    psf_s = process_time() - started
    exposures = [
        Exposure(str(k), np.datetime64("2018-08-12T08:30:00"), 120.0, 1.2)
        for k in range(len(placed))
    ]
    shape = (observation.height, observation.width)
    fluxes = SequenceFluxes.allocate(field.targets, shape, exposures)
    photometer.measure(placed[0], exposures[0])  # compiles
    seconds, memory = [], []
    for k, (frame, exposure) in enumerate(zip(placed, exposures, strict=True)):
        started = process_time()
        measured = photometer.measure(frame, exposure)
        seconds.append(process_time() - started)
        fluxes.store(k, measured)
        memory.append(peak_mb())
    on_frame = int(placed[0].holds(-0.5).sum())
    table.heading(
        f"{shape[1]}x{shape[0]}, {on_frame:,} stars to G {faintest_mag:g}, {len(placed)} frames"
    )
    a_frame = float(np.median(seconds))
    table.line("forced photometry, a frame", a_frame, note="processor time")
    table.line("of 1,000 stars", 1000 * a_frame / on_frame, depth=2)
    table.line(f"PSF of the sequence, from {len(chosen)} frames", psf_s, note="processor time")
    table.line(f"a night of {NIGHT_FRAMES} frames", NIGHT_FRAMES * a_frame + psf_s)
    unpack_s, flat_s = other_steps(frames[0], placed[0], field)
    table.line("reading and unpacking the file, a frame", unpack_s, note="processor time")
    table.line("sums of the pixel flat, a frame", flat_s, note="processor time")
    if size_of(frames[0]) == FULL:
        table.line(
            "the three together", a_frame + unpack_s + flat_s, note="aim: 4, with detrending"
        )
    table.line("peak memory after one frame", memory[0], "MB")
    table.line(f"peak memory after {len(memory)} frames", memory[-1], "MB")
    table.line("within 20 % of the true flux, green", true_share(measured, frames[-1], field), "%")
    if size_of(frames[0]) == CROP:
        peer(placed[0], field, a_frame / on_frame)


def other_steps(frame: Frame, placed: PlacedFrame, field: CatalogField) -> tuple[float, float]:
    """Return the median seconds of unpacking a frame's file, and of adding its sky to the flat."""
    unpack_s, flat_s = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = frame.write(Path(folder))
        sums = FlatSums.empty(frame.data.shape)
        for _ in range(REPEATS):
            times = [process_time()]
            read_frame(path)
            times.append(process_time())
            is_star = star_mask(frame.data.shape, placed.x_px, placed.y_px, field.gaia_mag)
            sums = sums.with_frame("a", frame.data, is_star)
            times.append(process_time())
            unpack_s.append(times[1] - times[0])
            flat_s.append(times[2] - times[1])
    return float(np.median(unpack_s)), float(np.median(flat_s))


def size_of(frame: Frame) -> tuple[int, int]:
    """Return width and height."""
    return frame.data.shape[1], frame.data.shape[0]


def place(frame: Frame, stars: Stars, observation: Observation) -> PlacedFrame:
    """Return a frame with the true places of its stars."""
    ra_deg, dec_deg = at_epoch(stars, julian_year(observation.start))
    return PlacedFrame(frame.data, *sky_to_pixel(frame.truth.wcs, ra_deg, dec_deg))


def catalog_field(stars: Stars) -> CatalogField:
    """Return the stars as the service knows them."""
    return CatalogField(
        picid=stars["id"].astype(np.int64),
        is_tic=np.zeros(len(stars), np.bool_),
        ra_deg=stars["ra_deg"].astype(np.float64),
        dec_deg=stars["dec_deg"].astype(np.float64),
        gaia_mag=stars["gaia_mag"].astype(np.float32),
        teff_k=np.full(len(stars), np.nan, np.float32),
        is_target=stars["gaia_mag"] < TARGET_MAG,
    )


def true_share(measured: FrameFluxes, frame: Frame, field: CatalogField) -> float:
    """Return the percentage of unsaturated targets of S/N over 10 near their true green flux."""
    truth = frame.truth.stars
    truth = truth[~truth["saturated"] & (truth["snr"] > 10) & (truth["gaia_mag"] < TARGET_MAG)]
    row_of = {star: row for row, star in enumerate(field.targets.picid.tolist())}
    rows = [row_of[star] for star in truth["id"].tolist()]
    ratio = measured.flux_adu[rows, 1] / truth["flux_g_adu"]
    return float(100 * np.mean(np.abs(ratio - 1) < 0.2))


def peer(frame: PlacedFrame, field: CatalogField, ours_s: float) -> None:
    """Print what photutils takes for the green light of the stars of a corner."""
    side = PEER_SIDE_PX
    data = frame.pixels[:side, :side].astype(np.float64) - 2048
    data -= np.median(data[::2, ::2])
    rows, columns = np.indices(data.shape)
    inside = frame.holds(0) & (frame.x_px < side - 1) & (frame.y_px < side - 1)
    flux = 10 ** (0.4 * (21 - field.gaia_mag[inside]))
    start = Table({"x": frame.x_px[inside], "y": frame.y_px[inside], "flux": flux})
    model = CircularGaussianPRF(fwhm=1.9)
    model.x_0.fixed = model.y_0.fixed = True
    photometry = PSFPhotometry(model, (13, 13), grouper=SourceGrouper(6), aperture_radius=4)
    started = process_time()
    photometry(
        data, mask=(rows + columns) % 2 == 1, error=np.full(data.shape, 13.0), init_params=start
    )
    theirs_s = (process_time() - started) / len(start)
    table.line("photutils, 1,000 stars, green alone", 1000 * theirs_s, note="peer")
    table.ratio("photutils / ours, a star", theirs_s / ours_s)


if __name__ == "__main__":
    main()
