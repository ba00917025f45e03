"""The tokens of unsubscribe links."""

import hashlib
import secrets

TOKEN = "[0-9a-f]{32}"  # noqa: S105 - a pattern
"""Pattern of a token, which is 128 random bits."""


def make_token() -> str:
    """Return a token that nobody can guess."""
    return secrets.token_hex(16)


def hash_of(token: str) -> str:
    """Return what is known of a token by those who must not use it."""
    return hashlib.sha256(token.encode()).hexdigest()
