"""Alternative spellings of unit, camera and time that have only one meaning.

Units are uploaded by many programs, and by hand. These spellings are read as the canonical id:
letter case, ISO 8601 punctuation, ``Z`` and fractions of a second do not change the meaning.
Ambiguous spellings are not read; the callers report the problem.
"""

import re
from datetime import UTC, datetime, timedelta

_UNIT = re.compile(r"PAN[0-9]{3}", re.IGNORECASE | re.ASCII)
_CAMERA = re.compile(r"[0-9a-f]{6}", re.IGNORECASE | re.ASCII)
_DATE = r"(?P<year>[0-9]{4})(?P<d>-?)(?P<month>[0-9]{2})(?P=d)(?P<day>[0-9]{2})"
_CLOCK = r"(?P<hour>[0-9]{2})(?P<c>[:-]?)(?P<minute>[0-9]{2})(?P=c)(?P<second>[0-9]{2})"
_UTC = r"(?:[.,][0-9]{1,9})?(?:Z|\+00:?00)?"
_TIME = re.compile(f"{_DATE}T{_CLOCK}{_UTC}", re.IGNORECASE | re.ASCII)
_TIME_WITHIN = re.compile(f"(?<![0-9]){_DATE}T{_CLOCK}(?![0-9])", re.IGNORECASE | re.ASCII)
_PARTS = ("year", "month", "day", "hour", "minute", "second")
_LEAP_SECONDS = frozenset({(6, 30, 23, 59, 60), (12, 31, 23, 59, 60)})
"""Month, day, hour, minute and second of every leap second so far."""


def unit(text: str) -> str | None:
    """Return ``PAN001`` for ``pan001``; None if the text is not a unit."""
    return text.upper() if _UNIT.fullmatch(text) else None


def camera(text: str) -> str | None:
    """Return ``14d3bd`` for ``14D3BD``; None if the text is not a camera."""
    return text.lower() if _CAMERA.fullmatch(text) else None


def time(text: str) -> datetime | None:
    """Return the only aware UTC time that a text can mean, in whole seconds; else None.

    ``20181011T134333``, ``2018-10-11T13:43:33.250Z`` and ``2018-10-11T13-43-33`` are the same time.
    Fractions are truncated, as units do. A leap second counts as the second after it, as in
    computer clocks; any other second 60 is invalid.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(match[name]) for name in _PARTS)
    is_leap = (month, day, hour, minute, second) in _LEAP_SECONDS
    try:
        read = datetime(year, month, day, hour, minute, second - is_leap, tzinfo=UTC)
        return read + timedelta(seconds=is_leap)
    except (ValueError, OverflowError):
        return None


def last_time(path: str) -> datetime | None:
    """Return the last time in a path, in any of these spellings; None if there is none."""
    found = [time(match[0]) for match in _TIME_WITHIN.finditer(path)]
    return next(filter(None, reversed(found)), None)


def split_id(text: str) -> tuple[str | None, str | None, datetime | None]:
    """Split ``PAN001_14d3bd_20181011T134333``; each invalid part is None."""
    parts = text.split("_")
    if len(parts) != 3:
        return None, None, None
    return unit(parts[0]), camera(parts[1]), time(parts[2])
