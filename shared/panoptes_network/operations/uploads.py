"""Which objects of the raw bucket nothing has come of, as far as the database knows."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from sqlalchemy import select
from sqlalchemy.orm import Session, load_only

from panoptes_network.database.models import FileKind, Image, ImageFile, ImageState
from panoptes_network.ids import ObjectPath
from panoptes_network.operations.about import image_path
from panoptes_network.operations.history import Past, pasts
from panoptes_network.origin import Origin
from panoptes_network.storage import StoredObject

PRODUCTS = frozenset(FileKind) - {FileKind.CR2}
PICTURES = frozenset({FileKind.PICTURE, FileKind.THUMBNAIL})
"""What is made of a FITS file that a unit uploaded."""


class Missing(Enum):
    """What there is not of an object: any trace, or some of what is made of it."""

    ALL = auto()
    PRODUCTS = auto()


@dataclass(frozen=True, slots=True)
class Upload:
    """An image in the raw bucket."""

    path: ObjectPath
    stored: StoredObject

    @property
    def image_id(self) -> str:
        """Its image's id."""
        return str(self.path.image_id)

    @property
    def noted_as(self) -> str:
        """How the services note this file when they refuse it."""
        return f"generation {self.stored.generation}"

    @property
    def rank(self) -> tuple[bool, int]:
        """What the file that an image's row describes has the most of; see `record_image`."""
        origin = Origin.of(self.stored)
        return origin is None or not origin.is_cr2, self.stored.generation


@dataclass(frozen=True, slots=True)
class Lost:
    """An upload that nothing, or not all, has come of; `state` is the image's as far as known."""

    upload: Upload
    missing: Missing
    past: Past
    state: str


def uploads_among(objects: Iterable[StoredObject]) -> list[Upload]:
    """Return the images among objects; pointing images and strangers are left out."""
    found = ((image_path(stored.path), stored) for stored in objects)
    return [Upload(path, stored) for path, stored in found if path is not None]


def find_lost(session: Session, uploads: Sequence[Upload]) -> list[Lost]:
    """Return which of these uploads the database does not know all of, or a refusal."""
    ids = {upload.image_id for upload in uploads}
    known_of = load_only(Image.image_id, Image.generation, Image.from_cr2, Image.state)
    found = session.scalars(select(Image).options(known_of).where(Image.image_id.in_(ids)))
    images = {image.image_id: image for image in found}
    files = defaultdict(list)
    for file in session.scalars(select(ImageFile).where(ImageFile.image_id.in_(ids))):
        files[file.image_id].append(file)
    known = pasts(session, [upload.stored.path for upload in uploads])
    lost = []
    for upload in uploads:
        past, image = known[upload.stored.path], images.get(upload.image_id)
        missing = _missing(upload, image, files[upload.image_id])
        if missing and upload.noted_as not in past.refused:
            state = image.state if image else ImageState.METADATA_RECEIVED
            lost.append(Lost(upload, missing, past, state))
    return lost


def _missing(upload: Upload, image: Image | None, files: Sequence[ImageFile]) -> Missing | None:
    has_fits = image is not None and image.generation > 0
    if not upload.path.is_raw:
        return _missing_of_fits(upload, image, files)
    ours = [file for file in files if _is_of_cr2(file, upload.stored)]
    if has_fits and {file.kind for file in ours} >= PRODUCTS:
        return None
    is_seen = has_fits or any(file.kind == FileKind.CR2 for file in ours)
    return Missing.PRODUCTS if is_seen else Missing.ALL


def _missing_of_fits(
    upload: Upload, image: Image | None, files: Sequence[ImageFile]
) -> Missing | None:
    """Return what there is not of a FITS file; of one made of a CR2, the CR2 has the pictures."""
    if image is None or image.generation <= 0 or _rank(image) < upload.rank:
        return Missing.ALL
    is_shown = _rank(image) == upload.rank and not image.from_cr2
    if not is_shown or image.state == ImageState.ERROR:
        return None
    ours = {file.kind for file in files if _is_of_fits(file, upload.stored)}
    return None if ours >= PICTURES else Missing.PRODUCTS


def _rank(image: Image) -> tuple[bool, int]:
    return not image.from_cr2, image.generation


def _is_of_fits(file: ImageFile, stored: StoredObject) -> bool:
    """Return whether a file was made of this FITS file, of a newer one, or of the CR2."""
    return file.source_generation >= stored.generation or file.source_path.lower().endswith(".cr2")


def _is_of_cr2(file: ImageFile, stored: StoredObject) -> bool:
    """Return whether a file was made of this CR2, of a newer one, or of another of its image."""
    return file.source_generation >= stored.generation and file.source_path.lower().endswith(".cr2")
