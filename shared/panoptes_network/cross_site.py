"""Which requests may change something: JSON of a program, never what another site's page sends.

A page of any site can make its reader's browser post a form or plain text to whatever the browser
reaches, a network on the reader's own machine included. For JSON the browser asks beforehand, and
nothing here agrees; and it names the page's site in the Origin header.
"""

from collections.abc import Callable, Collection

from werkzeug.exceptions import Forbidden, UnsupportedMediaType
from werkzeug.wrappers import Request

JSON = frozenset({"application/json"})
EVENT = JSON | {"application/cloudevents+json"}
"""Media types of a CloudEvent: with its attributes in headers, or all in one body."""

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing (RFC 9110, section 9.2.1)."""


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
    if request.method in _SAFE_METHODS:
        return
    origin = request.headers.get("Origin")
    if origin is not None and not is_own_origin(origin):
        raise Forbidden("Pages of other sites may not send this request.")
    if request.mimetype not in media_types:
        raise UnsupportedMediaType(f"Send Content-Type: {' or '.join(sorted(media_types))}.")
