"""Parsers of query parameters: each refuses invalid values, by name.

Empty parameters are ignored, as forms send empty fields.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import TypeVar

from panoptes_network.errors import PermanentError, Reason
from panoptes_network.nights.night import EARLIEST, LATEST

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
MAX_TEXT = 200
MAX_NUMBER = 10**9
MAG_LIMITS = (-2.0, 30.0)
TIME_WANTED = "a date like 2018-10-11, or a time like 2018-10-11T13:42:02Z"

_TEXT = re.compile(rf"[^\x00-\x1f\x7f-\x9f]{{0,{MAX_TEXT}}}")
_WHOLE = re.compile(r"[0-9]{1,10}(?:\.0{0,15})?")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_TIME = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]"
    r"(?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)"
    r"(?P<offset>[Zz]|[-+ ][0-9]{2}:?[0-9]{2})?"
)

Choice = TypeVar("Choice", bound=StrEnum)
Parameters = Mapping[str, str]


class BadParameterError(PermanentError):
    """An invalid query parameter; `parameter` is its name."""

    def __init__(self, parameter: str, wanted: str) -> None:
        super().__init__(Reason.BAD_REQUEST, f"{parameter} must be {wanted}")
        self.parameter = parameter


def text(parameters: Parameters, name: str) -> str | None:
    """Return text without surrounding space; None if there is none."""
    value = parameters.get(name, "")
    if not _TEXT.fullmatch(value):
        wanted = f"text of up to {MAX_TEXT} characters without control characters"
        raise BadParameterError(name, wanted)
    return value.strip() or None


def whole_number(parameters: Parameters, name: str, maximum: int = MAX_NUMBER) -> int | None:
    """Return an integer from 0 to `maximum`."""
    value = text(parameters, name)
    if value is None:
        return None
    if not _WHOLE.fullmatch(value) or int(float(value)) > maximum:
        raise BadParameterError(name, f"a whole number from 0 to {maximum}")
    return int(float(value))


def real_number(parameters: Parameters, name: str, minimum: float, maximum: float) -> float | None:
    """Return a finite number within bounds."""
    value = text(parameters, name)
    if value is None:
        return None
    found = finite(value)
    if found is None or not minimum <= found <= maximum:
        raise BadParameterError(name, f"a number from {minimum:g} to {maximum:g}")
    return found


def finite(value: str) -> float | None:
    """Return a text's finite number; None if it is not one."""
    if not _NUMBER.fullmatch(value):  # Python's own reading takes more: 1_0, digits of any script
        return None
    found = float(value)
    return found if math.isfinite(found) else None


def truth(parameters: Parameters, name: str) -> bool:
    """Return whether a parameter is ``true``; false by default."""
    value = text(parameters, name) or "false"
    if value not in {"true", "false"}:
        raise BadParameterError(name, "true or false")
    return value == "true"


def choice(parameters: Parameters, name: str, choices: type[Choice]) -> Choice | None:
    """Return one of `choices`."""
    value = text(parameters, name)
    try:
        return choices(value) if value else None
    except ValueError as error:
        raise BadParameterError(name, f"one of {', '.join(choices)}") from error


def limit(parameters: Parameters, default: int = DEFAULT_LIMIT, maximum: int = MAX_LIMIT) -> int:
    """Return the number of rows per page."""
    value = parameters.get("limit") or str(default)
    if not _WHOLE.fullmatch(value) or not 1 <= int(float(value)) <= maximum:
        raise BadParameterError("limit", f"a whole number from 1 to {maximum}")
    return int(float(value))


def day(parameters: Parameters, name: str) -> date | None:
    """Return a date like 2018-10-11."""
    value = text(parameters, name)
    return date_of(value, name) if value else None


def first_moment(parameters: Parameters, name: str) -> datetime | None:
    """Return the first moment of a date or time, UTC; see `_time_or_date`."""
    return _moment(parameters, name, time.min)


def last_moment(parameters: Parameters, name: str) -> datetime | None:
    """Return the last moment of a date or time, UTC, in whole microseconds."""
    return _moment(parameters, name, time.max)


def _moment(parameters: Parameters, name: str, time_of_day: time) -> datetime | None:
    value = text(parameters, name)
    if value is None:
        return None
    if "t" in value.lower() or " " in value:
        return _time_of(value, name)
    try:
        return datetime.combine(date_of(value, name), time_of_day, UTC)
    except BadParameterError as error:
        raise BadParameterError(name, TIME_WANTED) from error


def _time_of(value: str, parameter: str) -> datetime:
    """Parse an ISO 8601 time; without an offset it is UTC.

    A space before the offset was a plus sign: forms encode it so. Fractions below a microsecond are
    truncated.
    """
    match = _TIME.fullmatch(value)
    if match is None:
        raise BadParameterError(parameter, TIME_WANTED)
    offset = (match["offset"] or "Z").upper().replace(" ", "+")
    try:
        date_of(match["date"], parameter)
        found = datetime.fromisoformat(f"{match['date']}T{match['time']}{offset}")
    except (ValueError, BadParameterError) as error:
        raise BadParameterError(parameter, TIME_WANTED) from error
    return found.astimezone(UTC)


def date_of(value: str, parameter: str) -> date:
    """Parse a date.

    Raises
    ------
    BadParameterError
        If it is not a date like 2018-10-11 in years with telescopes.
    """
    wanted = "a date like 2018-10-11"
    if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise BadParameterError(parameter, wanted)
    try:
        found = date.fromisoformat(value)
    except ValueError as error:
        raise BadParameterError(parameter, wanted) from error
    if not EARLIEST <= found <= LATEST:
        raise BadParameterError(parameter, f"{wanted}, from {EARLIEST} on")
    return found
