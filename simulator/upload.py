"""Upload of a frame to the raw bucket, as by a unit."""

from pathlib import Path
from tempfile import TemporaryDirectory

from panoptes_network import storage
from panoptes_network.config import settings
from simulator.frame import Frame


def upload_frame(frame: Frame) -> str:
    """Upload a frame to the raw bucket of the settings, without its truth.

    Returns
    -------
    str
        Its address, ``gs://bucket/object path``.

    Raises
    ------
    PermanentError
        Where there is no such bucket.
    TransientError
        If storage is unavailable.
    google.auth.exceptions.DefaultCredentialsError
        Without credentials, unless ``STORAGE_EMULATOR_HOST`` leads to a local server.
    """
    bucket, path = settings().raw_bucket, frame.object_path.path
    with TemporaryDirectory() as folder:
        storage.upload(bucket, path, frame.write(Path(folder)), metadata={})
    return f"gs://{bucket}/{path}"
