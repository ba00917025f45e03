"""The search over several nights: periods, odd and even events, and stars without any."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from astropy.timeseries import BoxLeastSquares
from pyarrow import parquet

from light_curves.measurements import LightCurves
from light_curves.search.earlier import read_night
from light_curves.search.night import Night
from light_curves.search.over_nights import OverNights, find_over_nights
from light_curves.search.periods import search_periods, trial_periods
from light_curves.search.transits import search_transits
from panoptes_network.database.candidates import FoundCandidate
from panoptes_network.light_curves.schema import Quality, Vetting
from simulator.variables import ONCE_D, Kind, Variable
from tests.unit.light_curves_simulated import SimulatedNight, middle_bjd

pytestmark = pytest.mark.numerics

MIDDLE = middle_bjd(SimulatedNight())
PERIOD_D = 1.0
DAYS = (0.0, 1.0, 2.0)


def planet(depth: float = 0.01, period_d: float = PERIOD_D) -> Variable:
    return Variable(star_id=0, kind=Kind.TRANSIT, depth=depth, epoch_bjd=MIDDLE, period_d=period_d)


def nights(variables: dict[int, Variable], stars: int = 100) -> list[LightCurves]:
    return [
        SimulatedNight(
            stars=stars, variables=variables, start_d=day, seed=20 + index, noise=0.014
        ).curves()
        for index, day in enumerate(DAYS)
    ]


def write(curves: LightCurves, path: Path) -> Path:
    """Write what the search reads, in the columns of the network's file."""
    f, n = curves.flux.shape
    field, order = curves.fluxes.field, [np.repeat(np.arange(n), f), np.tile(np.arange(f), n)]
    star, frame = order
    parquet.write_table(
        pa.table(
            {
                "picid": field.picid[star],
                "gaia_mag": field.gaia_mag[star],
                "time": pa.array(curves.fluxes.time[frame], pa.timestamp("us", tz="UTC")),
                "bjd_tdb": curves.bjd_tdb[frame, star],
                "flux": curves.flux[frame, star],
                "flux_err": curves.flux_err[frame, star],
                "quality": curves.quality[frame, star],
            }
        ),
        path,
    )
    return path


def search(all_curves: list[LightCurves], folder: Path, followed: list[int]) -> OverNights:
    tonight = all_curves[-1]
    found = search_transits(Night.of_curves(tonight))
    assert found is not None
    files = (write(one, folder / f"{i}.parquet") for i, one in enumerate(all_curves[:-1]))
    return find_over_nights(tonight, found, files, followed)


def of_star(over: OverNights, star: int) -> FoundCandidate:
    return next(row for row in over.found if row.picid == star + 1)


def test_a_planet_too_shallow_for_one_night_is_found_in_three_with_its_period(
    tmp_path: Path,
) -> None:
    row = of_star(search(nights({7: planet()}), tmp_path, [8]), 7)
    assert row.period_d is not None
    cycles = PERIOD_D / row.period_d
    assert cycles == pytest.approx(round(cycles), abs=0.03)
    assert row.n_nights == 3
    assert row.depth is not None
    assert row.depth_err is not None
    assert row.depth == pytest.approx(0.01, abs=3 * row.depth_err)
    since = (row.mid_bjd_tdb or 0) - MIDDLE
    assert since == pytest.approx(round(since), abs=0.5 / 24)
    assert row.false_alarm_probability < 0.01
    assert row.vetting[Vetting.COLOURS_AGREE] == 3


def test_eclipses_of_two_depths_show_in_odd_and_even_events(tmp_path: Path) -> None:
    all_curves = nights({7: planet(0.03), 8: planet(0.03)})
    deeper = planet(0.03).flux(all_curves[1].bjd_tdb[:, 7])
    all_curves[1].flux[:, 7] *= deeper
    over = search(all_curves, tmp_path, [8, 9])
    binary, single = of_star(over, 7), of_star(over, 8)
    assert binary.period_d == pytest.approx(PERIOD_D, abs=0.05)
    assert _odd_even_sigma(binary) > 4
    assert _odd_even_sigma(single) < 3


def _odd_even_sigma(row: FoundCandidate) -> float:
    sigma = row.vetting[Vetting.ODD_EVEN_SIGMA]
    assert isinstance(sigma, float)
    return sigma


def test_a_transit_of_one_night_alone_has_no_period(tmp_path: Path) -> None:
    row = of_star(search(nights({7: planet(0.03, ONCE_D)}), tmp_path, [8]), 7)
    assert row.period_d is None
    assert row.vetting[Vetting.ODD_EVEN_SIGMA] is None


def test_few_constant_stars_are_candidates(tmp_path: Path) -> None:
    over = search(nights({}), tmp_path, list(range(1, 101)))
    # A star whose nights have no dip in common has nothing to fold.
    assert 95 <= len(over.searched) <= 100
    assert len(over.found) <= 8


def test_without_earlier_nights_no_star_is_searched(tmp_path: Path) -> None:
    assert search(nights({7: planet()})[-1:], tmp_path, [8]) == OverNights()


def test_nights_long_ago_do_not_count(tmp_path: Path) -> None:
    long_ago = SimulatedNight(stars=100, variables={7: planet()}, start_d=-200.0).curves()
    assert search([long_ago, nights({7: planet()})[-1]], tmp_path, [8]) == OverNights()


def test_the_depth_over_nights_is_that_of_astropys_box_of_the_same_times(tmp_path: Path) -> None:
    all_curves = nights({7: planet(0.03)})
    row = of_star(search(all_curves, tmp_path, [8]), 7)
    bjd = np.concatenate([one.bjd_tdb[:, 7] for one in all_curves])
    flux = np.concatenate([one.flux[:, 7] for one in all_curves]).astype(np.float64)
    peer = BoxLeastSquares(bjd, flux, 0.014).compute_stats(
        PERIOD_D, (row.duration_h or 0) / 24, row.mid_bjd_tdb
    )
    # The box is flat, the transit is not: its mean depth is 0.9 of that in the middle.
    assert peer["depth"][0] == pytest.approx(0.9 * (row.depth or 0), rel=0.12)


def test_the_first_period_is_that_of_an_event_that_happens_once() -> None:
    periods = trial_periods(3.0, 0.01)
    assert periods[0] == 4.0
    assert periods[1:].max() == pytest.approx(3.0)
    assert periods.min() == pytest.approx(0.5)
    assert trial_periods(0.2, 0.01).tolist() == [1.2]
    assert search_periods([]) is None


def test_a_star_of_a_file_is_read_with_the_frames_that_it_has(tmp_path: Path) -> None:
    curves = SimulatedNight(stars=4).curves()
    curves.quality[:, 2] = Quality.SATURATED
    curves.flux[10, 1] = np.nan
    night, picid = read_night(write(curves, tmp_path / "one.parquet"), np.array([2, 3, 77]))
    assert picid.tolist() == [2]
    assert night.weight[0, 10] == 0
    assert np.delete(night.flux[0], 10) == pytest.approx(np.delete(curves.flux[:, 1], 10), rel=1e-3)
    assert night.time_d[-1] == pytest.approx(143 * 134 / 86400)
