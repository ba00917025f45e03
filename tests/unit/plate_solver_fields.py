"""Skies for the plate solver's tests: rendered ones, and lists of stars without pixels."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from astropy.table import Table
from astropy.wcs import WCS
from numpy.typing import NDArray

from panoptes_network.arrays import Floats
from panoptes_network.frames.bayer import superpixel_plane
from panoptes_network.frames.frame import Frame
from plate_solver.detection import Detections, detect, flag_saturated
from simulator import Observation, simulate
from simulator.observation import FULL_HEIGHT, FULL_WIDTH
from simulator.optics import field_wcs
from simulator.truth import Truth

INDEX_DIR = Path("/usr/share/astrometry")
SCALE_ARCSEC = 10.29
"""Of the simulated camera; one pixel of error is this much on the sky."""

HIGH_LATITUDE = Observation(ra_deg=150.0, dec_deg=40.0, width=1000, height=800, suffix=".fits")
"""Away from the Milky Way: most stars stand alone."""

MILKY_WAY = Observation(width=700, height=700, suffix=".fits")
"""In Cygnus, where every fourth star with S/N > 10 melts into a brighter one."""


@dataclass(frozen=True, slots=True)
class Field:
    """A frame, what is really in it, and what was found."""

    frame: Frame
    truth: Truth
    detections: Detections

    @property
    def plane(self) -> NDArray[np.float32]:
        return superpixel_plane(self.frame.mosaic)

    @property
    def centre_deg(self) -> tuple[float, float]:
        """ICRS of the frame's middle."""
        middle = [[(self.frame.width - 1) / 2, (self.frame.height - 1) / 2]]
        ra_deg, dec_deg = self.truth.wcs.all_pix2world(middle, 0)[0]
        return float(ra_deg), float(dec_deg)

    def inner_stars(self, margin_px: float = 8) -> Table:
        """Return the true stars whose light does not reach the edge."""
        stars = self.truth.stars
        inside = (stars["x"] > margin_px) & (stars["x"] < self.frame.width - margin_px)
        inside &= (stars["y"] > margin_px) & (stars["y"] < self.frame.height - margin_px)
        return stars[inside]


def render(observation: Observation, folder: Path) -> Field:
    """Return the first frame of an observation with its detections."""
    simulated = next(simulate(observation))
    frame = Frame(simulated.data)
    found = detect(superpixel_plane(frame.mosaic), folder)
    return Field(frame, simulated.truth, flag_saturated(found, frame.mosaic))


def sources_at(x_px: Floats, y_px: Floats) -> Detections:
    """Return sources at these places, each fainter than the one before."""
    flux_adu = np.linspace(1e6, 1e3, len(x_px))
    one = np.ones(len(x_px))
    return Detections(
        x_px=x_px,
        y_px=y_px,
        flux_adu=flux_adu,
        flux_err_adu=np.sqrt(flux_adu),
        peak_adu=flux_adu / 10,
        background_adu=140 * one,
        fwhm_px=2 * one,
        ellipticity=0 * one,
        flags=np.zeros(len(x_px), dtype=np.int64),
    )


@dataclass(frozen=True, slots=True)
class StarList:
    """A frame of which only positions are known: true ones, and the same measured.

    `first` errs by a pixel and, at the corners, by two more, as astrometry.net's does.
    """

    frame: Frame
    truth: WCS
    first: WCS
    detections: Detections
    ra_deg: Floats
    dec_deg: Floats

    def with_detections(self, x_px: Floats, y_px: Floats) -> "StarList":
        return replace(self, detections=sources_at(x_px, y_px))

    def grid(self) -> tuple[Floats, Floats]:
        """Return pixels all over the frame, corners and edges included."""
        right, top = self.frame.width - 1, self.frame.height - 1
        x, y = np.meshgrid(np.linspace(0, right, 40), np.linspace(0, top, 30))
        return x.ravel(), y.ravel()


def star_list(
    ra_deg: float = 301.6,
    dec_deg: float = 44.5,
    *,
    width: int = FULL_WIDTH,
    height: int = FULL_HEIGHT,
    count: int = 3000,
    noise_px: float = 0.15,
    scale: float = 1.0,
) -> StarList:
    """Scatter stars over a frame; `scale` makes its pixels larger than the camera's."""
    random = np.random.default_rng(20181011)
    x, y = random.uniform(0, width - 1, count), random.uniform(0, height - 1, count)
    noise = random.normal(0, noise_px, (2, count))
    truth = _scaled(field_wcs(ra_deg, dec_deg, 0.7, width, height), scale)
    return StarList(
        Frame(np.zeros((height, width), dtype=np.uint16)),
        truth,
        _blurred(truth),
        sources_at(x + noise[0], y + noise[1]),
        *truth.all_pix2world(x, y, 0),
    )


def _scaled(wcs: WCS, scale: float) -> WCS:
    wcs.wcs.cd = wcs.wcs.cd * scale
    wcs.wcs.set()
    return wcs


def _blurred(truth: WCS) -> WCS:
    """Return a projection as a solver would find it: moved, its distortion 15 % too small."""
    first = truth.deepcopy()
    first.wcs.crpix = truth.wcs.crpix + np.array([0.8, -0.6])
    first.sip = type(truth.sip)(0.85 * truth.sip.a, 0.85 * truth.sip.b, None, None, first.wcs.crpix)
    first.wcs.set()
    return first
