"""Large charts: axes and their ticks, nights, transits, means, and the scatter of many stars."""

import math
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observations_explorer.charts import chart
from observations_explorer.charts.axes import NightAxis, Scale
from observations_explorer.charts.rms_chart import MAX_MARKS, photon_limit, rms_chart
from observations_explorer.charts.transit_box import Box
from observations_explorer.light_curve import (
    ALL,
    Measurement,
    Method,
    View,
    cadence_s,
    means,
    measurements,
)
from observations_explorer.pages.candidate_checks import checks
from panoptes_network.light_curves.schema import Quality

NIGHT_S = datetime(2018, 10, 11, 4, 12, tzinfo=UTC).timestamp()


def item(number: int = 0, **columns: Any) -> Any:
    """Return a frame of a star's light curve, as observations-data tells it."""
    return {
        "image_id": f"PAN001_14d3bd_{number}",
        "time": datetime.fromtimestamp(NIGHT_S + 150 * number, UTC).isoformat(),
        "bjd_tdb": 2458402.675 + 150 * number / 86_400,
        "flux": 1.0,
        "flux_err": 0.01,
        **{f"flux_{colour}": 1.0 for colour in "rgb"},
        **{f"flux_err_{colour}": 0.02 for colour in "rgb"},
        **{f"raw_flux_{colour}": 10.0**power for power, colour in enumerate("rgb", 2)},
        **{f"raw_flux_err_{colour}": error for error, colour in zip((2, 3, 6), "rgb", strict=True)},
        "quality": 0,
        **columns,
    }


def measured(flux: float = 1.0, error: float | None = 0.01, quality: int = 0) -> Measurement:
    return Measurement(NIGHT_S, 2458402.675, flux, error, Quality(quality), "any")


def words(scale: Scale, *options: Any) -> list[str]:
    return [tick.words for tick in scale.ticks(*options)]


def test_linear_ticks_are_round_and_within() -> None:
    scale = Scale(0.972, 1.021, 300, 10)
    assert words(scale) == ["0.98", "0.99", "1.00", "1.01", "1.02"]
    assert [tick.at for tick in scale.ticks()] == sorted(
        (tick.at for tick in scale.ticks()), reverse=True
    )
    assert words(Scale(-250, 260, 0, 1)) == ["\N{MINUS SIGN}200", "0", "200"]


def test_logarithmic_ticks_are_one_two_and_five() -> None:
    scale = Scale(0.0015, 0.11, 0, 1, is_log=True)
    assert words(scale, 5, 100.0) == ["0.2", "0.5", "1", "2", "5", "10"]
    assert scale(math.sqrt(0.0015 * 0.11)) == pytest.approx(0.5)


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_any_axis_has_some_ticks_but_not_many(low: float, length: float) -> None:
    scale = Scale(low, low + length, 0, 1)
    if scale.high > scale.low:
        assert len(scale.ticks(5)) <= 8


def test_what_lies_beyond_an_axis_is_at_its_end() -> None:
    scale = Scale(0, 10, 5, 25)
    assert [scale.within(value) for value in (-3, 5, 30)] == [5, 15, 25]
    assert Scale(1, 1, 5, 25)(1) == 15


def test_hours_of_a_night_are_utc() -> None:
    axis = NightAxis.of(NIGHT_S + 60 * minute for minute in range(0, 360, 3))
    assert [tick.words for tick in axis.ticks] == [f"{hour:02}:00" for hour in range(5, 11)]
    # 04:12 to 05:00.
    assert axis.ticks[0].at == 48 * 60


def test_days_between_nights_take_no_room() -> None:
    hours = (0, 1, 2, 24, 25, 240, 242)
    axis = NightAxis.of(NIGHT_S + 3600 * hour for hour in hours)
    assert [tick.words for tick in axis.ticks] == ["11 Oct", "12 Oct", "21 Oct"]
    places = [axis(NIGHT_S + 3600 * hour) / 3600 for hour in hours]
    room = 0.06 * 5
    later = [2 + room, 3 + room, 3 + 2 * room, 5 + 2 * room]
    assert places == pytest.approx([0, 1, 2, *later])
    assert axis.length / 3600 == pytest.approx(5 + 2 * room)


@pytest.mark.parametrize("times", [[], [NIGHT_S]])
def test_a_night_without_length(times: list[float]) -> None:
    axis = NightAxis.of(times)
    assert axis.length == 0
    assert len(axis.nights) == 1
    assert chart.across(0, axis.length)(0) == (chart.LEFT + chart.RIGHT) / 2


def test_a_transit_is_a_box() -> None:
    box = Box(mid_bjd=10.0, duration_d=0.2, depth=0.01)
    assert box.corners(9.0, 11.0) == [
        (9.0, 1.0), (9.9, 1.0), (9.9, 0.99), (10.1, 0.99), (10.1, 1.0), (11.0, 1.0)
    ]  # fmt: skip
    assert box.corners(10.05, 10.2) == [(10.05, 0.99), (10.1, 0.99), (10.1, 1.0), (10.2, 1.0)]
    assert box.corners(12.0, 13.0) == [(12.0, 1.0), (13.0, 1.0)]


def test_transits_come_again_after_a_period() -> None:
    box = Box(mid_bjd=10.0, duration_d=0.2, depth=0.01, period_d=3.0)
    corners = box.corners(3.95, 20.0)
    assert [at for at, _ in corners] == pytest.approx(
        [3.95, 4.1, 4.1, 6.9, 6.9, 7.1, 7.1, 9.9, 9.9, 10.1, 10.1,
         12.9, 12.9, 13.1, 13.1, 15.9, 15.9, 16.1, 16.1, 18.9, 18.9, 19.1, 19.1, 20.0]
    )  # fmt: skip
    assert corners[0][1] == 0.99
    assert corners[-1][1] == 1.0


def test_a_candidate_without_a_transit_has_no_box() -> None:
    transit: Any = {"mid_bjd_tdb": 10.0, "duration_h": 3.0, "depth": 0.01, "period_d": None}
    assert Box.of(transit) == Box(10.0, 0.125, 0.01)
    without: Any = {**transit, "depth": None}
    assert Box.of(without) is None


@pytest.mark.parametrize(
    ("view", "flux", "error"),
    [
        (View(), 1.0, 0.01),
        (View(colour="g"), 1.0, 0.02),
        (View(Method.RAW, "g"), 1000.0, 3.0),
        (View(Method.RAW, ALL), 11_100.0, 7.0),
    ],
)
def test_each_view_has_its_columns(view: View, flux: float, error: float) -> None:
    [found] = measurements([item()], view)
    assert (found.flux, found.error) == (flux, error)
    assert found.time_s == NIGHT_S


def test_frames_without_light_are_left_out_and_times_are_in_order() -> None:
    items = [item(2), item(1, flux=None), item(0, flux_err=None), item(3, bjd_tdb=None)]
    found = measurements(items, View())
    assert [one.image_id for one in found] == ["PAN001_14d3bd_0", "PAN001_14d3bd_2"]
    assert found[0].error is None
    assert cadence_s(found) == 300
    assert cadence_s(found[:1]) == 0
    assert measurements([item(raw_flux_b=None)], View(Method.RAW)) == []


def test_means_are_weighted_and_leave_bad_frames_out() -> None:
    some = [measured(1.0, 0.01), measured(1.03, 0.02), measured(9.0, 0.01, quality=Quality.CLOUD)]
    [mean] = means([0.0, 5.0, 6.0], some, 10.0)
    # Weights 4 to 1.
    assert mean.value == pytest.approx(1.006)
    assert mean.at == pytest.approx(1.0)
    assert mean.error == pytest.approx(0.01 / math.sqrt(1.25))
    assert mean.number == 2
    assert means([1.0, 11.0], [measured(), measured()], 10.0) == []


def test_only_bad_bits_make_a_measurement_hollow() -> None:
    assert measured(quality=Quality.CROWDED | Quality.NOT_DETECTED).is_good
    assert not measured(quality=Quality.OUTLIER).is_good


def said(**given: Any) -> list[tuple[bool, str]]:
    vetting: Any = given
    return [(check.is_passed, check.words) for check in checks(vetting)]


def test_checks_say_what_speaks_for_a_candidate_and_against_it() -> None:
    assert said(colours_agree=3, odd_even_sigma=0.84, neighbours_alike=0, n_in_transit=58) == [
        (True, "all three colours agree"),
        (True, "odd and even transits are equally deep (0.8 \N{GREEK SMALL LETTER SIGMA})"),
        (True, "no neighbour dims with it"),
        (True, "58 good frames in transit"),
    ]
    assert said(colours_agree=1, odd_even_sigma=-4.2, neighbours_alike=1, n_in_transit=1) == [
        (False, "1 of 3 colours agree"),
        (False, "odd and even transits are not equally deep (4.2 \N{GREEK SMALL LETTER SIGMA})"),
        (False, "1 neighbour dims with it"),
        (False, "1 good frame in transit"),
    ]
    assert said(is_near_saturation=True, is_near_edge=False, is_crowded=True) == [
        (False, "near saturation"),
        (True, "not near the edge of the frame"),
        (False, "contaminated by neighbours"),
    ]
    assert said(odd_even_sigma=None) == said() == []


def star(number: int, mag: float | None, scatter: float | None, noise: float | None) -> Any:
    return {
        "picid": str(number),
        "catalog": "gaia",
        "gaia_mag": mag,
        "scatter": scatter,
        "expected_noise": noise,
    }


def address(one: Any) -> str:
    return f"/sources/{one['picid']}"


def test_stars_lie_by_magnitude_and_scatter() -> None:
    stars = [star(1, 9.0, 0.005, 0.004), star(2, 11.0, 0.02, 0.01), star(3, None, 0.02, 0.01)]
    drawn = rms_chart(stars, address)
    assert drawn is not None
    bright, faint = drawn.marks
    assert bright.x < faint.x
    assert bright.y > faint.y
    assert bright.words == "Gaia DR3 1: G 9.00, 0.50 %, 1.25 of the limit"
    assert bright.address == "/sources/1"
    assert "median is 1.62" in drawn.summary
    [limit] = drawn.lines
    assert [x for x, _ in limit.corners] == pytest.approx([bright.x, faint.x])
    assert limit.corners[0][1] > bright.y


@pytest.mark.parametrize(
    "stars", [[], [star(1, None, 0.1, 0.1)], [star(1, 9.0, None, 0.1), star(2, 9.0, 0.0, 0.1)]]
)
def test_nothing_to_draw(stars: list[Any]) -> None:
    assert rms_chart(stars, address) is None


def test_one_star_without_expected_noise_has_no_limit() -> None:
    drawn = rms_chart([star(1, 9.0, 0.005, None)], address)
    assert drawn is not None
    assert drawn.lines == []
    assert re.fullmatch("Scatter against Gaia G magnitude of 1 stars", drawn.summary)


def test_the_limit_is_the_median_of_stars_alike() -> None:
    stars = [star(n, 9.1, 0.1, noise) for n, noise in enumerate((0.004, 0.005, 0.1))]
    assert photon_limit([*stars, star(9, 9.3, 0.1, None)]) == [(9.1, 0.005)]


def test_of_many_stars_few_are_drawn_and_no_lonely_one_is_lost() -> None:
    crowd = [star(n, 12 + n % 97 / 500, 0.02 + n % 89 / 1e4, 0.02) for n in range(8000)]
    drawn = rms_chart([*crowd, star(9000, 8.0, 0.004, 0.003)], address)
    assert drawn is not None
    assert len(drawn.marks) < MAX_MARKS
    assert "/sources/9000" in {mark.address for mark in drawn.marks}
