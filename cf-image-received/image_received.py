"""Send an image that arrived on its way: FITS to the database, camera raw to the converters."""

from typing import Any

from panoptes_network.config import settings
from panoptes_network.events import ImageObject
from panoptes_network.hop import post
from panoptes_network.ids import parse_upload_path
from panoptes_network.pubsub import publish
from panoptes_network.uploads import find_upload

SERVICE = "cf-image-received"


def receive(image: ImageObject) -> dict[str, Any]:
    """Check an image's path and existence, hand it on, and say what was done.

    Raises
    ------
    PermanentError
        BAD_PATH, BAD_TIME, UNKNOWN_FILE_TYPE, OBJECT_MISSING, or what the next
        service refused it for.
    TransientError
        When storage, the broker or the next service is away.
    """
    path = parse_upload_path(image.bucket_path)
    found = find_upload(image.bucket_path, image.bucket, image.wanted_generation)
    arrived = ImageObject(bucket_path=found.path, bucket=found.bucket, generation=found.generation)
    if path.is_raw:
        message_id = publish(settings().raw_topic, arrived)
        done: dict[str, Any] = {"published_to": settings().raw_topic, "message_id": message_id}
    else:
        done = {
            "posted_to": "cf-header-to-db",
            "answer": post(settings().header_to_db_url, arrived),
        }
    return {"image_id": path.image_id, **arrived.model_dump(exclude_none=True), **done}
