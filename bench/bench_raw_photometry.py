"""How far raw light curves of constant stars scatter, and what one costs.

``python bench/bench_raw_photometry.py``: a simulated sequence, 900x900 pixels of the Milky Way that
drift as real frames do, is measured as observations-data does it, at the places where the plate
solver finds the sources. The scatter is what is left of stars that do not vary, beside the error
that is said of them. The peer of the aperture sums is photutils.
"""

from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import services  # noqa: F401 - first: it leads to the services' packages
import table
from numpy.typing import NDArray
from photutils.aperture import CircularAperture, aperture_photometry
from scipy.spatial import KDTree
from stopwatch import timed

from observations_data.photometry import (
    APERTURE_RADIUS_PX,
    FrameSources,
    aperture_sums,
    comparison_candidates,
    relative_flux,
    steady_stars,
)
from observations_data.photometry.aperture import colour_pixels
from panoptes_network.frames.bayer import cut_stamps, stamp_corner, stamp_fits, superpixel_plane
from panoptes_network.light_curves.schema import COLOURS
from plate_solver.detection import detect
from simulator import Observation, simulate
from simulator.frame import Frame

FRAMES = 60
SIZE = 900
MAGNITUDES = ((8, 10), (10, 11), (11, 12), (12, 13))
SAME_PX = 1.0
PEER_STAMPS = 300
Stars = NDArray[np.void]
STAR = np.dtype(
    [("stamp", "u2", (10, 10)), ("x", "f8"), ("y", "f8"), ("mag", "f8"), ("saturated", "?"),
     ("frame_x", "f8"), ("frame_y", "f8"), ("flux", "f8")]
)  # fmt: skip


def found_stars(frame: Frame) -> dict[int, Stars]:
    """Return the true stars that were detected, with their stamps, by id."""
    with TemporaryDirectory() as folder:
        seen = detect(superpixel_plane(frame.data), Path(folder))
    truth = frame.truth.stars[frame.truth.stars["gaia_mag"] < MAGNITUDES[-1][1]]
    distance, nearest = KDTree(np.c_[seen.x_px, seen.y_px]).query(np.c_[truth["x"], truth["y"]])
    index = np.asarray(nearest)
    usable = (distance < SAME_PX) & stamp_fits(seen.x_px[index], seen.y_px[index], frame.data.shape)
    truth, index = truth[usable], index[usable]
    stars = np.zeros(len(index), STAR)
    corner_x, corner_y = stamp_corner(seen.x_px[index]), stamp_corner(seen.y_px[index])
    stars["stamp"] = cut_stamps(frame.data, corner_x, corner_y)
    stars["frame_x"], stars["frame_y"] = seen.x_px[index], seen.y_px[index]
    stars["x"], stars["y"] = stars["frame_x"] - corner_x, stars["frame_y"] - corner_y
    stars["mag"], stars["saturated"] = truth["gaia_mag"], truth["saturated"]
    stars["flux"] = seen.flux_adu[index]
    return dict(zip(truth["id"].tolist(), stars, strict=True))


def sequence() -> Stars:
    """Return the stars that are in every frame, shape (stars, frames)."""
    rows: dict[int, list[Stars]] = defaultdict(list)
    for frame in simulate(Observation(count=FRAMES, width=SIZE, height=SIZE, suffix=".fits")):
        for star, row in found_stars(frame).items():
            rows[star].append(row)
    return np.array([row for row in rows.values() if len(row) == FRAMES], STAR)


def show_scatter(stars: Stars) -> None:
    """Print scatter and error of the relative flux, by magnitude and colour."""
    flat = stars.ravel()
    sums = aperture_sums(flat["stamp"], flat["x"], flat["y"])
    flux, error = (s.reshape(*stars.shape, 3) for s in (sums.flux_adu, sums.flux_err_adu))
    is_saturated = sums.is_saturated.reshape(stars.shape)
    middle = stars[:, FRAMES // 2]
    frame = FrameSources(
        np.ones(len(stars), bool), middle["frame_x"], middle["frame_y"], middle["flux"],
        np.where(is_saturated.any(axis=1), 4, 0),
    )  # fmt: skip
    curves = []
    for star in range(len(stars)):
        others = comparison_candidates(frame, star)
        others = others[steady_stars(np.isfinite(stars["x"][others]), is_saturated[others])]
        found = relative_flux(flux[star], error[star], flux[others])
        curves.append((found.relative, found.relative_err))
    relative, said = (np.array(column) for column in zip(*curves, strict=True))
    scatter = 1.4826 * np.median(np.abs(relative - 1), axis=1)
    for low, high in MAGNITUDES:
        chosen = (middle["mag"] >= low) & (middle["mag"] < high) & ~is_saturated.any(axis=1)
        table.heading(f"G {low} to {high}: {chosen.sum()} stars, {FRAMES} frames; medians")
        for colour, name in enumerate(COLOURS):
            median = 100 * np.nanmedian(said[chosen, :, colour])
            note = f"said {median:.1f} %"
            table.line(name, 100 * float(np.nanmedian(scatter[chosen, colour])), "%", note)


def show_cost(stars: Stars) -> None:
    """Print the time of the sums of a light curve with 30 comparison stars and 100 frames."""
    flat = np.resize(stars.ravel(), 3100)
    ours, _ = timed(lambda: aperture_sums(flat["stamp"], flat["x"], flat["y"]))
    peer, _ = timed(lambda: [by_photutils(star) for star in flat[:PEER_STAMPS]])
    table.heading("Aperture sums of 3100 stamps")
    table.line("ours", ours.wall)
    table.line("photutils, stamp by stamp", peer.wall * len(flat) / PEER_STAMPS)
    table.ratio("photutils / ours", peer.wall * len(flat) / PEER_STAMPS / ours.wall)


def by_photutils(star: np.void) -> list[float]:
    """Sum each colour of one stamp, without a background."""
    aperture = CircularAperture((star["x"], star["y"]), APERTURE_RADIUS_PX)
    return [
        float(aperture_photometry(star["stamp"] * own, aperture)["aperture_sum"][0])
        for own in colour_pixels(10)
    ]


if __name__ == "__main__":
    measured = sequence()
    show_scatter(measured)
    show_cost(measured)
