"""Objects of the raw bucket compared with the database: known, incomplete and unknown ones."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from sqlalchemy import select
from sqlalchemy.orm import Session, load_only

from panoptes_network.companions import is_companion
from panoptes_network.database.models import Image, ImageEvent, ImageFile
from panoptes_network.database.superseded import is_superseded
from panoptes_network.ids import image_suffix
from panoptes_network.operations.history import Past, pasts
from panoptes_network.operations.message_subject import image_path
from panoptes_network.provenance import Origin
from panoptes_network.states import FileKind, ImageState
from panoptes_network.storage import StoredObject

PRODUCTS = frozenset(FileKind) - {FileKind.CR2, FileKind.PREVIEW}
"""Products that an image must have. A preview is made between picture and thumbnail: images that
lack it alone are older than previews, and are left as they are.
"""
PICTURES = frozenset({FileKind.PICTURE, FileKind.THUMBNAIL})
"""Products of a FITS file uploaded by a unit."""
UNSHOWN = (ImageState.ERROR, ImageState.SKIPPED)
"""Images without pictures."""


class Missing(Enum):
    """Missing results of an object: any trace, or some of its products."""

    ALL = auto()
    PRODUCTS = auto()


class Group(StrEnum):
    """Group of an object in the raw bucket; each object is in one.

    `WAITING` objects arrived within the grace period, or were resent and are not known yet; `LOST`
    ones should be known by now.
    """

    IMAGE = "images"
    COMPANION = "companions"
    REFUSED = "refused"
    WAITING = "waiting"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Upload:
    """An object in the raw bucket; `image_id` is None if its image is unknown."""

    stored: StoredObject
    image_id: str | None

    @property
    def name(self) -> str:
        """Its name in lists: its image id, or its path."""
        return self.image_id or self.stored.path

    @property
    def is_raw(self) -> bool:
        """Whether it is a camera raw file, which goes to the converters."""
        return image_suffix(self.stored.path) == ".cr2"

    @property
    def origin(self) -> Origin:
        """The origin that its products carry; for a file made from a CR2, that CR2."""
        itself = Origin(self.image_id or "", self.stored.path, self.stored.generation)
        return Origin.of(self.stored) or itself

    @property
    def noted_as(self) -> str:
        """Name of this file in the services' refusals."""
        return f"generation {self.stored.generation}"

    @property
    def rank(self) -> tuple[bool, int]:
        """Rank of an image's file; the highest one is in the image's row; see `record_image`."""
        return not self.origin.is_cr2, self.stored.generation


@dataclass(frozen=True, slots=True)
class Judged:
    """An upload's status in the database.

    `missing` names its missing results. It is also None for a refused upload, whose code is
    `reason`. `state` is its image's state if known.
    """

    upload: Upload
    past: Past
    missing: Missing | None
    state: str
    reason: str | None = None

    @property
    def group(self) -> Group:
        """Its group, before the time since its arrival is considered."""
        if self.missing is Missing.ALL:
            return Group.LOST
        is_image = self.upload.image_id is not None
        return Group.IMAGE if is_image else Group.REFUSED


def companions_among(objects: Iterable[StoredObject]) -> list[StoredObject]:
    """Return the objects that are known companion files."""
    return [stored for stored in objects if is_companion(stored.path, stored.size)]


def judge(session: Session, objects: Sequence[StoredObject]) -> list[Judged]:
    """Return what the database knows about each of these objects, none of which is a companion."""
    uploads = _identified(session, objects)
    ids = {upload.image_id for upload in uploads}
    known_of = load_only(
        Image.image_id,
        Image.sequence_id,
        Image.bucket_path,
        Image.generation,
        Image.from_cr2,
        Image.state,
    )
    found = session.scalars(select(Image).options(known_of).where(Image.image_id.in_(ids)))
    images: dict[str | None, Image] = {image.image_id: image for image in found}
    files = defaultdict(list)
    for file in session.scalars(select(ImageFile).where(ImageFile.image_id.in_(ids))):
        files[file.image_id].append(file)
    known = pasts(session, [upload.stored.path for upload in uploads])
    judged = []
    for upload in uploads:
        past, image = known[upload.stored.path], images.get(upload.image_id)
        reason = past.refused.get(upload.noted_as)
        own = files[upload.image_id] if upload.image_id else []
        missing = None if reason else _missing(upload, image, own)
        state = image.state if image else ImageState.METADATA_RECEIVED
        judged.append(Judged(upload, past, missing, state, reason))
    return judged


def _identified(session: Session, objects: Sequence[StoredObject]) -> list[Upload]:
    """Return the objects with the ids in their paths, or else those they are recorded under."""
    paths = {stored.path: image_path(stored.path) for stored in objects}
    strangers = [path for path, parsed in paths.items() if parsed is None]
    query = (
        select(ImageEvent.bucket_path, ImageEvent.image_id)
        .where(ImageEvent.bucket_path.in_(strangers), ImageEvent.image_id.is_not(None))
        .order_by(ImageEvent.event_id)
    )
    recorded = {row.bucket_path: row.image_id for row in session.execute(query)}
    return [
        Upload(stored, path.image_id if path else recorded.get(stored.path))
        for stored in objects
        for path in [paths[stored.path]]
    ]


def _missing(upload: Upload, image: Image | None, files: Sequence[ImageFile]) -> Missing | None:
    if upload.image_id is not None and is_superseded(upload.origin, image, files):
        return None
    if not upload.is_raw or upload.image_id is None:
        return _missing_of_fits(upload, image, files)
    has_fits = image is not None and image.generation > 0
    ours = [file for file in files if _is_of_cr2(file, upload.stored)]
    if has_fits and {file.kind for file in ours} >= PRODUCTS:
        return None
    is_seen = has_fits or any(file.kind == FileKind.CR2 for file in ours)
    return Missing.PRODUCTS if is_seen else Missing.ALL


def _missing_of_fits(
    upload: Upload, image: Image | None, files: Sequence[ImageFile]
) -> Missing | None:
    """Return the missing results of a FITS file; pictures belong to the CR2 if there is one."""
    if image is None or image.generation <= 0 or _rank(image) < upload.rank:
        return Missing.ALL
    is_shown = _rank(image) == upload.rank and not image.from_cr2
    if not is_shown or image.state in UNSHOWN:
        return None
    ours = {file.kind for file in files if _is_of_fits(file, upload.stored)}
    return None if ours >= PICTURES else Missing.PRODUCTS


def _rank(image: Image) -> tuple[bool, int]:
    return not image.from_cr2, image.generation


def _is_of_fits(file: ImageFile, stored: StoredObject) -> bool:
    """Return whether a file was made from this FITS file, a newer one, or the CR2."""
    return file.source_generation >= stored.generation or file.source_path.lower().endswith(".cr2")


def _is_of_cr2(file: ImageFile, stored: StoredObject) -> bool:
    """Return whether a file was made from this CR2, a newer one, or another one of its image."""
    return file.source_generation >= stored.generation and file.source_path.lower().endswith(".cr2")
