"""Whether storage answers."""

from contextlib import suppress

from google.api_core.exceptions import Forbidden

from panoptes_network import storage

TIMEOUT_S = 3


def check(bucket: str) -> None:
    """Raise an error unless storage answers a question about an object of a bucket.

    There need be no such object. A "no" of storage is an answer, too: who may only read
    objects is not told what is missing.
    """
    with suppress(Forbidden):
        storage.client().bucket(bucket).blob("ready").exists(timeout=TIMEOUT_S, retry=None)
