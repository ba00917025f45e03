"""Products under former paths of their image or sequence.

An image that is uploaded again under another field has its products in another folder, given by the
newest upload. The transaction in which the newer upload takes over removes the older products
elsewhere from `image_files` and notes them, so that the sweep deletes the objects. Products of the
older upload that are made later, by a late event, are noted as well.
"""

from collections.abc import Iterable

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from panoptes_network.database.models import Image, ImageFile
from panoptes_network.database.operation_models import SupersededObject
from panoptes_network.ids import CameraTime, format_time, kept_path, replace_suffix
from panoptes_network.provenance import Origin
from panoptes_network.states import FileKind

_LOCK = 0x50414E32
"""Class of PostgreSQL's advisory locks; the image's id selects one."""


def note_superseded(session: Session, bucket: str, paths: Iterable[str], subject: str) -> None:
    """Note that an image or sequence, `subject`, no longer has these objects."""
    rows = [{"bucket": bucket, "path": path, "subject": subject} for path in sorted(set(paths))]
    if not rows:
        return
    again = insert(SupersededObject).on_conflict_do_update(
        index_elements=["bucket", "path"], set_={"subject": subject, "since": func.now()}
    )
    session.execute(again, rows)


def lock_files(session: Session, image_id: str) -> None:
    """Lock an image's files against other writers until the transaction ends.

    The image's row may not exist yet. If both locks are needed, lock the row first.
    """
    statement = text("SELECT pg_advisory_xact_lock(CAST(:key AS integer), hashtext(:image_id))")
    session.execute(statement, {"key": _LOCK, "image_id": image_id})


def leave_superseded(session: Session, image_id: str) -> None:
    """Remove an image's files that were made from an older upload elsewhere; note its products.

    Call this with the files locked.
    """
    image, files = files_of(session, image_id)
    for file in files:
        origin = Origin(image_id, file.source_path, file.source_generation)
        if is_superseded(origin, image, files):
            session.delete(file)
            if file.kind != FileKind.CR2:  # raw objects are never deleted
                note_superseded(session, file.bucket, [file.path], image_id)
    session.flush()


def files_of(session: Session, image_id: str) -> tuple[Image | None, list[ImageFile]]:
    """Return an image's row, or None, and the rows of its files."""
    image = session.scalars(select(Image).where(Image.image_id == image_id)).one_or_none()
    files = select(ImageFile).where(ImageFile.image_id == image_id).order_by(ImageFile.kind)
    return image, list(session.scalars(files.execution_options(populate_existing=True)))


def is_superseded(origin: Origin, image: Image | None, files: Iterable[ImageFile]) -> bool:
    """Return whether a newer upload of the image is in a different folder from this one.

    A FITS file made from a CR2 counts as that CR2, which is among the image's files, even if it is
    itself newer than a CR2 uploaded since.
    """
    uploads = {(file.source_path, file.source_generation) for file in files}
    if image is not None and image.bucket_path is not None and not image.from_cr2:
        uploads.add((image.bucket_path, image.generation))
    newer = [path for path, generation in uploads if generation > origin.generation]
    ours = folder_of(origin.path, origin.image_id, image)
    return any(folder_of(path, origin.image_id, image) != ours for path in newer)


def folder_of(path: str, image_id: str, image: Image | None) -> str:
    """Return the folder of the products of an image's upload."""
    sequence_id = image.sequence_id if image is not None else image_id
    return kept_path(path, image_id, sequence_id).path.rpartition("/")[0]


def sequence_path(sequence_id: str, first: tuple[str, str] | None, ending: str) -> str:
    """Return the path of a sequence's product in the processed bucket.

    Parameters
    ----------
    first : tuple of str, optional
        Id and object path of the sequence's first image, whose folder is used.
    ending : str
        Suffix after the sequence's time in the file name, such as ``.mp4``.
    """
    name = f"{format_time(CameraTime.parse(sequence_id).time)}{ending}"
    if first is None:
        return f"{sequence_id}/{name}"
    image_id, path = first
    return f"{kept_path(path, image_id, sequence_id).path.rpartition('/')[0]}/{name}"


def solved_path(path: str, image_id: str, sequence_id: str) -> str:
    """Return the path of an upload's solved file in the processed bucket."""
    return replace_suffix(kept_path(path, image_id, sequence_id).path, ".fits.fz")
