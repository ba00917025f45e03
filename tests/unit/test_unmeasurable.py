"""Stars whose brightness cannot be measured, by the flags of their frames."""

from typing import Any

import pytest

from observations_explorer.pages.unmeasurable import (
    NOT_COMPARED,
    TOO_BRIGHT,
    of_apertures,
    of_curve,
)
from panoptes_network.light_curves.schema import Quality
from panoptes_network.source_flags import SATURATED_FLAG

SATURATED = Quality.SATURATED | Quality.CROWDED
ALONE = Quality.FEW_COMPARISONS


@pytest.mark.parametrize(
    ("qualities", "said"),
    [
        ([SATURATED] * 10, TOO_BRIGHT),
        ([SATURATED] * 9 + [0], TOO_BRIGHT),
        ([SATURATED] * 8 + [0, 0], None),
        ([ALONE] * 9 + [0], NOT_COMPARED),
        ([ALONE] * 5 + [SATURATED] * 5, None),
        ([ALONE | SATURATED], TOO_BRIGHT),
        ([Quality.CLOUD] * 10, None),
        ([], None),
    ],
)
def test_most_frames_of_a_curve_decide(qualities: list[int], said: str | None) -> None:
    frames: list[Any] = [{"quality": int(quality)} for quality in qualities]
    assert of_curve(frames) == said


@pytest.mark.parametrize(
    ("flags", "n_comparison", "said"),
    [
        ([SATURATED_FLAG] * 9 + [0], 5, TOO_BRIGHT),
        ([SATURATED_FLAG] * 8 + [0, 0], 5, None),
        ([SATURATED_FLAG | 1] * 10, 0, TOO_BRIGHT),
        ([0] * 10, 0, NOT_COMPARED),
        ([1, 2], 1, None),
        ([], 0, None),
    ],
)
def test_most_frames_of_apertures_decide(
    flags: list[int], n_comparison: int, said: str | None
) -> None:
    frames: list[Any] = [{"flags": flag, "n_comparison": n_comparison} for flag in flags]
    assert of_apertures(frames) == said
