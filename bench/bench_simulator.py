"""Seconds to render and write one full frame, stage by stage, beside other ways to do it.

``python bench/bench_simulator.py``: the peer for the drawing of stars is astropy's
``Gaussian2D.render`` star by star, as image simulators built on astropy do it; it is timed on a
part of the stars. The floor is what no renderer can leave out: one Gaussian number a pixel, and
the compressed file. A CR2 is held against LibRaw's reading of the same file.
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
import rawpy
import table
from astropy.io import fits
from astropy.modeling.models import Gaussian2D
from stopwatch import timed

from simulator import Observation
from simulator.cr2 import write_cr2
from simulator.detector import read_out
from simulator.frame import render_frame
from simulator.header import build_header
from simulator.optics import CORE_SIGMA_PX, WING_SIGMA_PX
from simulator.render import mosaic
from simulator.scene import Scene, build_scene

T = TypeVar("T")
PEER_STARS = 2000
REPEATS = 3


def least(work: Callable[[], T]) -> tuple[float, T]:
    """Return the least seconds of some runs, and what the last gave."""
    runs = [timed(work) for _ in range(REPEATS)]
    return min(seconds.wall for seconds, _ in runs), runs[-1][1]


def draw_star_by_star(scene: Scene) -> None:
    """Draw some stars with astropy's models: three Gaussians each, on the mosaic."""
    height, width = scene.observation.height, scene.observation.width
    image, spots = np.zeros((height, width)), scene.spots["G"]
    inside = (spots.x > 40) & (spots.x < width - 40) & (spots.y > 40) & (spots.y < height - 40)
    chosen = np.flatnonzero(inside)[:PEER_STARS]
    for x, y, flux in zip(*(c[chosen] for c in (spots.x, spots.y, spots.flux_adu)), strict=True):
        for sigma in (CORE_SIGMA_PX["G"], *WING_SIGMA_PX):
            model = Gaussian2D(flux, x, y, sigma, sigma)
            model.bounding_box = ((y - 8, y + 8), (x - 8, x + 8))
            model.render(image)


def floor(data: np.ndarray[tuple[int, ...], np.dtype[np.uint16]], path: Path) -> None:
    """Draw the noise of a frame and write the frame compressed: nothing else."""
    np.random.default_rng(0).standard_normal(data.shape, dtype=np.float32)
    fits.CompImageHDU(data, compression_type="RICE_1").writeto(path, overwrite=True)


def unpack(path: Path) -> None:
    """Let LibRaw read the pixels of a raw file."""
    with rawpy.imread(str(path)) as raw:
        raw.unpack()


def main() -> None:
    """Print the table."""
    observation = Observation(count=2)
    first, _ = timed(lambda: render_frame(observation, 0))
    stages = {}
    stages["scene: stars, projection, sky"], scene = least(
        lambda: build_scene(observation, 1, 120.4)
    )
    stages["light of the stars"], light = least(scene.light_planes)
    stages["noise and black level"], data = least(lambda: read_out(light, np.random.default_rng(0)))
    stages["table of the truth"], _ = least(lambda: scene.star_table(mosaic(light)))
    stages["header"], _ = least(lambda: build_header(observation, 1, 120.4))
    frame = render_frame(observation, 1)
    with TemporaryDirectory() as folder:
        stages["write frame and truth"], _ = least(lambda: frame.write(Path(folder)))
        floor_s, _ = least(lambda: floor(data, Path(folder) / "floor.fits.fz"))
        cr2 = Path(folder) / "frame.cr2"
        cr2_s, _ = least(lambda: write_cr2(cr2, frame.data, frame.header))
        unpack_s, _ = least(lambda: unpack(cr2))
    peer_s, _ = least(lambda: draw_star_by_star(scene))
    peer_star_s = peer_s / PEER_STARS
    star_s = stages["light of the stars"] / scene.stars.size
    total = sum(stages.values())
    table.heading(f"one frame of 5208x3476 with {scene.stars.size:,} stars")
    table.line("ours, the field known", total)
    for name, seconds in stages.items():
        table.line(name, seconds, depth=2)
    table.line("ours, the first of a field", first.wall)
    table.line("floor: noise, and Rice by astropy", floor_s)
    table.line(f"peer: {PEER_STARS:,} of the stars by Gaussian2D.render", peer_s)
    table.line("ours: the same frame as CR2", cr2_s)
    table.line("floor: LibRaw's unpacking of it", unpack_s)
    table.ratio("ours / floor", total / floor_s)
    table.ratio("ours / floor, CR2", cr2_s / unpack_s)
    table.ratio("peer / ours, light of a star", peer_star_s / star_s)


if __name__ == "__main__":
    main()
