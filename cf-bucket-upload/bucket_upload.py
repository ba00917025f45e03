"""Hand uploaded objects on to cf-image-received; what lies beside images is left alone."""

from panoptes_network.companions import is_companion
from panoptes_network.config import settings
from panoptes_network.events import ImageObject, StorageObject
from panoptes_network.web.service_client import post

SERVICE = "cf-bucket-upload"


def forward(uploaded: StorageObject) -> str:
    """Hand an object on; say in words what was done.

    What is neither an image nor known to lie beside one is handed on, too, so that there is a
    row that says why nothing came of it.

    Raises
    ------
    PermanentError
        When the object is refused: its path or its file is not what a unit uploads.
    TransientError
        When a service is away: the event must come again.
    """
    if is_companion(uploaded.name, uploaded.size):
        return "left alone: it lies beside images"
    image = ImageObject(
        bucket_path=uploaded.name, bucket=uploaded.bucket, generation=uploaded.generation
    )
    post(settings().image_received_url, image, behind=1)
    return "handed on to cf-image-received"
