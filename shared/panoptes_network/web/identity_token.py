"""A service's own identity token, sent to the services that it calls."""

import threading
from functools import cache
from urllib.parse import urlsplit

from google.auth.credentials import Credentials, TokenState
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request
from google.oauth2 import id_token

from panoptes_network.config import settings
from panoptes_network.errors import TransientError

_lock = threading.Lock()


def headers(url: str) -> dict[str, str]:
    """Return the header with an identity token for the service at `url`; empty on one machine.

    Tokens are cached until shortly before they expire.

    Raises
    ------
    TransientError
        If the metadata server does not return one.
    """
    if not settings().send_identity_token:
        return {}
    parts = urlsplit(url)
    try:
        with _lock:
            credentials = _credentials(f"{parts.scheme}://{parts.netloc}")
            if credentials.token_state is not TokenState.FRESH:
                credentials.refresh(_transport())
    except GoogleAuthError as error:
        raise TransientError(f"no identity token for {url}: {error}") from error
    return {"Authorization": f"Bearer {credentials.token}"}


@cache
def _credentials(audience: str) -> Credentials:
    credentials: Credentials = id_token.fetch_id_token_credentials(audience, _transport())
    return credentials


@cache
def _transport() -> Request:
    return Request()
