"""Ids of units, cameras, sequences and images, and the object paths built from them.

An object path is ``unit/[field/]camera/sequence time/file``, as in
``PAN001/M42/14d3bd/20181011T134202/20181011T134333.fits.fz``; newer units omit the field.
:func:`parse_path` also accepts other spellings of the ids (`id_spellings`), and
:attr:`ObjectPath.path` writes the canonical one: a canonical path is written as it was read.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from panoptes_network import id_spellings
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.file_formats import refusal_of_name

T = TypeVar("T")

TIME_FORMAT = "%Y%m%dT%H%M%S"
FIRST_TIME = datetime(2000, 1, 1, tzinfo=UTC)
"""No unit took an image before this; an earlier time comes from a clock that was not set."""
MAX_PATH_BYTES = 1024
"""Google Cloud Storage's limit for object names."""

FITS_SUFFIXES = (".fits", ".fits.fz", ".fz", ".fits.gz", ".fit", ".fts")
IMAGE_SUFFIXES = (".cr2", *FITS_SUFFIXES)

_TIME = re.compile(r"[0-9]{8}T[0-9]{6}")
_TIME_WANTED = "a UTC time like 20181011T134333"
_IMAGE_ID = re.compile(r"(?P<unit>PAN[0-9]{3})_(?P<camera>[0-9a-f]{6})_(?P<time>[0-9]{8}T[0-9]{6})")
_NO_NAME = re.compile("[\0\r\n\ud800-\udfff]")
"""Characters that Cloud Storage allows in no object name."""
_POINTING = re.compile(r"pointing[0-9a-z_]{0,32}", re.IGNORECASE | re.ASCII)
_ANY_ID = re.compile(
    r"(?P<unit>PAN[0-9]{3})(?:_(?P<camera>[0-9a-f]{6})_(?P<time>[0-9]{8}T[0-9]{6}))?",
    re.IGNORECASE | re.ASCII,
)


def parse_time(text: str) -> datetime:
    """Return the aware UTC time written as ``20181011T134202``; ValueError otherwise."""
    if not _TIME.fullmatch(text):
        raise ValueError(text)
    return datetime.strptime(text, TIME_FORMAT).replace(tzinfo=UTC)


def format_time(time: datetime) -> str:
    """Format an aware time as in ids, in UTC."""
    utc = time.astimezone(UTC)
    # %Y alone does not pad years before 1000 to four digits.
    return f"{utc.year:04}{utc:%m%dT%H%M%S}"


def end_of_times(now: datetime | None = None) -> datetime:
    """Return the end of tomorrow, UTC: times of images and sequences must be earlier.

    A unit's clock may be somewhat ahead of the receiving service's clock, `now`.
    """
    today = (now or datetime.now(UTC)).astimezone(UTC)
    midnight = today.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + timedelta(days=2)


def is_plausible(time: datetime) -> bool:
    """Return whether an aware time is between :data:`FIRST_TIME` and the end of tomorrow."""
    return FIRST_TIME <= time < end_of_times()


def check_time(time: datetime, what: str) -> None:
    """Refuse a time of an image or a sequence that no correct clock can have given.

    Parameters
    ----------
    time : datetime
        Aware.
    what : str
        The subject of the time in the message, such as ``"image"``.

    Raises
    ------
    PermanentError
        With :attr:`Reason.BAD_TIME`.
    """
    if not is_plausible(time):
        last = end_of_times() - timedelta(days=1)
        raise PermanentError(
            Reason.BAD_TIME,
            f"the {what} time {format_time(time)} is not between {FIRST_TIME:%Y-%m-%d} and"
            f" {last:%Y-%m-%d}: set the unit's clock, and upload the file under its right time",
        )


@dataclass(frozen=True, slots=True)
class CameraTime:
    """A unit's camera at a time, as named by both image and sequence ids."""

    unit_id: str
    camera_id: str
    time: datetime

    @classmethod
    def parse(cls, text: str) -> "CameraTime":
        """Parse ``PAN001_14d3bd_20181011T134333``.

        Raises
        ------
        PermanentError
            With :attr:`Reason.NO_IDENTITY`, if `text` is not such an id.
        """
        match = _IMAGE_ID.fullmatch(text.strip())
        if match is None:
            raise PermanentError(
                Reason.NO_IDENTITY, f"{text[:80]!r} is not an id like PAN001_14d3bd_20181011T134333"
            )
        return cls(match["unit"], match["camera"], _checked_time(match["time"], Reason.NO_IDENTITY))

    @classmethod
    def in_any_spelling(cls, text: str) -> "CameraTime | None":
        """Parse an id in the spellings of headers and file names; None if `text` is not an id.

        This includes ``pan001_14D3BD_2018-10-11T13:43:33Z``.
        """
        unit, camera, time = id_spellings.split_id(text.strip())
        if unit is None or camera is None or time is None:
            return None
        return cls(unit, camera, time)

    def __str__(self) -> str:
        return f"{self.unit_id}_{self.camera_id}_{format_time(self.time)}"


@dataclass(frozen=True, slots=True)
class ObjectPath:
    """A parsed object path; :attr:`path` joins it again.

    The ids are in their canonical form, however the object's name spells them.

    Attributes
    ----------
    unit_id, camera_id : str
        ``PAN001``, ``14d3bd``.
    sequence_time : datetime
        UTC start of the tracking run.
    stem, suffix : str
        The file name: an image time or ``pointing00``, and ``.fits.fz`` in the case it came in.
    field : str or None
        The target's name, which may contain spaces, quotes and any script. Several folders between
        unit and camera are one name with slashes.
    """

    unit_id: str
    camera_id: str
    sequence_time: datetime
    stem: str
    suffix: str
    field: str | None = None

    @property
    def path(self) -> str:
        """The object path with canonical ids: the path of the image's products."""
        folders = [self.unit_id, self.field, self.camera_id, format_time(self.sequence_time)]
        return "/".join([*(part for part in folders if part), self.stem + self.suffix])

    @property
    def is_pointing(self) -> bool:
        """Whether this is a pointing frame, by which the mount finds its field."""
        return self.stem.lower().startswith("pointing")

    @property
    def is_raw(self) -> bool:
        """Whether this is a camera raw file, not FITS."""
        return self.suffix.lower() == ".cr2"

    @property
    def image_time(self) -> datetime | None:
        """UTC start of the exposure; None for a pointing frame, whose name has no time."""
        return None if self.is_pointing else parse_time(self.stem.upper())

    @property
    def sequence_id(self) -> str:
        """Id of the sequence (observation) that the image belongs to."""
        return str(CameraTime(self.unit_id, self.camera_id, self.sequence_time))

    @property
    def image_id(self) -> str | None:
        """Id of the image; None for a pointing frame."""
        if self.image_time is None:
            return None
        return str(CameraTime(self.unit_id, self.camera_id, self.image_time))


def fold_id(text: str) -> str:
    """Return the canonical form of a unit, image or sequence id; other texts unchanged.

    ``pan001_14D3BD_20181011t134202`` becomes ``PAN001_14d3bd_20181011T134202``.
    """
    match = _ANY_ID.fullmatch(text)
    if match is None:
        return text
    unit_id = match["unit"].upper()
    if match["time"] is None:
        return unit_id
    return f"{unit_id}_{match['camera'].lower()}_{match['time'].upper()}"


def image_suffix(name: str) -> str | None:
    """Return the image suffix of an object name, in lowercase; None if it is not an image."""
    lowered = name.lower()
    return max((s for s in IMAGE_SUFFIXES if lowered.endswith(s)), key=len, default=None)


def replace_suffix(path: str, ending: str) -> str:
    """Return an image's path with its suffix replaced."""
    return path[: len(path) - len(image_suffix(path) or "")] + ending


def check_name(path: str) -> None:
    """Refuse names that no object of a bucket can have.

    Raises
    ------
    PermanentError
        With :attr:`Reason.BAD_PATH`.
    """
    if not path:
        raise _bad("is empty")
    if len(path.encode("utf-8", "replace")) > MAX_PATH_BYTES:
        raise _bad(f"is longer than {MAX_PATH_BYTES} bytes")
    if _NO_NAME.search(path):
        raise _bad("holds control or unprintable characters")


def check_safe(path: str) -> None:
    """Refuse names that no bucket should contain: empty, overlong, climbing, or unprintable.

    Raises
    ------
    PermanentError
        With :attr:`Reason.BAD_PATH`.
    """
    check_name(path)
    if not path.isprintable():
        raise _bad("holds control or unprintable characters")
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise _bad("has an empty, '.' or '..' part")


def parse_path(path: str) -> ObjectPath:
    """Parse an object path.

    Raises
    ------
    PermanentError
        With :attr:`Reason.BAD_PATH` or :attr:`Reason.UNKNOWN_FILE_TYPE`; the message names the
        invalid part.
    """
    check_safe(path)
    if image_suffix(path) is None:
        raise PermanentError(Reason.UNKNOWN_FILE_TYPE, refusal_of_name(path, IMAGE_SUFFIXES))
    *folders, file_name = path.split("/")
    if len(folders) < 3:
        raise _bad(f"has {len(folders) + 1} parts, not unit/[field/]camera/sequence time/file")
    unit, *fields, camera, sequence = folders
    unit_id = _read_part("unit", unit, id_spellings.unit, "PAN and 3 digits")
    camera_id = _read_part("camera", camera, id_spellings.camera, "6 hex digits")
    sequence_time = _read_part("sequence time", sequence, id_spellings.time, _TIME_WANTED)
    stem = replace_suffix(file_name, "")
    return ObjectPath(
        unit_id,
        camera_id,
        sequence_time,
        _read_stem(stem, unit_id, camera_id),
        file_name[len(stem) :],
        "/".join(fields) or None,
    )


def parse_upload_path(path: str) -> ObjectPath:
    """Parse the path of an uploaded file; see `parse_path`.

    Raises
    ------
    PermanentError
        Also with :attr:`Reason.BAD_TIME` for implausible times.
    """
    parsed = parse_path(path)
    check_time(parsed.sequence_time, "sequence")
    if parsed.image_time is not None:
        check_time(parsed.image_time, "image")
    return parsed


def kept_path(path: str, image_id: str, sequence_id: str) -> ObjectPath:
    """Return the path under which an image's products are stored, wherever its file is.

    It has the ids in the file's path, in canonical form. If the path has none, it has those under
    which the image was recorded.
    """
    try:
        return parse_path(path)
    except PermanentError:
        image, sequence = CameraTime.parse(image_id), CameraTime.parse(sequence_id)
    suffix = path[len(replace_suffix(path, "")) :]
    stem = format_time(image.time)
    return ObjectPath(image.unit_id, image.camera_id, sequence.time, stem, suffix)


def named_image(path: str) -> CameraTime | None:
    """Return the image id in an object's file name, in any folder; else None."""
    return CameraTime.in_any_spelling(replace_suffix(path.rpartition("/")[2], ""))


def named_unit(path: str) -> str | None:
    """Return the unit in whose folder an object is; None if the first folder is not a unit."""
    return id_spellings.unit(path.partition("/")[0])


def names_pointing(path: str) -> bool:
    """Return whether the file name of an object path is that of a pointing frame."""
    return _POINTING.fullmatch(replace_suffix(path.rpartition("/")[2], "")) is not None


def _read_stem(stem: str, unit_id: str, camera_id: str) -> str:
    """Return the canonical stem of a file name: its time, or ``pointing00`` unchanged.

    The name may also be the whole image id, as in earlier software.
    """
    if _POINTING.fullmatch(stem):
        return stem
    whole = CameraTime.in_any_spelling(stem)
    if whole is None:
        return format_time(_read_part("file name", stem, id_spellings.time, _TIME_WANTED))
    if (whole.unit_id, whole.camera_id) != (unit_id, camera_id):
        raise _bad(f"has the file name {stem[:80]!r}, which names another unit or camera")
    return format_time(whole.time)


def _read_part(what: str, text: str, read: Callable[[str], T | None], wanted: str) -> T:
    value = read(text)
    if value is None:
        raise _bad(f"has the {what} {text[:80]!r}, which is not {wanted}")
    return value


def _checked_time(text: str, reason: Reason) -> datetime:
    try:
        return parse_time(text)
    except ValueError:
        raise PermanentError(
            reason, f"{text[:80]!r} is not a UTC time like 20181011T134202"
        ) from None


def _bad(problem: str) -> PermanentError:
    return PermanentError(Reason.BAD_PATH, f"the object path {problem}")
