"""The public URL of this service, never derived from a request alone.

Clients choose the Host header. A URL built from it could send readers, and caches that store the
response, to a server of the client's choice.
"""

from urllib.parse import urlsplit

from flask import request
from werkzeug.exceptions import BadRequest
from werkzeug.sansio.utils import host_is_trusted

from panoptes_network.config import settings
from panoptes_network.web.cross_site import OWN_MACHINE


def absolute(path: str) -> str:
    """Return the absolute URL of a path of this service, such as ``/files/…``.

    It starts with PUBLIC_URL. If that is empty, the service is only known on its own machine, and
    the URL starts with the request's Host if that is a loopback name.

    Raises
    ------
    werkzeug.exceptions.BadRequest
        If PUBLIC_URL is empty and the request's Host is any other name.
    """
    return _base() + path


def is_own_origin(origin: str) -> bool:
    """Return whether an Origin header names PUBLIC_URL; False if that is empty."""
    known = urlsplit(settings().public_url)
    return bool(known.netloc) and origin == f"{known.scheme}://{known.netloc}"


def _base() -> str:
    if settings().public_url:
        return settings().public_url.rstrip("/")
    if not host_is_trusted(request.host, OWN_MACHINE):
        raise BadRequest(
            "This service does not know its public URL. Its operator must set PUBLIC_URL."
        )
    return request.host_url.rstrip("/")
