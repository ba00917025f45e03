"""What an image's header and object path say of it: values cleaned, ids found, clashes told."""

import math
import re
from dataclasses import dataclass
from typing import Any

from panoptes_network.errors import PermanentError, Reason
from panoptes_network.ids import CameraTime, ObjectPath, check_time, format_time

MAX_VALUE_CHARS = 2000
_MAX_INTEGER = 2**63
_MAX_INT32 = 2**31

_WITH_UNIT = re.compile(r"([+-]?[0-9]+(?:\.[0-9]*)?)\s*(C|mm|s|deg|m)")
_NUMBER = re.compile(r"[+-]?([0-9]{1,300}\.?[0-9]{0,300}|\.[0-9]{1,300})([eE][+-]?[0-9]{1,3})?")
_WORDS = {"true": True, "false": False}

TEXT_CARDS = frozenset(
    {"CAMSN", "CREATOR", "DATE-OBS", "FIELD", "FILENAME", "FILTER"}
    | {"IMAGEID", "INSTRUME", "INTSN", "OBSERVER", "ORIGIN", "SEQID"}
)
"""Cards that are names even where they look like numbers: camera 12e456, serial 012070048413."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which image of which sequence a file is.

    `contradictions` maps a card that says otherwise than the path to both their words; the
    path is the one believed.
    """

    image: CameraTime
    sequence: CameraTime
    field: str | None
    contradictions: dict[str, dict[str, str]]


def clean_headers(headers: dict[str, Any]) -> dict[str, Any]:
    """Return header values as JSON can keep them and SQL can use them.

    Numbers and booleans in strings become such, ``'11 C'`` becomes 11.0; empty strings, NaN,
    infinities, whole numbers beyond 64 bits, nested values and NUL characters are left out.
    Cards that are names (:data:`TEXT_CARDS`) stay text.
    """
    named = {_storable(key).upper(): value for key, value in headers.items()}
    cleaned = {key: _clean(key, value) for key, value in named.items() if key}
    return {key: value for key, value in cleaned.items() if value is not None}


def number(headers: dict[str, Any], keyword: str) -> float | None:
    """Return a cleaned header value where it is a number; None otherwise."""
    value = headers.get(keyword)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def integer(headers: dict[str, Any], keyword: str) -> int | None:
    """Return a cleaned header value as a whole number of 32 bits; None where it is none."""
    value = number(headers, keyword)
    return int(value) if value is not None and abs(value) < _MAX_INT32 else None


def text(headers: dict[str, Any], keyword: str) -> str | None:
    """Return a cleaned header value as text; None where the card is missing or was empty."""
    value = headers.get(keyword)
    return None if value is None else str(value)


def identify(path: ObjectPath | None, headers: dict[str, Any]) -> Identity:
    """Find the ids of an image in its path, then in its header (IMAGEID, SEQID, FIELD).

    Parameters
    ----------
    path : ObjectPath or None
        None where only headers are known.
    headers : dict
        Cleaned values.

    Raises
    ------
    PermanentError
        With :attr:`Reason.NO_IDENTITY`, when neither says which image this is, and with
        :attr:`Reason.BAD_TIME` for a time that cannot be right.
    """
    header_image = _header_id(headers, "IMAGEID")
    header_sequence = _header_id(headers, "SEQID")
    if path is None:
        image = header_image
        sequence = header_sequence if _same_camera(header_sequence, image) else image
    else:
        sequence = CameraTime(path.unit_id, path.camera_id, path.sequence_time)
        time = path.image_time or (header_image.time if header_image else None)
        image = CameraTime(path.unit_id, path.camera_id, time) if time else None
    if image is None or sequence is None:
        raise PermanentError(
            Reason.NO_IDENTITY,
            "neither the object path nor the header card IMAGEID says which image this is",
        )
    check_time(sequence.time, "sequence")
    check_time(image.time, "image")
    field = path.field if path and path.field else text(headers, "FIELD")
    believed = {"IMAGEID": str(image), "SEQID": str(sequence), "FIELD": field}
    return Identity(image, sequence, field, _contradictions(believed, headers))


def image_path(identity: Identity, suffix: str) -> ObjectPath:
    """Return the object path under which a unit would upload this image."""
    field = identity.field.replace("/", "-") if identity.field else None
    return ObjectPath(
        identity.image.unit_id,
        identity.image.camera_id,
        identity.sequence.time,
        format_time(identity.image.time),
        suffix,
        field,
    )


def _clean(keyword: str, value: object) -> str | int | float | bool | None:
    if isinstance(value, str):
        stripped = _storable(value)[:MAX_VALUE_CHARS]
        return stripped or None if keyword in TEXT_CARDS else _from_text(stripped)
    return _usable(value)


def _storable(value: str) -> str:
    """Leave out what PostgreSQL's text cannot hold: NUL and halves of surrogate pairs."""
    return value.replace("\0", "").encode("utf-8", "replace").decode().strip()


def _usable(value: object) -> int | float | bool | None:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value if abs(value) < _MAX_INTEGER else None
    return None


def _from_text(value: str) -> str | int | float | bool | None:
    if value.lower() in _WORDS:
        return _WORDS[value.lower()]
    if match := _WITH_UNIT.fullmatch(value):
        return float(match[1])
    if not _NUMBER.fullmatch(value):
        return value or None
    return _usable(int(value) if value.lstrip("+-").isdigit() else float(value))


def _header_id(headers: dict[str, Any], keyword: str) -> CameraTime | None:
    try:
        return CameraTime.parse(str(headers.get(keyword, "")))
    except PermanentError:
        return None


def _same_camera(one: CameraTime | None, other: CameraTime | None) -> bool:
    if one is None or other is None:
        return False
    return (one.unit_id, one.camera_id) == (other.unit_id, other.camera_id)


def _contradictions(
    believed: dict[str, str | None], headers: dict[str, Any]
) -> dict[str, dict[str, str]]:
    said = {keyword: text(headers, keyword) for keyword in believed}
    return {
        keyword: {"believed": str(value), "header": str(said[keyword])}
        for keyword, value in believed.items()
        if said[keyword] not in (None, value)
    }
