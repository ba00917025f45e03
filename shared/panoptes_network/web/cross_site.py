"""Cross-site request protection: changes require JSON from a program, never another site's page.

Any site's page can make its reader's browser post a form or plain text to whatever the browser can
reach, including a network on the reader's own machine. For JSON the browser asks first (CORS
preflight), which is never granted here, and it names the page's site in the Origin header.
"""

import ipaddress
from collections.abc import Callable, Collection

from werkzeug.exceptions import Forbidden, MisdirectedRequest, UnsupportedMediaType
from werkzeug.sansio.utils import host_is_trusted
from werkzeug.wrappers import Request

from panoptes_network.config import on_cloud_run

OWN_MACHINE = ("127.0.0.1", "localhost")
"""Hosts that cannot be another party's server."""

JSON = frozenset({"application/json"})
WHOLE_EVENT = "application/cloudevents+json"
EVENT = JSON | {WHOLE_EVENT}
"""Media types of a CloudEvent: attributes in headers, or all in one body."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing (RFC 9110, section 9.2.1)."""


def check_host(request: Request, *own_names: str) -> None:
    """Raise an error if a local request has a foreign host name.

    A page can make its own host name resolve to 127.0.0.1 (DNS rebinding). The browser then treats
    the local server as the page's own site and exposes its responses to the page. Requests over a
    network or from Cloud Run's proxy do not come from a browser on this machine.

    Parameters
    ----------
    own_names : str
        This service's host names, in addition to those of the machine.

    Raises
    ------
    werkzeug.exceptions.MisdirectedRequest
        If the Host header has any other name.
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
    """Raise an error if a request may come from another site's page.

    Parameters
    ----------
    is_own_origin : callable
        Returns whether an Origin header names an allowed site; by default, none is.
    media_types : collection of str
        Accepted media types of the body.

    Raises
    ------
    werkzeug.exceptions.Forbidden
        If the Origin header names any other site.
    werkzeug.exceptions.UnsupportedMediaType
        If the body's type is not in `media_types`.
    """
    if request.method in SAFE_METHODS:
        return
    origin = request.headers.get("Origin")
    if origin is not None and not is_own_origin(origin):
        raise Forbidden("Pages of other sites may not send this request.")
    if request.mimetype not in media_types:
        raise UnsupportedMediaType(f"Send Content-Type: {' or '.join(sorted(media_types))}.")
