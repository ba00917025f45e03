"""Satellites that cross a frame during its exposure."""

import numpy as np
from numpy.typing import NDArray

from simulator.detector import REFERENCE_EXPTIME_S, star_flux_adu
from simulator.observation import FULL_HEIGHT, FULL_WIDTH, Observation
from simulator.optics import outward
from simulator.render import DRAW_MARGIN_PX, Spots

Float64 = NDArray[np.float64]

MAG = (4.0, 8.0)
"""Brightness of a satellite, Gaia G; guessed."""
SPEED_PX_PER_S = (100.0, 350.0)
"""A third of a degree to one degree a second: low orbits."""
SUNLIGHT_BP_RP_MAG = 0.82
STEP_PX = 0.7


def satellite_trails(observation: Observation, index: int) -> dict[str, Spots]:
    """Return the trails across frame `index` as close rows of spots, by colour.

    Their number follows from ``night.satellites`` and the frame's share of the sensor. Most
    frames have none: the spots are empty then.
    """
    rng = observation.night_rng("satellites", index)
    shape = observation.height, observation.width
    share = max(shape[0] / FULL_HEIGHT, shape[1] / FULL_WIDTH)
    number = int(rng.poisson(observation.night.satellites * share))
    trails = [_trail(rng, shape) for _ in range(number)]
    x, y, mag = np.concatenate([np.empty((3, 0)), *trails], axis=1)
    colour = np.full(mag.shape, SUNLIGHT_BP_RP_MAG)
    return {
        pixels: Spots(x, y, *outward(x, y, shape), star_flux_adu(pixels, mag, colour))
        for pixels in ("R", "G", "B")
    }


def _trail(rng: np.random.Generator, shape: tuple[int, int]) -> Float64:
    """Return x, y and G of points along a line through a random place, shape (3, n).

    A point shines as a star of its magnitude does in a whole exposure of 120 s.
    """
    middle_x, middle_y = rng.uniform(0, shape[1]), rng.uniform(0, shape[0])
    angle = rng.uniform(0, np.pi)
    seconds = STEP_PX / rng.uniform(*SPEED_PX_PER_S)
    mag = rng.uniform(*MAG) - 2.5 * np.log10(seconds / REFERENCE_EXPTIME_S)
    half = np.hypot(*shape) + DRAW_MARGIN_PX
    along = np.arange(-half, half, STEP_PX)
    x, y = middle_x + along * np.cos(angle), middle_y + along * np.sin(angle)
    margin = DRAW_MARGIN_PX - 1
    inside = (x > -margin) & (x < shape[1] + margin) & (y > -margin) & (y < shape[0] + margin)
    return np.array([x[inside], y[inside], np.full(int(inside.sum()), mag)])
