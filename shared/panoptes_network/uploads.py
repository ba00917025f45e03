"""The raw bucket, where units upload to."""

from pathlib import Path

from panoptes_network import storage
from panoptes_network.config import settings
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.storage import StoredObject

MAX_FRAME_BYTES = 64_000_000
"""Three times a CR2 of a PANOPTES camera, and more than its frame as plain FITS."""


def find_upload(path: str, bucket: str | None, generation: int | None) -> StoredObject:
    """Look up what a unit uploaded; a request may name the raw bucket, but none other.

    Raises
    ------
    PermanentError
        With :attr:`Reason.BAD_REQUEST` for another bucket, or as :func:`storage.find`.
    TransientError
        When storage is away.
    """
    raw_bucket = settings().raw_bucket
    if bucket not in (None, raw_bucket):
        raise PermanentError(
            Reason.BAD_REQUEST, f"bucket: images are received in {raw_bucket} only"
        )
    return storage.find(raw_bucket, path, generation)


def fetch(stored: StoredObject, target: Path) -> None:
    """Download a frame's file.

    Raises
    ------
    PermanentError
        OBJECT_MISSING, or TOO_LARGE for a file that is larger than any frame's.
    TransientError
        When storage is away.
    """
    if stored.size > MAX_FRAME_BYTES:
        raise PermanentError(
            Reason.TOO_LARGE,
            f"{stored.size} bytes; a frame has at most {MAX_FRAME_BYTES}",
        )
    storage.download(stored, target)
