"""What is said of frames that no place on the sky fits."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from panoptes_network.errors import Reason, UnsolvedError
from panoptes_network.frames.frame import Frame
from plate_solver.scale import explained, header_scale
from tests.unit.plate_solver_fields import sources_at

FRAME = Frame(np.zeros((350, 450), dtype=np.uint16))
SOURCES = replace(sources_at(np.zeros(3), np.zeros(3)), fwhm_px=np.array([20.0, 23.0, 26.0]))
NOT_SOLVED = UnsolvedError(Reason.NOT_SOLVED, "no pattern fits")


def told(**headers: Any) -> UnsolvedError:
    return explained(NOT_SOLVED, SOURCES, FRAME, headers)


@pytest.mark.parametrize(
    ("headers", "scale_arcsec"),
    [
        ({"XBINNING": 2}, 20.58),
        ({"XBINNING": 1}, 10.29),
        ({"FOCALLEN": 50.0}, 17.49),
        ({"FOCALLEN": 50, "XBINNING": 2}, 34.99),
        ({"FOCALLEN": 135.0, "XPIXSZ": 4.3}, 6.57),
        ({"PIXSCALE": 3.1, "XBINNING": 2}, 3.1),
        ({"SECPIX": 0}, None),
        ({"XBINNING": "two"}, None),
        ({}, None),
    ],
)
def test_scale_by_the_header(headers: dict[str, Any], scale_arcsec: float | None) -> None:
    assert header_scale(headers)[0] == pytest.approx(scale_arcsec, abs=0.01)


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"XBINNING": 2}, "by its header (XBINNING 2), the frame has 20.6 arcsec per pixel"),
        ({"FOCALLEN": 135, "XPIXSZ": 4.3}, "(XPIXSZ 4.3, FOCALLEN 135), the frame has 6.6 arcsec"),
    ],
)
def test_a_header_of_another_scale_is_the_cause(headers: dict[str, Any], words: str) -> None:
    error = told(**headers)
    assert error.reason is Reason.WRONG_SCALE
    assert words in error.message
    assert "9.3 to 11.3 arcsec per pixel" in error.message


def test_without_such_a_header_size_width_and_the_scale_that_is_served_are_told() -> None:
    error = told()
    assert error.reason is Reason.NOT_SOLVED
    for words in ("no pattern fits", "23.0 pixels wide", "450x350 pixels", "9.3 to 11.3 arcsec"):
        assert words in error.message
    assert "its header does not say its scale" in error.message
    assert "its header says 10.3 arcsec per pixel (XBINNING 1)" in told(XBINNING=1).message


def test_another_error_stays_as_it_is() -> None:
    clouds = UnsolvedError(Reason.TOO_FEW_SOURCES, "clouds")
    assert explained(clouds, SOURCES, FRAME, {"XBINNING": 2}) is clouds
