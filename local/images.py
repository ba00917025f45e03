"""The images that `make run` uploads, and the observation that it simulates."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

from simulator import Observation, simulate

SIMULATED_CR2_FRAMES = 3
"""Enough frames for a film."""
SIMULATED_FRAMES = SIMULATED_CR2_FRAMES + 1
_SECOND_CAMERA = "ee04d1"


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A file and the object path for its upload."""

    file: Path
    object_path: str


def simulated_observation(folder: Path) -> Iterator[ImageFile]:
    """Render a short observation that has just ended into `folder`, frame by frame.

    The first camera's frames are CR2; the second one's is FITS.
    """
    duration = timedelta(seconds=SIMULATED_CR2_FRAMES * Observation().cadence_s)
    start = (datetime.now(UTC) - duration).replace(microsecond=0)
    first = Observation(start=start, count=SIMULATED_CR2_FRAMES, suffix=".cr2")
    second = Observation(start=start, camera_id=_SECOND_CAMERA)
    for frame in chain(simulate(first), simulate(second)):
        yield ImageFile(frame.write(folder), frame.object_path.path)
