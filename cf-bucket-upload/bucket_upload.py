"""Forward uploaded objects to cf-image-received; ignore companion files."""

from panoptes_network.companions import is_companion
from panoptes_network.config import settings
from panoptes_network.events import ImageObject, StorageObject
from panoptes_network.web.service_client import post

SERVICE = "cf-bucket-upload"


def forward(uploaded: StorageObject) -> str:
    """Forward an object; return what was done, in words.

    Unknown files are forwarded, too, so that a row records why they were refused.

    Raises
    ------
    PermanentError
        If the object is refused: its path or file is not a valid upload.
    TransientError
        If a service is unavailable: the event must be redelivered.
    """
    if is_companion(uploaded.name, uploaded.size):
        return "ignored: not an image"
    image = ImageObject(
        bucket_path=uploaded.name, bucket=uploaded.bucket, generation=uploaded.generation
    )
    post(settings().image_received_url, image, behind=1)
    return "sent to cf-image-received"
