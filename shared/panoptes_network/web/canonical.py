"""Redirects to canonical URLs: no trailing slash, ids in canonical form.

People type ids in lowercase, and links acquire trailing slashes.
"""

import re
from urllib.parse import quote

from flask import Flask, current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from panoptes_network.ids import fold_id

EXACT = "files"
"""After this part of a path come object names, which are case-sensitive."""
_SAFE = "/:@!$&'()*+,;=~"


def register(app: Flask) -> None:
    """Redirect requests for non-canonical URLs of `app` to the canonical one."""
    app.before_request(lead_on)


def lead_on() -> Response | None:
    """Return the redirect to the request's canonical URL; None if it is canonical already."""
    path = canonical_path(request.path)
    if path == request.path or not _is_route(path):
        return None
    query = request.query_string.decode("latin-1")
    return redirect(quote(path, safe=_SAFE) + (f"?{query}" if query else ""), 308)


def canonical_path(path: str) -> str:
    """Return a path without trailing slashes and with canonical ids.

    The trailing slash is kept if a route has one.
    """
    rule = request.url_rule
    if rule is None or not rule.rule.endswith("/"):
        path = path.rstrip("/") or "/"
    parts = path.split("/")
    if EXACT in parts[:3]:
        return path
    return "/".join(map(fold_id, parts))


def _is_route(path: str) -> bool:
    # Two leading slashes would name another host.
    adapter = current_app.create_url_adapter(request)
    if adapter is None or re.match(r"/[/\\]", path):
        return False
    try:
        adapter.match(path, method=request.method)
    except HTTPException:
        return False
    return True
