"""The address at which this service is known: what a request says of it is never believed.

The Host header is the client's to choose. An address made of it can lead readers, and whatever
keeps a response for them, to a server of the client's choice.
"""

from urllib.parse import urlsplit

from flask import request
from werkzeug.exceptions import BadRequest
from werkzeug.sansio.utils import host_is_trusted

from panoptes_network.config import settings
from panoptes_network.web.cross_site import OWN_MACHINE


def absolute(path: str) -> str:
    """Return the address of a path of this service, ``/files/…``.

    It begins with PUBLIC_URL. Where that is empty, the service is known only on its own machine:
    the address begins with the request's Host if that is a loopback name.

    Raises
    ------
    werkzeug.exceptions.BadRequest
        When PUBLIC_URL is empty and the request came under any other name.
    """
    return _base() + path


def is_own_origin(origin: str) -> bool:
    """Return whether an Origin header names PUBLIC_URL; nothing does where that is empty."""
    known = urlsplit(settings().public_url)
    return bool(known.netloc) and origin == f"{known.scheme}://{known.netloc}"


def _base() -> str:
    if settings().public_url:
        return settings().public_url.rstrip("/")
    if not host_is_trusted(request.host, OWN_MACHINE):
        raise BadRequest(
            "This service does not know its public address. Its operator has to set PUBLIC_URL."
        )
    return request.host_url.rstrip("/")
