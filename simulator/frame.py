"""Rendering of an observation's frames, one at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from panoptes_network.ids import ObjectPath
from simulator.cr2 import write_cr2
from simulator.detector import read_out
from simulator.header import build_header
from simulator.observation import Observation
from simulator.render import mosaic
from simulator.scene import build_scene
from simulator.truth import Truth
from simulator.variables import variable_table


@dataclass(frozen=True, slots=True)
class Frame:
    """One simulated frame.

    Attributes
    ----------
    object_path : ObjectPath
        Where it belongs in the raw bucket.
    data : ndarray of uint16, shape (height, width)
        The mosaic.
    header : astropy.io.fits.Header
        The cards of a unit.
    truth : Truth
        What is really in it.
    """

    object_path: ObjectPath
    data: NDArray[np.uint16]
    header: fits.Header
    truth: Truth

    def write(self, folder: Path) -> Path:
        """Write the frame to a folder under its object path, with the truth beside it.

        A ``.cr2`` has the same pixels upside down, within the camera's masked border.

        Returns
        -------
        Path
            The frame's file; the truth is at :func:`truth_path` of it.
        """
        path = Path(folder) / self.object_path.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.object_path.is_raw:
            write_cr2(path, self.data, self.header)
        else:
            self.hdus().writeto(path, overwrite=True)
        self.truth.write(truth_path(path))
        return path

    def hdus(self) -> fits.HDUList:
        """Return the frame as FITS, compressed as by fpack, in the second HDU, unless ``.fits``."""
        if self.object_path.suffix == ".fits":
            return fits.HDUList([fits.PrimaryHDU(self.data, self.header)])
        image = fits.CompImageHDU(self.data, self.header, compression_type="RICE_1")
        return fits.HDUList([fits.PrimaryHDU(), image])


def truth_path(path: Path) -> Path:
    """Return the path of a frame's truth: ``<stem>.truth.fits`` beside it."""
    return path.with_name(path.name.split(".")[0] + ".truth.fits")


def simulate(observation: Observation) -> Iterator[Frame]:
    """Yield the frames of an observation, each rendered on demand.

    The same observation always gives the same pixels, also for a single frame.
    """
    for index in range(observation.count):
        yield render_frame(observation, index)


def render_frame(observation: Observation, index: int) -> Frame:
    """Render one frame of an observation."""
    rng = observation.rng("frame", observation.image_id(index))
    exptime_s = round(observation.exptime_s + abs(rng.normal(0.4, 0.1)), 1)
    scene = build_scene(observation, index, exptime_s)
    light = scene.light_planes()
    return Frame(
        observation.object_path(index),
        read_out(light, rng),
        build_header(observation, index, exptime_s),
        Truth(
            scene.wcs,
            scene.star_table(mosaic(light)),
            scene.effects.conditions(),
            variable_table(observation.night.variables),
        ),
    )
