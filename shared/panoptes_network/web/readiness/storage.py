"""Readiness of storage."""

from contextlib import suppress

from google.api_core.exceptions import Forbidden

from panoptes_network import storage

TIMEOUT_S = 3


def check(bucket: str) -> None:
    """Raise an error unless storage responds to a lookup of an object.

    The object need not exist. A refusal is also a response: accounts that may only read objects are
    not told what is missing.
    """
    with suppress(Forbidden):
        storage.client().bucket(bucket).blob("ready").exists(timeout=TIMEOUT_S, retry=None)
