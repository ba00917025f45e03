"""The FITS cards derived from a CR2 and its object path, as units write them.

Names and encodings of the tags follow exiftool's tables ``Exif`` and ``Canon``.
"""

import math
from datetime import datetime

from astropy.io import fits

from panoptes_network.frames.cr2.structure import Cr2
from panoptes_network.frames.cr2.tiff import Directory
from panoptes_network.ids import ObjectPath

Card = tuple[str, str | int | float, str]

_FROM_CR2 = "From CR2"
_COLOR_DATA_VERSION = 10
"""ColorData7 as the EOS 100D writes it; other versions have another layout."""
_SENSOR_DIAGONALS_IN_A_CIRCLE = 1440
"""The circle of confusion is the sensor's diagonal divided by this (exiftool's Composite)."""
_MM_OF_UNIT = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}
"""Exif's FocalPlaneResolutionUnit."""
_MAX_TEXT = 68
"""Maximum number of characters in one card (FITS Standard 4.0, section 4.2.1.1)."""


def header(cr2: Cr2, path: ObjectPath) -> fits.Header:
    """Return an image's metadata from its CR2 and its object path.

    Missing or invalid Exif values give no card. DATE-OBS is the camera's clock, which can be wrong;
    DATE-BEG is the start of the exposure in the path.

    Parameters
    ----------
    cr2 : Cr2
        The file.
    path : ObjectPath
        The path of an image, not of a pointing frame.
    """
    cards = fits.Header()
    cards.extend([*camera_cards(cr2), *_path_cards(path)])
    return cards


def camera_cards(cr2: Cr2) -> list[Card]:
    """Return the cards from the camera's own tags."""
    exif, note = cr2.exif, cr2.maker_note
    cards: list[tuple[str, str | int | float | None, str]] = [
        ("ISO", exif.integer(0x8827), ""),
        ("EXPTIME", exif.real(0x829A), "Seconds"),
        ("DATE-OBS", _clock(exif.text(0x9003)), "Camera's clock"),
        ("CIRCCONF", _circle_of_confusion(exif), _FROM_CR2),
        ("CAMSN", _short(exif.text(0xA431)), _FROM_CR2),
        ("INTSN", _short(note.text(0x0096)), _FROM_CR2),
        ("MEASRGGB", _joined(note.integers(0x00AA)[1:5]), _FROM_CR2),
        *_shot_cards(note),
        *_color_cards(note.integers(0x4001)),
    ]
    return [(keyword, value, comment) for keyword, value, comment in cards if value is not None]


def _path_cards(path: ObjectPath) -> list[Card]:
    cards: list[tuple[str, str | None, str]] = [
        ("FILENAME", path.stem + path.suffix, ""),
        ("IMAGEID", path.image_id, ""),
        ("SEQID", path.sequence_id, ""),
        # Names in other scripts are in the path; FITS has ASCII only.
        ("FIELD", path.field if path.field and path.field.isascii() else None, ""),
        ("DATE-BEG", _start(path), "Of the id, UTC"),
        ("TIMESYS", "UTC", ""),
        ("FILTER", "RGGB", ""),
        ("INSTRUME", path.camera_id, "Camera ID"),
        ("OBSERVER", path.unit_id, "PANOPTES Unit ID"),
        ("ORIGIN", "Project PANOPTES", ""),
    ]
    return [(keyword, value, comment) for keyword, value, comment in cards if value is not None]


def _start(path: ObjectPath) -> str | None:
    return None if path.image_time is None else f"{path.image_time:%Y-%m-%dT%H:%M:%S}"


def _shot_cards(note: Directory) -> list[tuple[str, str | float | None, str]]:
    """Return the values of ShotInfo: signed 16-bit numbers, by index."""
    shot = [_signed(value) for value in note.integers(0x0004)]
    if len(shot) <= 23:
        return []
    temperature = f"{shot[12] - 128} C" if shot[12] > 0 else None
    return [
        ("CAMTEMP", temperature, "Celsius - From CR2"),
        ("MEASEV", round(shot[3] / 32 + 5, 2), _FROM_CR2),
        ("MEASEV2", shot[23] / 8 - 6, _FROM_CR2),
    ]


def _color_cards(data: tuple[int, ...]) -> list[tuple[str, str | int | float | None, str]]:
    """Return the values of ColorData, if its version is known."""
    if len(data) <= 0x1FD or data[0] != _COLOR_DATA_VERSION:
        return []
    as_shot = data[0x3F:0x43]
    red, green, blue = as_shot[0], (as_shot[1] + as_shot[2]) / 2, as_shot[3]
    return [
        ("COLORTMP", data[0x4D], _FROM_CR2),
        ("WHTLVLN", data[0x1FC], _FROM_CR2),
        ("WHTLVLS", data[0x1FD], _FROM_CR2),
        ("REDBAL", round(red / green, 6) if green else None, _FROM_CR2),
        ("BLUEBAL", round(blue / green, 6) if green else None, _FROM_CR2),
        ("WBRGGB", _joined(as_shot), _FROM_CR2),
    ]


def _circle_of_confusion(exif: Directory) -> str | None:
    """Return a 1440th of the sensor's diagonal, as exiftool does."""
    unit_mm = _MM_OF_UNIT.get(exif.integer(0xA210) or 0, 0.0)
    sides_mm = [
        (exif.real(pixels) or 0) * unit_mm / (exif.real(resolution) or math.inf)
        for pixels, resolution in ((0xA002, 0xA20E), (0xA003, 0xA20F))
    ]
    circle_mm = math.hypot(*sides_mm) / _SENSOR_DIAGONALS_IN_A_CIRCLE
    return f"{circle_mm:.3f} mm" if 0 < circle_mm < 1 else None


def _clock(text: str | None) -> str | None:
    """Convert Exif's ``2018:08:12 08:30:34`` to FITS format; None if it is not a time."""
    try:
        return datetime.strptime(text or "", "%Y:%m:%d %H:%M:%S").isoformat()  # noqa: DTZ007
    except ValueError:
        return None


def _signed(value: int) -> int:
    """Return a 16-bit number, read as unsigned, with its sign."""
    return value - 2**16 if value >= 2**15 else value


def _joined(values: tuple[int, ...]) -> str | None:
    return " ".join(map(str, values)) if len(values) == 4 else None


def _short(text: str | None) -> str | None:
    return text[:_MAX_TEXT] if text else None
