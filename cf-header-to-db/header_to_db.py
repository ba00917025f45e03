"""Read a header from the bucket, write unit, camera, sequence and image, queue the image."""

from functools import partial
from typing import Any

from panoptes_network import storage
from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.images import record_image, record_refusal
from panoptes_network.database.models import Image, ImageState
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.events import HeaderRequest, PipelineImage
from panoptes_network.fits_header import CardValue, read_image_header
from panoptes_network.gzip_files import content_of
from panoptes_network.header_values import read_headers
from panoptes_network.ids import ObjectPath, check_safe, parse_path
from panoptes_network.metadata import Identity, identify
from panoptes_network.pubsub import publish
from panoptes_network.storage import StoredObject
from panoptes_network.uploads import find_upload

SERVICE = "cf-header-to-db"


def record(request: HeaderRequest) -> dict[str, Any]:
    """Record an image and queue it to be solved; the same request twice does it once.

    Headers in the request add to those of the file and win over them. An image that is known
    by its headers only is recorded, but there is nothing to solve.

    Raises
    ------
    PermanentError
        When the file is no FITS image or nobody says which image it is; the reason is
        recorded before it is answered.
    TransientError
        When storage, database or broker is away.
    """
    stored = None
    try:
        stored = _find(request)
        headers, sent = read_headers(_file_headers(stored)), read_headers(request.headers)
        identity = identify(_path(request.bucket_path), {**headers.values, **sent.values})
    except PermanentError as error:
        _record_refusal(request, stored, error)
        raise
    findings = {**headers.findings, **sent.findings}
    image = run_transaction(
        lambda session: record_image(
            session, identity, headers.values, stored, SERVICE, sent.values, findings
        )
    )
    return {
        "image_id": image.image_id,
        "sequence_id": image.sequence_id,
        "state": image.state,
        "contradictions": image.contradictions,
        "header_findings": image.header_findings,
        "message_id": _queue(image, stored),
    }


def _record_refusal(
    request: HeaderRequest, stored: StoredObject | None, error: PermanentError
) -> None:
    identity = _named_image(request.bucket_path)
    run_transaction(
        lambda session: record_refusal(
            session, error, SERVICE, request.bucket_path, identity=identity, stored=stored
        )
    )


def _named_image(bucket_path: str | None) -> Identity | None:
    """Return the image that a path names; None where it names none that can be one."""
    path = _path(bucket_path)
    try:
        return identify(path, {}) if path and path.image_time else None
    except PermanentError:
        return None


def _find(request: HeaderRequest) -> StoredObject | None:
    if request.bucket_path is None:
        if not request.headers:
            raise PermanentError(Reason.BAD_REQUEST, "send bucket_path, headers, or both")
        return None
    check_safe(request.bucket_path)
    return find_upload(request.bucket_path, request.bucket, request.generation)


def _file_headers(stored: StoredObject | None) -> dict[str, CardValue]:
    if stored is None:
        return {}
    content = content_of(partial(storage.read_range, stored), stored.size)
    header = read_image_header(content.read)
    if header.end > content.size:
        raise PermanentError(
            Reason.TRUNCATED,
            f"the file ends after {content.size} of {header.end} bytes: upload it again",
        )
    return header.cards


def _path(bucket_path: str | None) -> ObjectPath | None:
    """Return the ids in a path; None where it has none and the header must say them."""
    if bucket_path is None:
        return None
    try:
        return parse_path(bucket_path)
    except PermanentError:
        return None


def _queue(image: Image, stored: StoredObject | None) -> str | None:
    """Queue an image that waits to be solved; None for one under way, outdated, or no file.

    The row is committed by now. Should this fail, the event comes again, finds the image
    still waiting, and queues it then.
    """
    if stored is None or image.generation != stored.generation:
        return None
    if image.state != ImageState.METADATA_RECEIVED:
        return None
    message = PipelineImage(
        image_id=image.image_id,
        bucket=stored.bucket,
        bucket_path=stored.path,
        generation=image.generation,
    )
    return publish(settings().pipeline_topic, message)
