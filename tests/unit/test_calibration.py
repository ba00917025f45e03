"""Calibration frames are told by whole words: a field that is only called so is none."""

from typing import Any

import pytest

from panoptes_network.frames.calibration import (
    CalibrationKind,
    calibration_kind,
    header_kind,
    path_kind,
    skipped,
)
from panoptes_network.nights import advice

FOLDER = "14d3bd/20180812T083000"
FILE = "20180812T083000.fits"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Dark Frame", "dark"),
        ("DARK", "dark"),
        ("darks", "dark"),
        ("Bias Frame", "bias"),
        ("zero", "bias"),
        ("Flat Field", "flat"),
        ("flat_field", "flat"),
        ("Twilight Flats", "flat"),
        ("focus", "focus"),
        ("bias_001", "bias"),
        ("dark-20180812T083000Z", "dark"),
        ("Light Frame", None),
        ("object", None),
        ("Dark Cloud", None),
        ("Flat Rock Nebula", None),
        ("dark flat", None),
        ("frame", None),
        ("unbiased", None),
        ("", None),
        (None, None),
        (3.5, None),
    ],
)
def test_the_kind_that_a_text_names(text: object, kind: str | None) -> None:
    assert calibration_kind(text) == kind


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (f"PAN306/flats/{FOLDER}/{FILE}", "flat"),
        (f"PAN306/Dark/{FOLDER}/{FILE}", "dark"),
        (f"PAN306/M42/{FOLDER}/bias_001.fits.fz", "bias"),
        (f"PAN306/14d3bd/focus/{FILE}", "focus"),
        (f"PAN306/M42/{FOLDER}/{FILE}", None),
        (f"PAN306/Dark Horse/{FOLDER}/{FILE}", None),
        ("PAN306/dark.d/notes.txt", None),
        ("", None),
    ],
)
def test_the_kind_that_a_path_names(path: str, kind: str | None) -> None:
    assert path_kind(path) == kind


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"IMAGETYP": "Dark Frame"}, "dark"),
        ({"OBSTYPE": "BIAS"}, "bias"),
        ({"FRAME": "Flat"}, "flat"),
        ({"IMAGETYP": "Light Frame", "OBSTYPE": "object"}, None),
        ({"FIELD": "dark"}, None),
        ({"IMAGETYP": 7}, None),
        ({}, None),
    ],
)
def test_the_kind_that_a_header_names(headers: dict[str, Any], kind: str | None) -> None:
    assert header_kind(headers) == kind


@pytest.mark.parametrize("kind", CalibrationKind)
def test_each_kind_is_skipped_under_its_own_reason(kind: CalibrationKind) -> None:
    error = skipped(kind)
    assert error.reason == f"{kind}_frame"
    assert f"A {kind} frame" in advice.of_reason(error.reason).meaning
