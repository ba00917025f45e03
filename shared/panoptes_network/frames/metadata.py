"""An image's metadata: cleans values, extracts ids, reports conflicts."""

from dataclasses import dataclass

from panoptes_network.errors import PermanentError, Reason
from panoptes_network.frames.fits_header import Cards
from panoptes_network.ids import (
    CameraTime,
    ObjectPath,
    check_safe,
    check_time,
    format_time,
    named_image,
    named_unit,
    parse_path,
)

_MAX_INT32 = 2**31


@dataclass(frozen=True, slots=True)
class Identity:
    """The image and sequence that a file belongs to.

    `contradictions` maps cards that differ from the path to both values; the path is used.
    """

    image: CameraTime
    sequence: CameraTime
    field: str | None
    contradictions: dict[str, dict[str, str]]


def number(headers: Cards, keyword: str) -> float | None:
    """Return a cleaned header value if it is a number; else None."""
    value = headers.get(keyword)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def integer(headers: Cards, keyword: str) -> int | None:
    """Return a cleaned header value as a 32-bit integer; None if it is not one."""
    value = number(headers, keyword)
    return int(value) if value is not None and abs(value) < _MAX_INT32 else None


def text(headers: Cards, keyword: str) -> str | None:
    """Return a cleaned header value as text; None if the card is missing or empty."""
    value = headers.get(keyword)
    return None if value is None else str(value)


def identify_upload(bucket_path: str, headers: Cards) -> Identity:
    """Find the ids of an uploaded file in its path, else in its name, else in its header.

    Raises
    ------
    PermanentError
        With :attr:`Reason.NO_IDENTITY`, if none identifies the image, or the header names
        an image of a unit other than the folder's. With the reasons of :func:`check_safe`, for a
        path that no bucket should contain.
    """
    check_safe(bucket_path)
    try:
        path = parse_path(bucket_path)
    except PermanentError as error:
        return _identify_by_name(bucket_path, headers, error.message)
    return identify(path, headers)


def _identify_by_name(bucket_path: str, headers: Cards, problem: str) -> Identity:
    """Find the ids of a file whose path does not give them; `problem` explains why not."""
    try:
        found = identify(None, headers, named_image(bucket_path))
    except PermanentError as error:
        raise PermanentError(error.reason, f"{problem}; {error.message}") from None
    unit_id = named_unit(bucket_path)
    if unit_id not in (None, found.image.unit_id):
        raise PermanentError(
            Reason.NO_IDENTITY,
            f"{problem}, and its image would be of {found.image.unit_id}, not of {unit_id}",
        )
    return found


def identify(path: ObjectPath | None, headers: Cards, named: CameraTime | None = None) -> Identity:
    """Find the ids of an image in its path, then in its header (IMAGEID, SEQID, FIELD).

    Parameters
    ----------
    path : ObjectPath or None
        None if only headers are known.
    headers : dict
        Cleaned values.
    named : CameraTime, optional
        The image named by the file name, if there is no path.

    Raises
    ------
    PermanentError
        With :attr:`Reason.NO_IDENTITY`, if neither identifies the image, and with
        :attr:`Reason.BAD_TIME` for an implausible time.
    """
    header_image = _header_id(headers, "IMAGEID")
    header_sequence = _header_id(headers, "SEQID")
    if path is None:
        image = named or header_image
        sequence = header_sequence if _same_camera(header_sequence, image) else image
    else:
        sequence = CameraTime(path.unit_id, path.camera_id, path.sequence_time)
        time = path.image_time or (header_image.time if header_image else None)
        image = CameraTime(path.unit_id, path.camera_id, time) if time else None
    if image is None or sequence is None:
        raise _no_identity(headers)
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


def _header_id(headers: Cards, keyword: str) -> CameraTime | None:
    return CameraTime.in_any_spelling(str(headers.get(keyword, "")))


def _said(headers: Cards, keyword: str) -> str | None:
    """Return a card's text; ids in other spellings are returned in canonical form."""
    said = text(headers, keyword)
    if said is None or keyword not in ("IMAGEID", "SEQID"):
        return said
    known = CameraTime.in_any_spelling(said)
    return said if known is None else str(known)


def _no_identity(headers: Cards) -> PermanentError:
    """Return the refusal of a file without an id, quoting an invalid IMAGEID."""
    said = text(headers, "IMAGEID")
    if said is None:
        return PermanentError(
            Reason.NO_IDENTITY,
            "neither the object path nor the header says which image this is: there is no IMAGEID",
        )
    return PermanentError(
        Reason.NO_IDENTITY,
        "the object path does not say which image this is, and the header's IMAGEID is"
        f" {said[:80]!r}, which is not an id: an id is PAN and 3 digits, the camera's 6 hex digits"
        " and the UTC time, like PAN001_14d3bd_20181011T134333",
    )


def _same_camera(one: CameraTime | None, other: CameraTime | None) -> bool:
    if one is None or other is None:
        return False
    return (one.unit_id, one.camera_id) == (other.unit_id, other.camera_id)


def _contradictions(believed: dict[str, str | None], headers: Cards) -> dict[str, dict[str, str]]:
    said = {keyword: _said(headers, keyword) for keyword in believed}
    return {
        keyword: {"believed": str(value), "header": str(said[keyword])}
        for keyword, value in believed.items()
        if said[keyword] not in (None, value)
    }
