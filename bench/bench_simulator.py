"""Seconds to render and write one full frame, stage by stage, beside other ways to do it.

Run as ``python bench/bench_simulator.py`` with ``shared`` and the root on PYTHONPATH. The peer
for the drawing of stars is astropy's ``Gaussian2D.render`` star by star, as image simulators
built on astropy do it; it is timed on a part of the stars. The floor is what no renderer can
leave out: one Gaussian number a pixel, and the compressed file.
"""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
from astropy.io import fits
from astropy.modeling.models import Gaussian2D

from simulator import Observation
from simulator.detector import read_out
from simulator.frame import render_frame
from simulator.header import build_header
from simulator.optics import CORE_SIGMA_PX, WING_SIGMA_PX
from simulator.render import mosaic
from simulator.scene import Scene, build_scene

T = TypeVar("T")
PEER_STARS = 2000
REPEATS = 3


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Return the least seconds of some runs, and what the last gave."""
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return min(seconds), result


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


def main() -> None:
    """Print the table."""
    observation = Observation(count=2)
    start = time.perf_counter()
    render_frame(observation, 0)
    first = time.perf_counter() - start
    stages = {}
    stages["scene: stars, projection, sky"], scene = timed(
        lambda: build_scene(observation, 1, 120.4)
    )
    stages["light of the stars"], light = timed(scene.light_planes)
    stages["noise and black level"], data = timed(lambda: read_out(light, np.random.default_rng(0)))
    stages["table of the truth"], _ = timed(lambda: scene.star_table(mosaic(light)))
    stages["header"], _ = timed(lambda: build_header(observation, 1, 120.4))
    frame = render_frame(observation, 1)
    with TemporaryDirectory() as folder:
        stages["write frame and truth"], _ = timed(lambda: frame.write(Path(folder)))
        floor_s, _ = timed(lambda: floor(data, Path(folder) / "floor.fits.fz"))
    peer_s, _ = timed(lambda: draw_star_by_star(scene))
    total = sum(stages.values())
    for name, seconds in stages.items():
        print(f"{name:32s} {seconds:7.2f} s")
    stars = scene.stars.size
    ratio = (peer_s / PEER_STARS) / (stages["light of the stars"] / stars)
    print(f"{'one frame, the field known':32s} {total:7.2f} s  {total / floor_s:.1f}x the floor")
    print(f"{'render the first of a field':32s} {first:7.2f} s")
    print(f"{'floor: noise + Rice by astropy':32s} {floor_s:7.2f} s")
    print(f"{stars} stars; a star costs 1/{ratio:.0f} of astropy's Gaussian2D.render")


if __name__ == "__main__":
    main()
