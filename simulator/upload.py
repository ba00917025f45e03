"""Send a frame to the raw bucket, as a unit does."""

import io

from google.cloud.storage import Bucket, Client

from panoptes_network.config import settings
from simulator.frame import Frame

_CONTENT_TYPES = {".fits": "image/fits", ".fits.fz": "application/octet-stream"}


def raw_bucket() -> Bucket:
    """Return the raw bucket of the settings.

    The client library itself sends to ``STORAGE_EMULATOR_HOST`` where that is set, without
    credentials then.
    """
    config = settings()
    return Client(project=config.google_cloud_project).bucket(config.raw_bucket)


def upload_frame(bucket: Bucket, frame: Frame) -> str:
    """Upload a frame under its object path and return that; the truth stays at home.

    Raises
    ------
    google.api_core.exceptions.GoogleAPIError
        Where the bucket is missing, or refuses.
    """
    content = io.BytesIO()
    frame.hdus().writeto(content)
    blob = bucket.blob(frame.object_path.path)
    blob.upload_from_string(
        content.getvalue(), content_type=_CONTENT_TYPES[frame.object_path.suffix]
    )
    return frame.object_path.path
