"""The images that `make run` uploads: a simulated observation, or files of the user's own."""

import glob
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

from panoptes_network.byte_ranges import ranges_of
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.fits_header import read_image_header
from panoptes_network.header_values import clean_headers
from panoptes_network.ids import IMAGE_SUFFIXES, ObjectPath, image_suffix, parse_path
from panoptes_network.metadata import identify, image_path
from simulator import Observation, simulate

SIMULATED_CR2_FRAMES = 3
"""So many make a film."""
SIMULATED_FRAMES = SIMULATED_CR2_FRAMES + 1
_SECOND_CAMERA = "ee04d1"


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A file and the object path that a unit would upload it under."""

    file: Path
    object_path: str


def simulated_observation(folder: Path) -> Iterator[ImageFile]:
    """Render a short observation that has just ended into `folder`, frame by frame.

    The first camera's frames are CR2, as the camera writes them; the second one's is FITS.
    """
    duration = timedelta(seconds=SIMULATED_CR2_FRAMES * Observation().cadence_s)
    start = (datetime.now(UTC) - duration).replace(microsecond=0)
    first = Observation(start=start, count=SIMULATED_CR2_FRAMES, suffix=".cr2")
    second = Observation(start=start, camera_id=_SECOND_CAMERA)
    for frame in chain(simulate(first), simulate(second)):
        yield ImageFile(frame.write(folder), frame.object_path.path)


def matching_files(pattern: str) -> list[Path]:
    """Return the files that a shell pattern names (``**`` for any folders), in order."""
    # Path.glob takes no absolute pattern before Python 3.13.
    names = glob.glob(pattern, recursive=True)  # noqa: PTH207
    return [Path(name) for name in sorted(names) if Path(name).is_file()]


def name_image(file: Path) -> ImageFile:
    """Find out which image a file is: from the end of its path, else from its header.

    Raises
    ------
    PermanentError
        When it is neither CR2 nor FITS, or neither says which image it is.
    """
    suffix = image_suffix(file.name)
    if suffix is None:
        raise PermanentError(
            Reason.UNKNOWN_FILE_TYPE, f"none of the file types {', '.join(IMAGE_SUFFIXES)}"
        )
    path = _path_from_folders(file)
    if path is None and suffix == ".cr2":
        raise PermanentError(
            Reason.NO_IDENTITY,
            "a CR2 is named by its folders: PAN001/M42/14d3bd/20181011T134202/20181011T134333.cr2",
        )
    return ImageFile(file, (path or _path_from_header(file, suffix)).path)


def _path_from_folders(file: Path) -> ObjectPath | None:
    """Return the object path that `file` ends with, with or without a field; None for neither."""
    parts = file.absolute().parts
    for length in (4, 5):
        try:
            return parse_path("/".join(parts[-length:]))
        except PermanentError:
            continue
    return None


def _path_from_header(file: Path, suffix: str) -> ObjectPath:
    with file.open("rb") as opened:
        cards = read_image_header(ranges_of(opened)).cards
    path = image_path(identify(None, clean_headers(cards)), suffix)
    return parse_path(path.path)
