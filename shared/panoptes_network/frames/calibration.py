"""Calibration frames: told by the words of an object path, or of a header card.

They show no sky to be solved. They end as ``skipped``, each kind under its own reason, and
their files stay where the unit put them.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from panoptes_network.errors import Reason, SkippedError


class CalibrationKind(StrEnum):
    """What a calibration frame is of."""

    DARK = "dark"
    BIAS = "bias"
    FLAT = "flat"
    FOCUS = "focus"

    @property
    def reason(self) -> Reason:
        """The code under which frames of this kind are skipped."""
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
"""Words that may stand beside: ``Dark Frame`` is a kind, the field ``Dark Cloud`` is none."""

_CARDS = ("IMAGETYP", "OBSTYPE", "FRAME")
"""Where programs write what a frame is of, in the order in which they are believed."""

_TIME = re.compile(r"[0-9]{8}T[0-9]{6}Z?", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")


def calibration_kind(text: object) -> CalibrationKind | None:
    """Return the kind that a header's IMAGETYP or one part of an object path names.

    ``Dark Frame``, ``FLATS``, ``bias_001`` and ``dark-20180812T083000`` name one; what holds any
    further word, or two kinds, names none.
    """
    words = set(_WORD.findall(_TIME.sub(" ", str(text)).lower())) - _BESIDE
    kinds = {_WORDS.get(word) for word in words}
    return kinds.pop() if len(kinds) == 1 else None


def path_kind(path: str) -> CalibrationKind | None:
    """Return the kind that a folder or the file name of an object path names, as above."""
    *folders, file_name = path.split("/")
    stem = file_name.partition(".")[0]
    return next(filter(None, map(calibration_kind, [*folders, stem])), None)


def header_kind(headers: Mapping[str, Any]) -> CalibrationKind | None:
    """Return the kind that a header's IMAGETYP, OBSTYPE or FRAME names, as above."""
    return next(filter(None, (calibration_kind(headers.get(card, "")) for card in _CARDS)), None)


def skipped(kind: CalibrationKind) -> SkippedError:
    """Return what is recorded of a calibration frame."""
    return SkippedError(kind.reason, f"a {kind} frame: kept for calibration, not solved")
