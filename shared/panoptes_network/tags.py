"""Tags: an operator's or a unit's words for an observation, that others find it by."""

import re
import unicodedata
from contextlib import suppress

MAX_TAGS = 20
"""Of one observation."""
MAX_CHARS = 40
WANTED = (
    f"a tag has 1 to {MAX_CHARS} letters, digits, spaces or signs of -_.:+, and begins with a"
    " letter or a digit"
)

_TAG = re.compile(r"[^\W_][\w .:+-]*")


def fold(text: str) -> str:
    """Return how a tag is kept: in small letters, composed (NFC), single spaces between words."""
    return " ".join(unicodedata.normalize("NFC", text).lower().split())


def tag(text: str) -> str:
    """Return a tag as it is kept; ValueError for what is none."""
    folded = fold(text)
    if len(folded) > MAX_CHARS or not _TAG.fullmatch(folded):
        raise ValueError(WANTED)
    return folded


def tags_in(text: str) -> list[str]:
    """Return the tags of a text like ``bright,test``, as they are kept; what is none is left out.

    At most `MAX_TAGS`, each once, in their order.
    """
    found: dict[str, None] = {}
    for word in text.split(","):
        with suppress(ValueError):
            found[tag(word)] = None
    return list(found)[:MAX_TAGS]
