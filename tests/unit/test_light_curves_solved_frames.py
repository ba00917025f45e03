"""Which solved frames of a sequence are measured together."""

from datetime import UTC, datetime

import numpy as np
import pytest
from astropy.wcs import WCS

from light_curves.measurements import Exposure
from light_curves.solved_frames import SolvedFrame, together
from panoptes_network.database.light_curve_sets import SolvedImage
from panoptes_network.storage import StoredObject

START = np.datetime64("2018-08-12T08:30:00", "us")


def frame(hours: float, ra_deg: float = 300.0) -> SolvedFrame:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = (ra_deg, 0), (50, 50), (-0.003, 0.003)
    time = START + np.timedelta64(round(hours * 3600), "s")
    image_id = f"{hours} {ra_deg}"
    image = SolvedImage(image_id, 1, datetime(2018, 8, 12, tzinfo=UTC), 120.0, "raw", "solved", 1)
    stored = StoredObject("bucket", "solved", 1, 1)
    return SolvedFrame(image, stored, (100, 100), wcs, Exposure(image_id, time, 120.0, 1.0))


def ids(frames: list[SolvedFrame]) -> list[str]:
    return [one.image.image_id for one in together(frames)]


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(frame(-24 * 365), id="a clock that was set in the midst of the night"),
        pytest.param(frame(24 * 3), id="another night"),
        pytest.param(frame(1.0, 120.0), id="a false solution"),
    ],
)
def test_a_frame_of_another_time_or_place_is_left_out(odd: SolvedFrame) -> None:
    night = [frame(hours) for hours in (0, 1, 2, 11)]
    assert ids([*night, odd]) == ids(night) == [one.image.image_id for one in night]


def test_a_field_that_drifts_over_0h_stays_together() -> None:
    frames = [frame(number, ra_deg) for number, ra_deg in enumerate((359.0, 0.5, 358.5))]
    assert len(together(frames)) == 3
