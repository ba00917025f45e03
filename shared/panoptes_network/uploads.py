"""The raw bucket that units upload to. Services that import this module get read access to it."""

from panoptes_network import storage
from panoptes_network.config import settings
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.ids import check_name
from panoptes_network.storage import StoredObject


def find_upload(path: str, bucket: str | None, generation: int | None) -> StoredObject:
    """Look up an upload; a request may name the raw bucket, but no other.

    Raises
    ------
    PermanentError
        With :attr:`Reason.BAD_REQUEST` for another bucket, :attr:`Reason.BAD_PATH` for an invalid
        object name, or as :func:`storage.find`.
    TransientError
        If storage is unavailable.
    """
    raw_bucket = settings().raw_bucket
    if bucket not in (None, raw_bucket):
        raise PermanentError(
            Reason.BAD_REQUEST, f"bucket: must be {raw_bucket}, which images are uploaded to"
        )
    check_name(path)
    return storage.find(raw_bucket, path, generation)
