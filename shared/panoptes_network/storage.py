"""Objects in buckets: find, read ranges, download, upload, delete; errors are classified."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

import requests
from google.api_core.exceptions import (
    GoogleAPICallError,
    NotFound,
    PreconditionFailed,
    RetryError,
)
from google.auth.exceptions import TransportError
from google.cloud import storage

from panoptes_network import gzip_files
from panoptes_network.config import settings
from panoptes_network.errors import PermanentError, Reason, TransientError


class Patience(NamedTuple):
    """Time limits for storage, in seconds.

    Attributes
    ----------
    connect_s : float
        Limit for connecting.
    silence_s : float
        Limit for the next bytes.
    tries_s : float
        No further attempt starts after this time.
    """

    connect_s: float
    silence_s: float
    tries_s: float

    @property
    def longest_s(self) -> float:
        """Longest time of a call if storage does not respond."""
        return self.tries_s + self.connect_s + self.silence_s

    def options(self) -> dict[str, object]:
        """Return the keyword options for the client's calls."""
        retry = storage.retry.DEFAULT_RETRY.with_timeout(self.tries_s)
        return {"timeout": (self.connect_s, self.silence_s), "retry": retry}


PATIENT = Patience(connect_s=5, silence_s=20, tries_s=20)
"""Limits for functions and workers, where no reader waits."""


@cache
def client() -> storage.Client:
    """Return this process's client; with STORAGE_EMULATOR_HOST it uses a local server.

    It does not look up buckets in a background thread for unused traces: a service may have the
    right to read objects but not buckets.
    """
    os.environ["DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA"] = "true"
    return storage.Client(project=settings().google_cloud_project)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One generation of an object, its stored size in bytes, and its metadata."""

    bucket: str
    path: str
    generation: int
    size: int
    metadata: Mapping[str, str] = field(default_factory=dict)
    created: datetime | None = field(default=None, compare=False)
    content_encoding: str | None = field(default=None, compare=False)


def find(
    bucket: str, path: str, generation: int | None = None, patience: Patience | None = None
) -> StoredObject:
    """Look up an object; without a `generation`, its newest.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`: the object does not exist, or this generation has been
        overwritten.
    TransientError
        If storage is unavailable.
    """
    blob = client().bucket(bucket).blob(path)
    with _faults(path):
        blob.reload(**(patience or PATIENT).options())
    if generation is not None and generation != blob.generation:
        raise PermanentError(
            Reason.OBJECT_MISSING,
            f"generation {generation} of {path} was replaced by {blob.generation}",
        )
    return _stored(blob)


def find_if_there(bucket: str, path: str) -> StoredObject | None:
    """Look up the newest generation of an object; None if there is none.

    Raises
    ------
    TransientError
        If storage is unavailable.
    """
    try:
        return find(bucket, path)
    except PermanentError:
        return None


def has_bucket(bucket: str) -> bool:
    """Return whether there is a bucket of this name.

    Raises
    ------
    TransientError
        If storage is unavailable.
    """
    with _faults(bucket):
        return bool(client().bucket(bucket).exists(**PATIENT.options()))


def find_all(bucket: str, prefix: str) -> list[StoredObject]:
    """Return the newest generation of each object whose name begins with `prefix`.

    Raises
    ------
    TransientError
        If storage is unavailable.
    """
    with _faults(prefix):
        blobs = client().list_blobs(bucket, prefix=prefix, **PATIENT.options())
        return [_stored(blob) for blob in blobs]


def pages(bucket: str, start: str, size: int) -> Iterator[list[StoredObject]]:
    """Yield all objects of a bucket from the name `start` on, in order of their names.

    Each page has up to `size` objects, and only one page is held at a time.

    Raises
    ------
    TransientError
        If storage is unavailable.
    """
    with _faults(start):
        found = client().list_blobs(bucket, start_offset=start, page_size=size, **PATIENT.options())
        for page in found.pages:
            yield [_stored(blob) for blob in page]


def read_range(
    stored: StoredObject, start: int, length: int, patience: Patience | None = None
) -> bytes:
    """Return up to `length` stored bytes from `start`; none past the object's end."""
    end = min(start + length, stored.size)
    if start >= end:
        return b""
    with _faults(stored.path):
        data = _blob(stored).download_as_bytes(
            start=start,
            end=end - 1,
            raw_download=True,
            checksum=None,
            **(patience or PATIENT).options(),
        )
    return bytes(data)


def download(stored: StoredObject, target: Path, max_bytes: int | None = None) -> None:
    """Download an object to the file `target`, verify its checksum, and unpack gzip.

    Raises
    ------
    PermanentError
        OBJECT_MISSING; TOO_LARGE for more than `max_bytes`, stored or unpacked;
        DAMAGED_FILE or TRUNCATED for damaged gzip.
    TransientError
        If storage is unavailable.
    """
    if max_bytes is not None and stored.size > max_bytes:
        raise PermanentError(
            Reason.TOO_LARGE, f"the file has {stored.size} bytes, more than {max_bytes}"
        )
    with _faults(stored.path):
        _blob(stored).download_to_filename(str(target), raw_download=True, **PATIENT.options())
    gzip_files.unpack(target, max_bytes or gzip_files.MAX_UNPACKED_BYTES)


def upload(
    bucket: str,
    path: str,
    source: Path,
    metadata: Mapping[str, str],
    *,
    content_type: str = "application/fits",
    over_generation: int | None = None,
) -> StoredObject:
    """Upload the file `source` as an object, replacing an existing one.

    Parameters
    ----------
    over_generation : int, optional
        Replace only this generation; 0 means that the object must not exist.

    Raises
    ------
    TransientError
        If storage is unavailable or another generation exists: look again and decide again.
    """
    blob = client().bucket(bucket).blob(path)
    blob.metadata = dict(metadata)
    with _faults(path):
        blob.upload_from_filename(
            str(source),
            content_type=content_type,
            **PATIENT.options(),
            if_generation_match=over_generation,
        )
    return _stored(blob)


def delete(stored: StoredObject) -> bool:
    """Delete exactly this generation of an object; return False and keep it if a newer one exists.

    Raises
    ------
    TransientError
        If storage is unavailable.
    """
    blob = client().bucket(stored.bucket).blob(stored.path)
    with _faults(stored.path):
        try:
            blob.delete(**PATIENT.options(), if_generation_match=stored.generation)
        except NotFound:
            return True
        except PreconditionFailed:
            return False
    return True


def _stored(blob: storage.Blob) -> StoredObject:
    return StoredObject(
        blob.bucket.name,
        blob.name,
        int(blob.generation),
        int(blob.size),
        blob.metadata or {},
        blob.time_created,
        blob.content_encoding,
    )


def _blob(stored: StoredObject) -> storage.Blob:
    return client().bucket(stored.bucket).blob(stored.path, generation=stored.generation)


@contextmanager
def _faults(path: str) -> Iterator[None]:
    """Classify the client's errors as permanent or transient."""
    try:
        yield
    except NotFound as error:
        raise PermanentError(Reason.OBJECT_MISSING, f"there is no object {path}") from error
    except PreconditionFailed as error:
        raise TransientError(f"{path} was written by another process at the same time") from error
    except (
        GoogleAPICallError,
        RetryError,
        TransportError,
        requests.RequestException,
        ConnectionError,
    ) as error:
        raise TransientError(f"storage is unavailable: {error}") from error
