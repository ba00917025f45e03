"""Small CR2 files of a simulated sky, and what is sent to the services that convert them."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from astropy.io import fits
from flask.testing import FlaskClient
from google.cloud.storage import Blob, Bucket
from numpy.typing import NDArray

from simulator import Frame, Observation, simulate

SMALL = Observation(width=600, height=400, suffix=".cr2", field="M42", ra_deg=83.8, dec_deg=-5.4)


@cache
def cr2_frames(count: int = 1) -> tuple[tuple[Frame, bytes], ...]:
    """Return the first frames of a sequence, each with the bytes of its CR2 file."""
    with TemporaryDirectory() as folder:
        frames = simulate(replace(SMALL, count=count))
        return tuple((frame, frame.write(Path(folder)).read_bytes()) for frame in frames)


def send(client: FlaskClient, path: str, **more: Any) -> Any:
    """Send a service the path of an image and return what it answers."""
    answer = client.post("/", json={"bucket_path": path, **more})
    assert answer.status_code == 200, answer.text
    return answer.json


def read_fits(blob: Blob) -> tuple[NDArray[Any], fits.Header]:
    """Return the pixels of a stored, compressed FITS file and its header."""
    with fits.HDUList.fromstring(blob.download_as_bytes()) as hdus:
        return np.array(hdus[1].data), hdus[1].header


def names(bucket: Bucket) -> dict[str, int]:
    """Return the objects of a bucket and their generations."""
    return {blob.name: int(blob.generation) for blob in bucket.list_blobs()}
