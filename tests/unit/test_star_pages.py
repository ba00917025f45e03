"""What the explorer draws of a star: folded light curves, and stamps on a sheet."""

import io
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.time import Time
from astropy.timeseries import TimeSeries
from PIL import Image
from werkzeug.exceptions import BadRequest

from observations_explorer.charts import light_curve_plots, scatter_plot, stamp_sheet
from observations_explorer.charts.folding import Folding
from observations_explorer.charts.light_curve_plots import Light

TIMES_MJD = [58402.571, 58402.9, 58405.25, 58391.0, 58450.123456]


def frame(mjd: float | None, value: float | None, error: float | None = 0.01) -> Any:
    colours = {f"{name}_{c}": value for c in "rgb" for name in ("relative", "flux")}
    errors = {f"{name}_err_{c}": error for c in "rgb" for name in ("relative", "flux")}
    names = {"image_id": "PAN001_14d3bd_20181011T134333", "time": "2018-10-11T13:43:33Z"}
    return {**colours, **errors, **names, "mjd": mjd}


@pytest.mark.parametrize("epoch_mjd", [58400.0, 58403.3])
def test_phases_agree_with_astropy(epoch_mjd: float) -> None:
    series = TimeSeries(time=Time(TIMES_MJD, format="mjd"))
    expected = series.fold(
        period=3.7 * u.day, epoch_time=Time(epoch_mjd, format="mjd"), wrap_phase=3.7 * u.day
    )
    own = Folding(3.7, epoch_mjd).phases(TIMES_MJD)
    # astropy counts days in two doubles; a Julian date in one is known to 1e-11 days.
    np.testing.assert_allclose(own, expected.time.to_value("day") / 3.7, atol=1e-9)


def test_without_an_epoch_the_first_frame_has_phase_0() -> None:
    assert min(Folding(2.0).phases(TIMES_MJD)) == Folding(2.0).phases(TIMES_MJD)[3] == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [("period_d", value) for value in ("0", "-1", "nan", "inf", "1e5", "x", "1e-9")]
    + [("epoch_mjd", "inf"), ("epoch_mjd", "yesterday")],
)
def test_a_folding_that_is_none_is_named(name: str, value: str) -> None:
    with pytest.raises(BadRequest) as caught:
        Folding.parse({"period_d": "1.5", "epoch_mjd": "58400", name: value})
    label = {"period_d": "Period", "epoch_mjd": "Phase 0"}[name]
    assert str(caught.value.description).startswith(f"“{label}” must be a number from")


@pytest.mark.parametrize("given", [{}, {"period_d": ""}, {"period_d": " ", "epoch_mjd": "7"}])
def test_without_a_period_nothing_is_folded(given: dict[str, str]) -> None:
    assert Folding.parse(given) is None


def test_a_comma_is_a_point() -> None:
    assert Folding.parse({"period_d": "1,5"}) == Folding(1.5)


def test_a_folded_curve_is_drawn_twice() -> None:
    items = [frame(mjd, 1.0 + n / 10) for n, mjd in enumerate(TIMES_MJD)]
    red, *_ = light_curve_plots.plots(items, Light.RELATIVE, Folding(3.7, 58400.0))
    assert red.plot.title == "Red"
    assert len(red.plot.points) == 2 * len(items)
    half = (scatter_plot.WIDTH - scatter_plot.LEFT - scatter_plot.RIGHT) / 2
    for once, again in zip(red.plot.points[:5], red.plot.points[5:], strict=True):
        assert again.x - once.x == pytest.approx(half)


def test_error_bars_reach_one_standard_deviation() -> None:
    items = [frame(1.0, 1.0, 0.1), frame(2.0, 2.0, 0.1), frame(3.0, 2.0, None)]
    [red, _, _] = light_curve_plots.plots(items, Light.RELATIVE, None)
    low, high, without = red.plot.points
    per_unit = low.y - high.y
    assert (low.bottom - low.y, low.y - low.top) == pytest.approx((0.1 * per_unit, 0.1 * per_unit))
    assert without.top == without.bottom == without.y
    assert "±" in low.words
    assert "±" not in without.words


def test_frames_without_time_or_value_are_left_out() -> None:
    items = [frame(None, 1.0), frame(1.0, None), frame(2.0, 1.0)]
    drawn = light_curve_plots.plots(items, Light.FLUX, None)
    assert [len(one.plot.points) for one in drawn] == [1, 1, 1]
    assert light_curve_plots.plots(items[:2], Light.FLUX, None) == []
    assert light_curve_plots.plots([], Light.FLUX, None) == []


def sheet(stamps: list[list[list[int]]], colour: str) -> np.ndarray[Any, Any]:
    """Return a sheet as another program reads it."""
    return np.asarray(Image.open(io.BytesIO(stamp_sheet.png(stamps, colour))))


def test_a_sheet_shows_each_stamp_upright() -> None:
    # One bright pixel, first at the left of the first row, then at the right of the last one.
    first = np.full((6, 6), 2048)
    first[0, 0] = 9000
    last = np.full((6, 6), 2048)
    last[5, 5] = 9000
    pixels = sheet([first.tolist(), last.tolist()], "all")
    assert pixels.shape == (6, 13)
    # A frame's first row is at the bottom.
    assert np.argwhere(pixels == 255).tolist() == [[0, 12], [5, 0]]
    assert pixels[0, 6] == stamp_sheet.GAP_LEVEL


@pytest.mark.parametrize(("colour", "x", "y"), [("r", 0, 1), ("b", 1, 0), ("g", 0, 0), ("g", 1, 1)])
def test_a_colour_has_only_its_own_pixels(colour: str, x: int, y: int) -> None:
    stamp = np.full((6, 6), 2048)
    stamp[y, x] = 9000
    for other in "rgb":
        pixels = sheet([stamp.tolist()], other)
        assert pixels.shape == (3, 3)
        # The first superpixel is at the lower left.
        assert (pixels[2, 0] == 255) == (other == colour)


def test_many_stamps_fill_several_rows() -> None:
    stamp = [[2048] * 6] * 6
    assert sheet([stamp] * 13, "all").shape == (13, 12 * 7 - 1)
    assert sheet([], "all").shape == (1, 1)
