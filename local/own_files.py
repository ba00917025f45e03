"""The user's own files for `make run`, and how each is identified."""

import glob
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from local.images import ImageFile
from panoptes_network.byte_ranges import ranges_of
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.file_formats import refusal_of_name
from panoptes_network.frames.cr2.cards import camera_cards
from panoptes_network.frames.cr2.structure import read_structure
from panoptes_network.frames.fits_header import Cards, read_image_header
from panoptes_network.frames.header_values import clean_headers
from panoptes_network.frames.metadata import Identity, identify, image_path, text
from panoptes_network.gzip_files import content_of
from panoptes_network.ids import (
    IMAGE_SUFFIXES,
    CameraTime,
    ObjectPath,
    image_suffix,
    parse_path,
    parse_time,
    replace_suffix,
)

UNIT = re.compile(r"PAN[0-9]{3}")
CAMERA = re.compile(r"[0-9a-f]{6}")

_ID_PARTS = re.compile(r"(?P<unit>[^_]*)_(?P<camera>[^_]*)_(?P<time>[0-9]{8}T[0-9]{6})")
_ASK_FOR = {
    "unit": "name the unit, as in UNIT=PAN001",
    "camera": "name the camera, as in CAMERA=14d3bd: any 6 hex digits",
    "time": "write the UTC time of the exposure into the header card DATE-OBS",
}


@dataclass(frozen=True, slots=True)
class Given:
    """Ids given by the user for files that do not name them: ``PAN001``, ``14d3bd``."""

    unit_id: str | None = None
    camera_id: str | None = None


@dataclass(slots=True)
class Chosen:
    """Files that can be uploaded, and those that cannot, with reasons and remedies."""

    images: list[ImageFile] = field(default_factory=list)
    left_out: list[tuple[Path, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Dated:
    """A file identified by its time and the user's ids; its sequence is not yet known."""

    file: Path
    suffix: str
    image: CameraTime
    field: str | None

    @property
    def camera(self) -> tuple[Path, str, str]:
        """Folder, unit and camera, which the files of a sequence have in common."""
        return self.file.parent, self.image.unit_id, self.image.camera_id


def matching_files(pattern: str) -> list[Path]:
    """Return the files that match a shell pattern (``**`` for any folders), in order."""
    # Path.glob accepts no absolute pattern before Python 3.13.
    names = glob.glob(pattern, recursive=True)  # noqa: PTH207
    return [Path(name) for name in sorted(names) if Path(name).is_file()]


def choose(files: Iterable[Path], given: Given) -> Chosen:
    """Identify each file by its folders, else its header, else the user's ids.

    Files of one folder known only by their times form one sequence, which begins with the first
    one.
    """
    chosen, dated = Chosen(), list[_Dated]()
    for file in files:
        try:
            found = _name(file, given)
        except PermanentError as error:
            chosen.left_out.append((file, error.message))
            continue
        except OSError as error:
            chosen.left_out.append((file, error.strerror or str(error)))
            continue
        if isinstance(found, _Dated):
            dated.append(found)
        else:
            chosen.images.append(found)
    chosen.images += _in_sequences(dated)
    _leave_out_doubles(chosen)
    return chosen


def _name(file: Path, given: Given) -> ImageFile | _Dated:
    suffix = image_suffix(file.name)
    if suffix is None:
        words = refusal_of_name(file.name, IMAGE_SUFFIXES)
        raise PermanentError(Reason.UNKNOWN_FILE_TYPE, words)
    path = _path_from_folders(file)
    if path is not None:
        return ImageFile(file, path.path)
    headers = clean_headers(_headers(file, suffix))
    try:
        identity = identify(None, headers)
    except PermanentError as error:
        if error.reason is not Reason.NO_IDENTITY:
            raise
        return _by_time(file, suffix, headers, given)
    return ImageFile(file, parse_path(image_path(identity, suffix).path).path)


def _path_from_folders(file: Path) -> ObjectPath | None:
    """Return the object path at the end of `file`, with or without a field; None for neither."""
    parts = file.absolute().parts
    for length in (4, 5):
        try:
            return parse_path("/".join(parts[-length:]))
        except PermanentError:
            continue
    return None


def _headers(file: Path, suffix: str) -> Cards:
    if suffix == ".cr2":
        return {card: value for card, value, _ in camera_cards(read_structure(file))}
    with file.open("rb") as opened:
        content = content_of(ranges_of(opened), file.stat().st_size)
        return dict(read_image_header(content.read).cards)


def _by_time(file: Path, suffix: str, headers: Cards, given: Given) -> _Dated:
    """Identify a file by its header and the user's ids.

    Raises
    ------
    PermanentError
        With NO_IDENTITY and a remedy, if a part is unknown.
    """
    said = text(headers, "IMAGEID") or ""
    parts = _ID_PARTS.fullmatch(said)
    unit_id = given.unit_id or _matching(UNIT, parts and parts["unit"])
    camera_id = given.camera_id or _matching(CAMERA, text(headers, "INSTRUME"))
    time = _time(parts["time"] if parts else text(headers, "DATE-OBS"))
    if unit_id and camera_id and time:
        field_name = text(headers, "FIELD") or text(headers, "OBJECT")
        return _Dated(file, suffix, CameraTime(unit_id, camera_id, time), field_name)
    known = {"unit": unit_id, "camera": camera_id, "time": time}
    advice = ", and ".join(_ASK_FOR[name] for name, value in known.items() if not value)
    quoted = f" (IMAGEID is {said[:80]!r})" if said else ""
    words = f"neither its folders nor its header says which image it is{quoted}; {advice}"
    raise PermanentError(Reason.NO_IDENTITY, words)


def _matching(pattern: re.Pattern[str], text: str | None) -> str | None:
    return text if text and pattern.fullmatch(text) else None


def _time(text: str | None) -> datetime | None:
    """Return the UTC time in an id or DATE-OBS, in whole seconds; None if there is none."""
    try:
        return parse_time(text or "")
    except ValueError:
        pass
    try:
        time = datetime.fromisoformat(text if text and "T" in text else "")
    except ValueError:
        return None
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return aware.astimezone(UTC).replace(microsecond=0)


def _in_sequences(dated: list[_Dated]) -> Iterator[ImageFile]:
    """Yield files, grouped into one sequence per folder and camera."""
    starts: dict[tuple[Path, str, str], CameraTime] = {}
    for one in dated:
        start = starts.setdefault(one.camera, one.image)
        starts[one.camera] = min(start, one.image, key=lambda image: image.time)
    for one in dated:
        identity = Identity(one.image, starts[one.camera], one.field, {})
        yield ImageFile(one.file, image_path(identity, one.suffix).path)


def _leave_out_doubles(chosen: Chosen) -> None:
    """Skip files that would replace another one; a CR2 and a FITS file go together."""
    first: dict[tuple[str, bool], Path] = {}
    images, chosen.images = chosen.images, []
    for image in images:
        is_cr2 = image_suffix(image.object_path) == ".cr2"
        kept = first.setdefault((replace_suffix(image.object_path, ""), is_cr2), image.file)
        if kept is image.file:
            chosen.images.append(image)
            continue
        words = f"{kept} is the same image: of one camera and one second"
        chosen.left_out.append(
            (image.file, f"{words}; upload only one of these files, or correct its time")
        )
