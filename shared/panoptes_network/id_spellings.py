"""Other ways to write a unit, a camera or a time that can mean one thing only.

Units are uploaded by many programs, and by hand. What is read here is believed as the id in
its own form: a letter's case, ISO 8601 with its signs, ``Z``, and fractions of a second say
nothing else. Whatever could mean two things is not read: the callers say what is wrong with it.
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
"""Month, day, hour, minute and second of every leap second that there was."""


def unit(text: str) -> str | None:
    """Return ``PAN001`` of ``pan001``; None of what is no unit."""
    return text.upper() if _UNIT.fullmatch(text) else None


def camera(text: str) -> str | None:
    """Return ``14d3bd`` of ``14D3BD``; None of what is no camera."""
    return text.lower() if _CAMERA.fullmatch(text) else None


def time(text: str) -> datetime | None:
    """Return the aware UTC time, to the whole second, that a text can only mean; else None.

    ``20181011T134333``, ``2018-10-11T13:43:33.250Z`` and ``2018-10-11T13-43-33`` are one.
    A fraction is cut off, as units do. A leap second counts as the second after it, as it does
    in the clock of every computer; another second 60 is none.
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
    """Return the last time that a path names, in any of these forms; None where it names none."""
    found = [time(match[0]) for match in _TIME_WITHIN.finditer(path)]
    return next(filter(None, reversed(found)), None)


def split_id(text: str) -> tuple[str | None, str | None, datetime | None]:
    """Take ``PAN001_14d3bd_20181011T134333`` apart; None for each part that is none."""
    parts = text.split("_")
    if len(parts) != 3:
        return None, None, None
    return unit(parts[0]), camera(parts[1]), time(parts[2])
