"""Objects in buckets: looked at, read in ranges, downloaded, written; faults told apart."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import requests
from google.api_core.exceptions import GoogleAPICallError, NotFound, RetryError
from google.auth.exceptions import TransportError
from google.cloud import storage

from panoptes_network.config import settings
from panoptes_network.errors import PermanentError, Reason, TransientError

TIMEOUT_S = (5, 120)
"""Seconds to connect, and to wait for bytes."""

_RETRY = storage.retry.DEFAULT_RETRY.with_timeout(20)


@cache
def client() -> storage.Client:
    """Return this process's client; STORAGE_EMULATOR_HOST leads it to a local server."""
    return storage.Client(project=settings().google_cloud_project)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One generation of an object, and its size in bytes."""

    bucket: str
    path: str
    generation: int
    size: int


def find(bucket: str, path: str, generation: int | None = None) -> StoredObject:
    """Look an object up; without a `generation`, its newest.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`: there is no such object, or this generation of it
        has been overwritten.
    TransientError
        When storage is away.
    """
    blob = client().bucket(bucket).blob(path)
    with _faults(path):
        blob.reload(timeout=TIMEOUT_S, retry=_RETRY)
    if generation is not None and generation != blob.generation:
        raise PermanentError(
            Reason.OBJECT_MISSING,
            f"generation {generation} of {path} is gone, {blob.generation} is there now",
        )
    return StoredObject(bucket, path, int(blob.generation), int(blob.size))


def read_range(stored: StoredObject, start: int, length: int) -> bytes:
    """Return up to `length` bytes from `start`; nothing behind the object's end."""
    end = min(start + length, stored.size)
    if start >= end:
        return b""
    with _faults(stored.path):
        data = _blob(stored).download_as_bytes(
            start=start, end=end - 1, timeout=TIMEOUT_S, retry=_RETRY, checksum=None
        )
    return bytes(data)


def download(stored: StoredObject, target: Path) -> None:
    """Write an object to the file `target`, checking its checksum."""
    with _faults(stored.path):
        _blob(stored).download_to_filename(str(target), timeout=TIMEOUT_S, retry=_RETRY)


def upload(bucket: str, path: str, source: Path, metadata: dict[str, str]) -> None:
    """Write the file `source` as an object, over what was there."""
    blob = client().bucket(bucket).blob(path)
    blob.metadata = metadata
    with _faults(path):
        blob.upload_from_filename(
            str(source), content_type="application/fits", timeout=TIMEOUT_S, retry=_RETRY
        )


def _blob(stored: StoredObject) -> storage.Blob:
    return client().bucket(stored.bucket).blob(stored.path, generation=stored.generation)


@contextmanager
def _faults(path: str) -> Iterator[None]:
    """Turn the client's errors into the two kinds that a service knows."""
    try:
        yield
    except NotFound as error:
        raise PermanentError(Reason.OBJECT_MISSING, f"there is no object {path}") from error
    except (
        GoogleAPICallError,
        RetryError,
        TransportError,
        requests.RequestException,
        ConnectionError,
    ) as error:
        raise TransientError(f"storage is away: {error}") from error
