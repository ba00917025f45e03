"""Small simulated fields for the tests of light curves, and what the network knows of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from light_curves.measurements import CatalogField, Exposure
from light_curves.photometry.psf_stars import PlacedFrame
from simulator import Observation, simulate
from simulator.frame import Frame
from simulator.mount import julian_year
from simulator.optics import sky_to_pixel
from simulator.scene import stars_near
from simulator.sky import at_epoch

TARGET_MAG = 12.5
EXPOSURE = Exposure("PAN001_14d3bd_20180812T083000", np.datetime64("2018-08-12T08:31"), 120.0, 1.2)


@dataclass(frozen=True)
class SimulatedField:
    """Frames, the places of the catalog's stars in them, and the stars."""

    field: CatalogField
    frames: list[Frame]
    placed: list[PlacedFrame]

    def true_fluxes(self, index: int) -> NDArray[np.float64]:
        """Return the true flux of each target, shape (n, 3); NaN where it is off the frame."""
        truth = self.frames[index].truth.stars
        row_of = {star: row for row, star in enumerate(truth["id"].tolist())}
        rows = np.array([row_of.get(star, -1) for star in self.field.targets.picid.tolist()])
        fluxes = np.stack([truth[f"flux_{colour}_adu"] for colour in "rgb"], axis=1)
        return np.where((rows >= 0)[:, None], fluxes[rows].astype(np.float64), np.nan)


def simulated_field(observation: Observation, faintest_mag: float = 14.5) -> SimulatedField:
    """Render an observation; targets are the stars to `TARGET_MAG`."""
    frames = list(simulate(observation))
    stars = stars_near(observation)
    stars = stars[stars["gaia_mag"] < faintest_mag]
    ra_deg, dec_deg = at_epoch(stars, julian_year(observation.start))
    placed = [
        PlacedFrame(frame.data, *sky_to_pixel(frame.truth.wcs, ra_deg, dec_deg)) for frame in frames
    ]
    near = np.any([frame.holds(-6) for frame in placed], axis=0)
    field = CatalogField(
        picid=stars["id"][near].astype(np.int64),
        is_tic=np.zeros(near.sum(), np.bool_),
        ra_deg=ra_deg[near],
        dec_deg=dec_deg[near],
        gaia_mag=stars["gaia_mag"][near].astype(np.float32),
        teff_k=np.full(near.sum(), np.nan, np.float32),
        is_target=stars["gaia_mag"][near] < TARGET_MAG,
    )
    return SimulatedField(
        field,
        frames,
        [PlacedFrame(frame.pixels, frame.x_px[near], frame.y_px[near]) for frame in placed],
    )
