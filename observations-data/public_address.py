"""Addresses that lead here from elsewhere: a list of files is read by other programs."""

from flask import request

from panoptes_network.config import settings


def absolute(path: str) -> str:
    """Return the address of a path of this service, ``/files/…``.

    It begins with PUBLIC_URL or, where that is not set, with the address that the request at
    hand was sent to, as TRUSTED_PROXIES proxies tell it.
    """
    base = settings().public_url or request.host_url
    return base.rstrip("/") + path
