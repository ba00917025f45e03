"""What the unit uploads: small good frames as FITS and CR2, and bad ones with their reasons."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from simulator import Conditions, Observation, simulate

FITS = Observation(width=900, height=700, suffix=".fits.fz", cadence_s=120)
SEQUENCE_FRAMES = 10
CR2_SHARE = 5
"""Every so many sequences are uploaded as CR2."""


@dataclass(frozen=True)
class Item:
    """One upload, and how its image has to end: the reason code, none for a good one."""

    path: str
    image_id: str
    data: bytes
    reason: str | None = None

    @property
    def state(self) -> str:
        """The state its image ends in."""
        if self.reason is None:
            return "sources_extracted"
        return "unsolved" if self.reason == "blank_frame" else "error"


def frames(sequences: int) -> Iterator[Item]:
    """Yield the frames of so many sequences, every fifth of CR2, and four bad files in each ten."""
    for number in range(sequences):
        suffix = ".cr2" if number % CR2_SHARE == CR2_SHARE - 1 else ".fits.fz"
        start = FITS.start + timedelta(hours=number)
        observation = replace(FITS, suffix=suffix, start=start, count=SEQUENCE_FRAMES)
        yield from _rendered(observation)
        if number % 2 == 0:
            yield from _bad(observation)


def _rendered(observation: Observation, reason: str | None = None) -> Iterator[Item]:
    for index, frame in enumerate(simulate(observation)):
        with TemporaryDirectory() as folder:
            data = frame.write(Path(folder)).read_bytes()
        yield Item(frame.object_path.path, observation.image_id(index), data, reason)


def _bad(observation: Observation) -> Iterator[Item]:
    """Yield files that cannot be processed, as images of the same sequence."""
    good = next(_rendered(replace(observation, count=1)))
    cut = "truncated"
    blank = replace(observation, count=1, suffix=".fits.fz", conditions=Conditions.BLANK)
    [dark] = _rendered(blank, "blank_frame")
    yield _renamed(observation, good.data[: len(good.data) // 2], cut, 1, observation.suffix)
    yield _renamed(observation, b"", "empty_file", 2, ".fits")
    yield _renamed(observation, b"no FITS", "not_fits", 3, ".fits")
    yield _renamed(observation, dark.data, "blank_frame", 4, ".fits.fz")


def _renamed(observation: Observation, data: bytes, reason: str, minute: int, suffix: str) -> Item:
    """Return a file under a time of its own, behind the sequence's frames."""
    late = replace(observation, suffix=suffix)
    index = SEQUENCE_FRAMES + minute
    return Item(late.object_path(index).path, late.image_id(index), data, reason)
