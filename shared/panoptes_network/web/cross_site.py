"""Which requests may change something: JSON of a program, never what another site's page sends.

A page of any site can make its reader's browser post a form or plain text to whatever the browser
reaches, a network on the reader's own machine included. For JSON the browser asks beforehand, and
nothing here agrees; and it names the page's site in the Origin header.
"""

import ipaddress
from collections.abc import Callable, Collection

from werkzeug.exceptions import Forbidden, MisdirectedRequest, UnsupportedMediaType
from werkzeug.sansio.utils import host_is_trusted
from werkzeug.wrappers import Request

from panoptes_network.config import on_cloud_run

OWN_MACHINE = ("127.0.0.1", "localhost")
"""Hosts that can be nobody else's server."""

JSON = frozenset({"application/json"})
WHOLE_EVENT = "application/cloudevents+json"
EVENT = JSON | {WHOLE_EVENT}
"""Media types of a CloudEvent: with its attributes in headers, or all in one body."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing (RFC 9110, section 9.2.1)."""


def check_host(request: Request, *own_names: str) -> None:
    """Raise an error for a request of this machine that came under somebody else's name.

    A page can let its own name lead to 127.0.0.1 (DNS rebinding). The browser then takes what
    answers there for the page's own site, and keeps nothing from it. Requests that come over a
    network, or from Cloud Run's proxy, are none of a browser on this machine.

    Parameters
    ----------
    own_names : str
        Hosts that are this service's besides those of the machine.

    Raises
    ------
    werkzeug.exceptions.MisdirectedRequest
        When the Host header has any other name.
    """
    if on_cloud_run() or not _is_loopback(request.remote_addr or ""):
        return
    if not host_is_trusted(request.host, [*OWN_MACHINE, *own_names]):
        raise MisdirectedRequest(
            "This service is known on this machine as 127.0.0.1 and localhost only."
        )


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def check(
    request: Request,
    is_own_origin: Callable[[str], bool] = lambda _: False,
    media_types: Collection[str] = JSON,
) -> None:
    """Raise an error for a request that another site's page may have sent.

    Parameters
    ----------
    is_own_origin : callable
        Whether an Origin header names a site whose pages may send it; without one, none may.
    media_types : collection of str
        What the body may be.

    Raises
    ------
    werkzeug.exceptions.Forbidden
        When the Origin header names any other site.
    werkzeug.exceptions.UnsupportedMediaType
        When the body is not of one of `media_types`.
    """
    if request.method in SAFE_METHODS:
        return
    origin = request.headers.get("Origin")
    if origin is not None and not is_own_origin(origin):
        raise Forbidden("Pages of other sites may not send this request.")
    if request.mimetype not in media_types:
        raise UnsupportedMediaType(f"Send Content-Type: {' or '.join(sorted(media_types))}.")
