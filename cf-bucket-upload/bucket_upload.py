"""Decide what an uploaded object is, and hand images on to cf-image-received."""

from panoptes_network.config import settings
from panoptes_network.events import ImageObject, StorageObject
from panoptes_network.hop import post
from panoptes_network.ids import image_suffix

SERVICE = "cf-bucket-upload"


def forward(uploaded: StorageObject) -> str:
    """Hand an image on; say in words what was done.

    Raises
    ------
    PermanentError
        When the image is refused: its path or its file is not what a unit uploads.
    TransientError
        When a service is away: the event must come again.
    """
    if image_suffix(uploaded.name) is None:
        return "ignored: not an image"
    image = ImageObject(
        bucket_path=uploaded.name, bucket=uploaded.bucket, generation=uploaded.generation
    )
    post(settings().image_received_url, image)
    return "handed on to cf-image-received"
