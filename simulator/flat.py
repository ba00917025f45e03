"""Pixel response of a camera: a flat field without vignetting."""

from functools import lru_cache

import numpy as np

from simulator.observation import FULL_HEIGHT, FULL_WIDTH, Observation
from simulator.render import BAYER_CELL, Float32


def response_planes(observation: Observation) -> list[Float32]:
    """Return the pixels' relative sensitivity on each plane of the Bayer cell, mean 1.

    It belongs to the camera: a pixel has the same response in every frame of every size.
    """
    height, width = observation.height, observation.width
    top, left = (FULL_HEIGHT - height) // 2, (FULL_WIDTH - width) // 2
    sensor = _sensor(observation.seed, observation.camera_id)
    middle = sensor[top : top + height, left : left + width]
    response = 1 + np.float32(observation.night.pixel_response) * middle
    return [response[bayer.y :: 2, bayer.x :: 2] for bayer in BAYER_CELL]


@lru_cache(maxsize=2)
def _sensor(seed: int, camera_id: str) -> Float32:
    rng = np.random.default_rng([seed, int(camera_id, 16), 0x464C4154])
    pixels = rng.standard_normal((FULL_HEIGHT, FULL_WIDTH), dtype=np.float32)
    pixels.setflags(write=False)
    return pixels
