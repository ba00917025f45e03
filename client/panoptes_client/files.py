"""The files of an observation, as listed by the network."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

from panoptes_client.errors import NetworkError

FILM = "film"


class Facts(TypedDict):
    """A file in a response of the network."""

    bucket: str
    path: str
    url: str
    n_bytes: NotRequired[int | None]


class Image(TypedDict):
    """The files of an image in a response, by kind."""

    image_id: str
    files: dict[str, Facts]


class Observation(TypedDict):
    """The files of an observation in a response."""

    images: list[Image]
    film: NotRequired[Facts | None]
    light_curves: NotRequired[dict[str, Facts]]


@dataclass(frozen=True, slots=True)
class File:
    """A file of an image or of a whole observation.

    `kind` is ``raw`` (the FITS frame), ``processed`` (its solved copy), ``cr2``, ``red``,
    ``green``, ``blue``, ``picture``, ``preview`` or ``thumbnail``; files of whole observations are
    ``film``, ``light_curves`` (of all stars, Parquet) and ``light_curves_fits``. `n_bytes` is None
    if the size is not known in advance. `url` begins with a slash.
    """

    kind: str
    bucket: str
    path: str
    url: str
    image_id: str | None = None
    n_bytes: int | None = None

    def local_path(self, folder: Path) -> Path:
        """Return its path in `folder`: below its bucket's name, by its own path.

        Raises
        ------
        NetworkError
            If the path leads outside the folder.
        """
        top = folder.resolve()
        place = (top / self.bucket / self.path).resolve()
        if not place.is_relative_to(top) or place == top:
            raise NetworkError(f"{self.path!r} is outside {folder}")
        return place


def files_of(observation: Observation) -> Iterator[File]:
    """Return the files of an observation, image by image, then those of the observation."""
    for image in observation["images"]:
        for kind, facts in image["files"].items():
            yield _file(kind, facts, image["image_id"])
    if film := observation.get("film"):
        yield _file(FILM, film, None)
    for kind, facts in observation.get("light_curves", {}).items():
        yield _file(kind, facts, None)


def _file(kind: str, facts: Facts, image_id: str | None) -> File:
    return File(kind, facts["bucket"], facts["path"], facts["url"], image_id, facts.get("n_bytes"))
