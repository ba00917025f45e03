"""Texts that can be stored: PostgreSQL allows no NUL, and UTF-8 no unpaired surrogates.

External text is refused where it comes in (`events.parse`, `request_guard`). Only records of
refused text are escaped, and only the headers of frames are cleaned.
"""

import re

from panoptes_network.errors import PermanentError, Reason

WANTED = "text without NUL characters and unpaired surrogates"

_MAX_PLACE = 100
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Return whether the database can store a text and compare with it."""
    return not _UNSTORABLE.search(text)


def check(value: object) -> None:
    """Raise an error if a text or name in JSON cannot be stored.

    Raises
    ------
    PermanentError
        With :attr:`Reason.BAD_REQUEST`; the message names the place.
    """
    # Not recursive: external JSON may be nested as deeply as Python's parser allows.
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting:
        place, found = waiting.pop()
        if isinstance(found, str) and not is_storable(found):
            raise PermanentError(Reason.BAD_REQUEST, f"{place or 'the body'}: send {WANTED}")
        if isinstance(found, dict):
            waiting += [(_within(place, name), part) for name, part in found.items()]
            waiting += [(_within(place, "a name"), name) for name in found]
        elif isinstance(found, list | tuple):
            waiting += [(place, part) for part in found]


def clean(text: str) -> str:
    """Return text in storable form, trimmed: without NUL, with ``?`` for half a surrogate pair."""
    return text.replace("\0", "").encode("utf-8", "replace").decode().strip()


def escape(text: str) -> str:
    """Return text in storable form, with escapes where needed."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


def shorten(text: str, max_bytes: int) -> str:
    """Return text in storable form, limited to a number of bytes of UTF-8."""
    return escape(text).encode()[:max_bytes].decode("utf-8", "ignore")


def _within(place: str, name: object) -> str:
    return escape(f"{place}.{name}" if place else str(name))[:_MAX_PLACE]
