"""Read a header from the bucket, store unit, camera, sequence and image, queue the image."""

from functools import partial
from typing import NotRequired, TypedDict

from sqlalchemy.orm import Session

from panoptes_network import storage
from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.images import (
    end_state,
    end_unread,
    record_failure,
    record_image,
    record_refusal,
)
from panoptes_network.database.models import Image
from panoptes_network.errors import PermanentError, Reason, SkippedError
from panoptes_network.events import HeaderRequest, PipelineImage
from panoptes_network.frames.calibration import header_kind, path_kind, skipped
from panoptes_network.frames.fits_header import Cards, read_image_header
from panoptes_network.frames.header_values import Finding, read_headers
from panoptes_network.frames.metadata import Identity, identify, identify_upload
from panoptes_network.gzip_files import content_of
from panoptes_network.ids import (
    FITS_SUFFIXES,
    check_safe,
    image_suffix,
    names_pointing,
    parse_path,
    parse_upload_path,
)
from panoptes_network.pubsub import publish
from panoptes_network.states import ImageState
from panoptes_network.storage import StoredObject
from panoptes_network.uploads import find_upload

SERVICE = "cf-header-to-db"


class Recorded(TypedDict):
    """Ids and state of a recorded file, and the message that queued it, if one did."""

    image_id: str | None
    sequence_id: str | None
    state: str
    contradictions: dict[str, dict[str, str]]
    message_id: str | None
    header_findings: NotRequired[dict[str, Finding]]


def record(request: HeaderRequest) -> Recorded:
    """Record an image and queue it for solving; a repeated request has no further effect.

    Headers in the request are merged into the file's and take precedence. An image known only by
    headers is recorded but not queued. Pointing and calibration frames are recorded as skipped, and
    other files as refused.

    Raises
    ------
    PermanentError
        If the file is not a FITS image or cannot be identified; the reason is recorded first.
    TransientError
        If storage, database or broker is unavailable.
    """
    stored = None
    try:
        stored = _find(request)
        headers, sent = read_headers(_file_headers(stored)), read_headers(request.headers)
        known = {**headers.values, **sent.values}
        identity = _identify(request.bucket_path, known)
    except SkippedError as error:
        return _record_unread(request, stored, error)
    except PermanentError as error:
        _record_unread(request, stored, error)
        raise
    findings, skip = {**headers.findings, **sent.findings}, _skip(request.bucket_path, known)

    def write(session: Session) -> Image:
        image = record_image(
            session, identity, headers.values, stored, SERVICE, sent.values, findings
        )
        if skip and stored:
            end_unread(session, image, stored, skip, SERVICE)
        return image

    image = run_transaction(write)
    return {
        **_answer(image.image_id, image.sequence_id, image.state),
        "contradictions": image.contradictions,
        "header_findings": image.header_findings,
        "message_id": _queue(image, stored),
    }


def _answer(image_id: str | None, sequence_id: str | None, state: str) -> Recorded:
    return {
        "image_id": image_id,
        "sequence_id": sequence_id,
        "state": state,
        "contradictions": {},
        "message_id": None,
    }


def _record_unread(
    request: HeaderRequest, stored: StoredObject | None, error: PermanentError
) -> Recorded:
    """Record why a file was not accepted; return the ids it is recorded under."""
    identity = _named_image(request.bucket_path)
    if identity and stored and image_suffix(stored.path) not in FITS_SUFFIXES:
        cr2, named = stored, identity
        run_transaction(lambda session: record_failure(session, error, SERVICE, named, cr2))
    else:
        run_transaction(
            lambda session: record_refusal(
                session,
                error,
                SERVICE,
                request.bucket_path,
                generation=request.generation,
                identity=identity,
                stored=stored,
            )
        )
    if identity is None:
        return _answer(None, None, end_state(error))
    return _answer(str(identity.image), str(identity.sequence), end_state(error))


def _named_image(bucket_path: str | None) -> Identity | None:
    """Return the image named by a path; None if it names none."""
    try:
        path = parse_path(bucket_path or "")
        return identify(path, {}) if path.image_time else None
    except PermanentError:
        return None


def _find(request: HeaderRequest) -> StoredObject | None:
    if request.bucket_path is None:
        if not request.headers:
            raise PermanentError(Reason.BAD_REQUEST, "send bucket_path or headers, or both")
        return None
    try:
        return find_upload(request.bucket_path, request.bucket, request.generation)
    except PermanentError:
        check_safe(request.bucket_path)  # for such a path, this is the better error
        raise


def _identify(bucket_path: str | None, headers: Cards) -> Identity:
    if bucket_path is None:
        return identify(None, headers)
    try:
        return identify_upload(bucket_path, headers)
    except PermanentError as error:
        # Files that are not solved need no ids to be stored.
        raise _skip(bucket_path, headers) or error from None


def _skip(bucket_path: str | None, headers: Cards) -> SkippedError | None:
    """Return why a file is only stored; None for a frame to be solved."""
    if names_pointing(bucket_path or ""):
        return SkippedError(
            Reason.POINTING_IMAGE, "a pointing image, which the mount uses to find its field"
        )
    kind = path_kind(bucket_path or "") or header_kind(headers)
    return None if kind is None else skipped(kind)


def _file_headers(stored: StoredObject | None) -> Cards:
    if stored is None:
        return {}
    _check_type(stored.path)
    content = content_of(partial(storage.read_range, stored), stored.size)
    header = read_image_header(content.read)
    if header.end > content.size:
        raise PermanentError(
            Reason.TRUNCATED,
            f"the file ends after {content.size} of {header.end} bytes: upload it again",
        )
    return header.cards


def _check_type(path: str) -> None:
    """Refuse files without a FITS header, which are forwarded to be recorded, not to be read."""
    if image_suffix(path) in FITS_SUFFIXES:
        return
    if image_suffix(path) is not None and (skip := _skip(path, {})) is not None:
        raise skip
    parse_upload_path(path)  # raises the more specific error
    raise PermanentError(Reason.UNKNOWN_FILE_TYPE, "the file has no FITS header")


def _queue(image: Image, stored: StoredObject | None) -> str | None:
    """Queue an image that waits for solving; None if it is in progress, outdated, or has no file.

    The row is committed by now. If this fails, the redelivered event finds the image still waiting,
    and queues it then.
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
