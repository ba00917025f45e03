"""Route an uploaded image: FITS to the database, camera raw to the converters."""

from panoptes_network import storage
from panoptes_network.config import settings
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.events import ImageObject
from panoptes_network.frames.calibration import path_kind
from panoptes_network.ids import parse_upload_path
from panoptes_network.pubsub import publish
from panoptes_network.storage import StoredObject
from panoptes_network.uploads import find_upload
from panoptes_network.web.service_client import post

SERVICE = "cf-image-received"


def receive(image: ImageObject) -> dict[str, object]:
    """Look up an object, forward it, and return what was done.

    Camera raw files that the converters cannot identify go to cf-header-to-db like FITS files.
    There they are recorded as skipped or refused, or identified by their headers.

    Raises
    ------
    PermanentError
        BAD_PATH, BAD_TIME, UNKNOWN_FILE_TYPE, OBJECT_MISSING, or the next service's reason.
    TransientError
        If storage, broker or the next service is unavailable.
    """
    found = _find(image)
    arrived = ImageObject(bucket_path=found.path, bucket=found.bucket, generation=found.generation)
    said = arrived.model_dump(exclude_none=True)
    if image_id := _id_for_converters(found.path):
        message_id = publish(settings().raw_topic, arrived)
        sent = {"published_to": settings().raw_topic, "message_id": message_id}
        return {"image_id": image_id, **said, **sent}
    answer = post(settings().header_to_db_url, arrived)
    done = {"posted_to": "cf-header-to-db", "answer": answer}
    return {"image_id": answer.get("image_id"), **said, **done}


def _find(image: ImageObject) -> StoredObject:
    generation = image.wanted_generation
    try:
        return find_upload(image.bucket_path, image.bucket, generation)
    except PermanentError as error:
        if error.reason is not Reason.OBJECT_MISSING:
            raise
        # For an invalid path, this is the better error.
        parse_upload_path(image.bucket_path)
        if generation is not None and _is_gone(image.bucket_path):
            # An upload that was deleted before it was processed is recorded, too.
            lost = ImageObject(bucket_path=image.bucket_path, generation=generation)
            post(settings().header_to_db_url, lost)
        raise


def _is_gone(path: str) -> bool:
    """Return whether the object does not exist, in any generation with its own event."""
    return storage.find_if_there(settings().raw_bucket, path) is None


def _id_for_converters(path: str) -> str | None:
    """Return the id of a camera raw image to be converted; None for other files."""
    try:
        parsed = parse_upload_path(path)
    except PermanentError:
        return None
    return parsed.image_id if parsed.is_raw and path_kind(path) is None else None
