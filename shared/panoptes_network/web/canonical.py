"""Addresses lead on to their canonical form: without a slash at the end, ids as they are written.

People type ids in small letters, and links get slashes at their ends.
"""

import re
from urllib.parse import quote

from flask import Flask, current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from panoptes_network.ids import fold_id

EXACT = "files"
"""Behind this part of a path come the names of objects, in which case matters."""
_SAFE = "/:@!$&'()*+,;=~"


def register(app: Flask) -> None:
    """Let `app` answer addresses in another form with a redirect to the canonical one."""
    app.before_request(lead_on)


def lead_on() -> Response | None:
    """Return the redirect to the canonical address of the request; None where it has that."""
    path = canonical_path(request.path)
    if path == request.path or not _is_route(path):
        return None
    query = request.query_string.decode("latin-1")
    return redirect(quote(path, safe=_SAFE) + (f"?{query}" if query else ""), 308)


def canonical_path(path: str) -> str:
    """Return a path without slashes at its end and with its ids as the network writes them.

    A path that a route has with a slash at its end keeps it.
    """
    rule = request.url_rule
    if rule is None or not rule.rule.endswith("/"):
        path = path.rstrip("/") or "/"
    parts = path.split("/")
    if EXACT in parts[:3]:
        return path
    return "/".join(map(fold_id, parts))


def _is_route(path: str) -> bool:
    # Two slashes at the beginning would name another host.
    adapter = current_app.create_url_adapter(request)
    if adapter is None or re.match(r"/[/\\]", path):
        return False
    try:
        adapter.match(path, method=request.method)
    except HTTPException:
        return False
    return True
