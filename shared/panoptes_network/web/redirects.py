"""Redirects name no host: the framework makes one of the Host header, which the client chooses."""

from urllib.parse import urlsplit

from flask import Response
from werkzeug.utils import redirect


def make_relative(response: Response) -> Response:
    """Take the host out of a redirect: each leads to another path of the same service."""
    target = urlsplit(response.headers.get("Location", ""))
    if target.scheme:
        # Two slashes at the beginning would name another host.
        path = "/" + target.path.lstrip("/")
        location = target._replace(scheme="", netloc="", path=path).geturl()
        response.headers["Location"] = location
        response.set_data(redirect(location).get_data())
    return response
