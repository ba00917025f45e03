"""Calibration frames, recognised by words in an object path or a header card.

They show no sky to solve. They end as ``skipped``, each kind with its own reason, and their files
stay where the unit put them.
"""

import re
from enum import StrEnum

from panoptes_network.errors import Reason, SkippedError
from panoptes_network.frames.fits_header import Cards


class CalibrationKind(StrEnum):
    """Kinds of calibration frames."""

    DARK = "dark"
    BIAS = "bias"
    FLAT = "flat"
    FOCUS = "focus"

    @property
    def reason(self) -> Reason:
        """The reason code with which frames of this kind are skipped."""
        return Reason(f"{self}_frame")


_WORDS = {
    "dark": CalibrationKind.DARK,
    "darks": CalibrationKind.DARK,
    "bias": CalibrationKind.BIAS,
    "biases": CalibrationKind.BIAS,
    "zero": CalibrationKind.BIAS,
    "flat": CalibrationKind.FLAT,
    "flats": CalibrationKind.FLAT,
    "flatfield": CalibrationKind.FLAT,
    "flatfields": CalibrationKind.FLAT,
    "domeflat": CalibrationKind.FLAT,
    "skyflat": CalibrationKind.FLAT,
    "focus": CalibrationKind.FOCUS,
}
_BESIDE = frozenset(
    {"frame", "frames", "field", "fields", "image", "images", "exposure", "calibration"}
    | {"dome", "sky", "twilight", "evening", "morning"}
)
"""Words allowed beside the kind: ``Dark Frame`` is a kind, the field ``Dark Cloud`` is not."""

_CARDS = ("IMAGETYP", "OBSTYPE", "FRAME")
"""Cards in which programs write the kind of a frame, in order of precedence."""

_TIME = re.compile(r"[0-9]{8}T[0-9]{6}Z?", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")


def calibration_kind(text: object) -> CalibrationKind | None:
    """Return the kind named by a header's IMAGETYP or by one part of an object path.

    ``Dark Frame``, ``FLATS``, ``bias_001`` and ``dark-20180812T083000`` name a kind; text with any
    other word, or with two kinds, does not.
    """
    words = set(_WORD.findall(_TIME.sub(" ", str(text)).lower())) - _BESIDE
    kinds = {_WORDS.get(word) for word in words}
    return kinds.pop() if len(kinds) == 1 else None


def path_kind(path: str) -> CalibrationKind | None:
    """Return the kind named by a folder or the file name of an object path, as above."""
    *folders, file_name = path.split("/")
    stem = file_name.partition(".")[0]
    return next(filter(None, map(calibration_kind, [*folders, stem])), None)


def header_kind(headers: Cards) -> CalibrationKind | None:
    """Return the kind named by a header's IMAGETYP, OBSTYPE or FRAME, as above."""
    return next(filter(None, (calibration_kind(headers.get(card, "")) for card in _CARDS)), None)


def skipped(kind: CalibrationKind) -> SkippedError:
    """Return the error that records a calibration frame."""
    return SkippedError(kind.reason, f"a {kind} frame: stored for calibration, not solved")
