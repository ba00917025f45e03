"""How observations-explorer writes values and lays out its plots."""
# ruff: noqa: RUF001 - a page writes real minus signs, primes and dashes

from datetime import timedelta
from typing import Any

import pytest
from astropy.coordinates import Angle

from observations_explorer import formatting
from observations_explorer.charts import scatter_plot, sequence_plots
from panoptes_network.states import FileKind
from tests.service.support.web_services import START


@pytest.mark.parametrize("ra_deg", [0.0, 83.822, 303.211, 359.9997, 15.0])
def test_hms_as_astropy_writes_it(ra_deg: float) -> None:
    words = formatting.hms(ra_deg).translate({ord("h"): ":", ord("m"): ":", ord("s"): " "})
    expected = Angle(ra_deg, "deg").to_string(unit="hour", sep=":", precision=1, pad=True)
    assert words.replace(" ", "") == expected


@pytest.mark.parametrize("dec_deg", [0.0, -5.391, 46.02, -0.0042, 89.9999, -90.0])
def test_dms_as_astropy_writes_it(dec_deg: float) -> None:
    words = formatting.dms(dec_deg).translate({ord("°"): ":", ord("′"): ":", ord("″"): " "})
    expected = Angle(dec_deg, "deg").to_string(sep=":", precision=0, pad=True, alwayssign=True)
    assert words.replace(" ", "").replace("−", "-") == expected


@pytest.mark.parametrize(
    ("ra_deg", "dec_deg", "words"),
    [
        (0.0, 0.4, "00h 00m +00°"),
        (254.4828, 35.0, "16h 58m +35°"),
        (359.9, -0.4, "00h 00m +00°"),
        (309.6, -45.0, "20h 38m −45°"),
    ],
)
def test_place_of_what_is_degrees_wide(ra_deg: float, dec_deg: float, words: str) -> None:
    assert f"{formatting.hours(ra_deg)} {formatting.degrees(dec_deg)}" == words


def test_right_ascension_never_shows_24h() -> None:
    assert formatting.hms(359.99999) == "00h 00m 00.0s"


def test_missing_values_are_dashes() -> None:
    texts = [formatting.utc(None), formatting.figure(None), formatting.hms(None)]
    assert [*texts, formatting.dms(None)] == ["–"] * 4
    assert formatting.in_pixels(None, 10.29) is None
    assert formatting.in_pixels(2.0, None) is None


def test_figures_group_thousands_and_keep_the_sign() -> None:
    assert formatting.figure(-1234567.891, 1) == "−1\u202f234\u202f567.9"


@pytest.mark.parametrize(
    ("n_bytes", "words"),
    [(0, "1 kB"), (1, "1 kB"), (15_800, "16 kB"), (999_499, "999 kB"), (999_500, "1.0 MB")],
)
def test_size_of_a_file(n_bytes: int, words: str) -> None:
    assert formatting.file_size(n_bytes) == words


def test_every_kind_of_file_has_a_label() -> None:
    assert set(formatting.FILE_KINDS) == {"raw", "processed", *FileKind}


def test_time_is_shown_in_utc() -> None:
    assert formatting.utc("2018-10-11T03:42:02-10:00") == "2018-10-11 13:42:02"


def _images(values: list[float | None]) -> Any:
    names = (measured.column for measured in sequence_plots.MEASURED)
    columns = {**dict.fromkeys(names), "image_id": "any", "ra_deg": None, "dec_deg": None}
    times = [(START + timedelta(minutes=2 * i)).isoformat() for i in range(len(values))]
    return [
        {**columns, "time": time, "fwhm_px": value}
        for time, value in zip(times, values, strict=True)
    ]


def test_plot_leaves_out_what_was_not_measured() -> None:
    [plot] = sequence_plots.plots(_images([2.0, None, 3.0, 2.5]))
    xs, ys = [p.x for p in plot.points], [p.y for p in plot.points]
    left, right = scatter_plot.LEFT, scatter_plot.WIDTH - scatter_plot.RIGHT
    # The second image keeps its place in time: the third lies two thirds of the way.
    assert xs == pytest.approx([left, left + (right - left) * 2 / 3, right])
    assert ys[1] < ys[2] < ys[0]
    assert (plot.low, plot.high) == ("2.00", "3.00")


@pytest.mark.parametrize("values", [[], [2.0], [None, 2.0]])
def test_no_plot_of_less_than_two_points(values: list[float | None]) -> None:
    assert sequence_plots.plots(_images(values)) == []


def test_equal_values_lie_in_the_middle() -> None:
    [plot] = sequence_plots.plots(_images([2.0, 2.0]))
    middle = (scatter_plot.TOP + scatter_plot.HEIGHT - scatter_plot.BOTTOM) / 2
    assert [point.y for point in plot.points] == [middle, middle]


def test_drift_is_the_angle_from_the_first_solved_image() -> None:
    images = _images([None] * 4)
    # Half a degree to the north, then one to the east, where a degree of RA is half a degree.
    for image, centre in zip(images[1:], [(10.0, 60.0), (10.0, 60.5), (11.0, 60.0)], strict=True):
        image["ra_deg"], image["dec_deg"] = centre
    [plot] = sequence_plots.plots(images)
    assert plot.title == "Offset drift"
    values = [point.sample.value for point in plot.points]
    # The great circle is shorter than the parallel by 1e-4 of it.
    assert values == pytest.approx([0, 30, 30], rel=1e-4)
