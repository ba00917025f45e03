"""Redirects without a host: the framework takes it from the Host header, which clients choose."""

from urllib.parse import urlsplit

from flask import Response
from werkzeug.utils import redirect


def make_relative(response: Response) -> Response:
    """Remove the host from a redirect, which leads to another path of the same service."""
    target = urlsplit(response.headers.get("Location", ""))
    if target.scheme:
        # Two leading slashes would name another host.
        path = "/" + target.path.lstrip("/")
        location = target._replace(scheme="", netloc="", path=path).geturl()
        response.headers["Location"] = location
        response.set_data(redirect(location).get_data())
    return response
