"""Tags: an operator's or a unit's labels on an observation, used for searching."""

import re
import unicodedata
from contextlib import suppress

MAX_TAGS = 20
"""Maximum number per observation."""
MAX_CHARS = 40
WANTED = (
    f"a tag must have 1 to {MAX_CHARS} letters, digits, spaces or signs of -_.:+, and begin with a"
    " letter or a digit"
)

_TAG = re.compile(r"[^\W_][\w .:+-]*")


def fold(text: str) -> str:
    """Return the canonical form of a tag: lowercase, NFC, single spaces between words."""
    return " ".join(unicodedata.normalize("NFC", text).lower().split())


def tag(text: str) -> str:
    """Return a tag in canonical form; ValueError if it is not a valid tag."""
    folded = fold(text)
    if len(folded) > MAX_CHARS or not _TAG.fullmatch(folded):
        raise ValueError(WANTED)
    return folded


def tags_in(text: str) -> list[str]:
    """Return the valid tags in a text like ``bright,test``, in canonical form.

    At most `MAX_TAGS`, each once, in order.
    """
    found: dict[str, None] = {}
    for word in text.split(","):
        with suppress(ValueError):
            found[tag(word)] = None
    return list(found)[:MAX_TAGS]
