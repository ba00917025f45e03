"""Exif and MakerNote of a simulated CR2, from the cards of the frame's header.

Names and codings of the tags are those of exiftool's tables ``Exif`` and ``Canon``.
"""

import math

from astropy.io import fits

from simulator.detector import BLACK_ADU
from simulator.observation import FULL_HEIGHT, FULL_WIDTH
from simulator.tiff import (
    Directory,
    Entry,
    enclosed,
    long,
    rationals,
    shorts,
    signed_rational,
    text,
    undefined,
)

MAKE, MODEL = "Canon", "Canon EOS 100D"
MASKED_COLUMNS, MASKED_ROWS = 72, 52
"""To the left of and above the active area; no light reaches them."""

_MODEL_ID = 0x80000346
_LENS, _FOCAL_LENGTH_MM, _F_NUMBER = "85mm", 85, (14, 10)
"""Guessed: it gives the pixel scale that was measured."""
_APERTURE_VALUE = 2 * math.log2(_F_NUMBER[0] / _F_NUMBER[1])
_APEX_UNIT = 65536
_OPTICS_ENTRIES = {
    0x829D: rationals(_F_NUMBER),  # FNumber
    0x9202: rationals((round(_APEX_UNIT * _APERTURE_VALUE), _APEX_UNIT)),
    0x920A: rationals((_FOCAL_LENGTH_MM, 1)),
    # Pixels an inch on a sensor of 22.3 x 14.9 mm.
    0xA20E: rationals((FULL_WIDTH * 254, 223)),
    0xA20F: rationals((FULL_HEIGHT * 254, 149)),
    0xA210: shorts([2]),  # FocalPlaneResolutionUnit: inches
    0xA432: rationals(*[(_FOCAL_LENGTH_MM, 1)] * 2, *[_F_NUMBER] * 2),  # LensInfo
    0xA434: text(_LENS),  # LensModel
    0xA435: text("0000000000"),  # LensSerialNumber
}


def date_time(header: fits.Header) -> str:
    """Return the camera's clock as Exif writes it."""
    return str(header["DATE-OBS"]).replace("-", ":").replace("T", " ")


def exif_directory(header: fits.Header, note: Directory, width: int, height: int) -> Directory:
    """Return the Exif directory.

    Parameters
    ----------
    header : astropy.io.fits.Header
        The cards of a unit.
    note : Directory
        From :func:`maker_note`.
    width, height : int
        Active area, pixels.
    """
    entries = {
        0x9000: undefined(b"0230"),  # ExifVersion
        0x9101: undefined(bytes([1, 2, 3, 0])),  # ComponentsConfiguration
        0x927C: enclosed(note),
        0xA000: undefined(b"0100"),  # FlashpixVersion
        0xA001: shorts([1]),  # ColorSpace: sRGB
        0xA002: shorts([width]),
        0xA003: shorts([height]),
        0xA430: text(header["OBSERVER"]),  # OwnerName
        0xA431: text(header["CAMSN"]),  # SerialNumber
    }
    return Directory({**entries, **_exposure_entries(header), **_OPTICS_ENTRIES})


def _exposure_entries(header: fits.Header) -> dict[int, Entry]:
    iso, clock = header["ISO"], text(date_time(header))
    return {
        0x829A: rationals((round(10 * header["EXPTIME"]), 10)),  # ExposureTime
        0x8822: shorts([1]),  # ExposureProgram: manual
        0x8827: shorts([iso]),
        0x8830: shorts([2]),  # SensitivityType: recommended exposure index
        0x8832: long(iso),  # RecommendedExposureIndex
        0x9003: clock,  # DateTimeOriginal
        0x9004: clock,  # CreateDate
        0x9201: signed_rational(round(-_APEX_UNIT * math.log2(_shutter_s(header))), _APEX_UNIT),
        0x9207: shorts([5]),  # MeteringMode: pattern
        0x9209: shorts([16]),  # Flash: off
        0xA402: shorts([1]),  # ExposureMode: manual
    }


def maker_note(header: fits.Header, width: int, height: int) -> Directory:
    """Return Canon's MakerNote; its offsets count from the start of the file."""
    return Directory(
        {
            0x0001: _camera_settings(header),
            0x0002: shorts([1, _FOCAL_LENGTH_MM, 0, 0]),  # FocalLength
            0x0004: _shot_info(header),
            0x0006: text(MODEL),
            0x0007: text("Firmware Version 1.0.0"),
            0x0008: long(0),  # FileNumber
            0x0009: text(header["OBSERVER"]),  # OwnerName
            0x0010: long(_MODEL_ID),
            0x0095: text(_LENS),
            0x0096: text(header["INTSN"]),  # InternalSerialNumber
            0x00AA: _sized([*map(int, header["MEASRGGB"].split()), 0]),  # MeasuredColor
            0x00E0: _sized(_sensor_info(width, height)),
            0x4001: shorts(_color_data(header)),
        }
    )


def _sized(values: list[int]) -> Entry:
    """Return 16-bit numbers after their own size in bytes, as Canon's records begin."""
    return shorts([2 * len(values) + 2, *values])


def _record(last: int, values: dict[int, int]) -> Entry:
    """Return a record of numbers 1 to `last`, 0 where none is given."""
    return _sized([values.get(index, 0) for index in range(1, last + 1)])


def _camera_settings(header: fits.Header) -> Entry:
    settings = {
        1: 2,  # MacroMode: normal
        3: 4,  # Quality: raw
        7: 3,  # FocusMode: manual
        9: 6,  # RecordMode: CR2
        11: 1,  # EasyMode: manual
        16: 0x4000 | header["ISO"],  # CameraISO
        17: 3,  # MeteringMode: evaluative
        20: 4,  # CanonExposureMode: manual
        22: -1,  # LensType: not known
        23: _FOCAL_LENGTH_MM,
        24: _FOCAL_LENGTH_MM,
        25: 1,  # FocalUnits: mm
        26: round(32 * _APERTURE_VALUE),  # MaxAperture
    }
    return _record(48, settings)


def _shot_info(header: fits.Header) -> Entry:
    shutter_s = _shutter_s(header)
    temperature_c = int(header["CAMTEMP"].split()[0])
    shot = {
        2: round(32 * math.log2(32 * header["ISO"] / 100)),  # BaseISO
        3: round(32 * (header["MEASEV"] - 5)),  # MeasuredEV
        4: round(32 * _APERTURE_VALUE),  # TargetAperture
        5: round(-32 * math.log2(shutter_s)),  # TargetExposureTime
        12: temperature_c + 128,  # CameraTemperature
        21: round(32 * _APERTURE_VALUE),  # FNumber
        22: round(-32 * math.log2(shutter_s)),  # ExposureTime
        23: round(8 * (header["MEASEV2"] + 6)),  # MeasuredEV2
        24: min(round(10 * shutter_s), 0x7FFF),  # BulbDuration, signed 16 bit
        26: 248,  # CameraType: EOS high-end or mid-range
    }
    return _record(33, shot)


def _sensor_info(width: int, height: int) -> list[int]:
    """Return the size of the sensor and the borders of the picture.

    LibRaw knows the masks of the full sensor by its size, and takes these values as the camera's
    own smaller pictures. For any other size it takes the active area from them.
    """
    sensor = [width + MASKED_COLUMNS, height + MASKED_ROWS]
    if (width, height) == (FULL_WIDTH, FULL_HEIGHT):
        borders = [84, 64, 5267, 3519]
    else:
        borders = [MASKED_COLUMNS, MASKED_ROWS, *sensor]
    return [*sensor, 1, 1, *borders, *[0] * 8]


def _color_data(header: fits.Header) -> list[int]:
    """Return ColorData7, version 10, as this model writes it."""
    as_shot = [round(1024 * header["REDBAL"]), 1024, 1024, round(1024 * header["BLUEBAL"])]
    data = [10, *[0] * 1312]
    data[0x3F:0x44] = [*as_shot, header["COLORTMP"]]  # WB_RGGBLevelsAsShot, ColorTempAsShot
    data[0x44:0x49] = [*as_shot, header["COLORTMP"]]  # …Auto
    data[0x49:0x4E] = [*as_shot, header["COLORTMP"]]  # …Measured
    data[0x114:0x118] = [BLACK_ADU] * 4  # AverageBlackLevel
    data[0x1F8:0x1FC] = [BLACK_ADU] * 4  # PerChannelBlackLevel
    data[0x1FC] = header["WHTLVLN"]
    data[0x1FD] = header["WHTLVLS"]
    return data


def _shutter_s(header: fits.Header) -> float:
    """Return the exposure, at least the shutter's shortest: its logarithm is taken."""
    return max(float(header["EXPTIME"]), 1 / 4000)
