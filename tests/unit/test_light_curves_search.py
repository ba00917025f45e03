"""The search in one night: transits are found at their time, constant stars are left alone."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.timeseries import BoxLeastSquares, LombScargle
from scipy.stats import multivariate_normal

from light_curves.measurements import LightCurves
from light_curves.search import known, red_noise, transits, variability
from light_curves.search.boxes import Trials, make_trials, scan, transit_shape, trials_at
from light_curves.search.candidates import find_candidates
from light_curves.search.night import Night
from light_curves.search.red_noise import (
    AMPLITUDES,
    SlowNoise,
    fit_slow_noise,
    slow_columns,
)
from light_curves.search.transits import search_transits
from light_curves.search.variability import periodogram, search_variables
from light_curves.search.vetting import Vetter
from panoptes_network.database.candidates import CandidateKind, FoundCandidate
from panoptes_network.light_curves.schema import Quality, Vetting
from simulator.transit import radius_for_depth, transit_flux
from simulator.variables import Kind, Variable
from tests.unit.light_curves_simulated import SimulatedNight, middle_bjd

pytestmark = pytest.mark.numerics

MIDDLE = middle_bjd(SimulatedNight())


def transit(depth: float = 0.01, hours_off: float = 0.0) -> Variable:
    return Variable(star_id=0, kind=Kind.TRANSIT, depth=depth, epoch_bjd=MIDDLE + hours_off / 24)


def found_transits(curves: LightCurves) -> dict[int, FoundCandidate]:
    rows = find_candidates(curves)
    return {row.picid - 1: row for row in rows if row.kind == CandidateKind.TRANSIT}


def test_the_shape_of_a_box_is_that_of_a_planet_before_a_dark_limbed_star() -> None:
    radius = radius_for_depth(0.01)
    distance = np.linspace(0, 1.2, 40)
    exact = (1 - transit_flux(distance * (1 + radius), radius)) / 0.01
    off = np.abs(transit_shape(distance) - exact)
    assert off.max() < 0.05
    assert off.mean() < 0.005


def test_the_fit_of_a_square_box_in_white_noise_is_astropys() -> None:
    rng = np.random.default_rng(3)
    time_d = np.sort(rng.uniform(0, 0.25, 120))
    flux, error = 1 + rng.normal(0, 0.01, 120), rng.uniform(0.005, 0.02, 120)
    mid_d, duration_d = 0.11, 0.07
    square = (np.abs(time_d - mid_d) < duration_d / 2).astype(float)
    trial = Trials(np.array([mid_d]), np.array([duration_d * 24]), square[None])
    white = SlowNoise(np.ones((120, 1)), np.array([1e-6]))
    ours = scan(flux[None], error[None] ** -2, trial, white)
    peer = BoxLeastSquares(time_d, flux, error).compute_stats(10.0, duration_d, mid_d)["depth"]
    assert ours.depth[0, 0] == pytest.approx(peer[0], rel=1e-5)
    assert ours.information[0, 0] ** -0.5 == pytest.approx(peer[1], rel=1e-5)


def test_a_transit_in_white_noise_is_found_with_its_depth_time_and_duration() -> None:
    night = SimulatedNight(variables={7: transit(hours_off=0.4)})
    row = found_transits(night.curves())[7]
    assert row.depth is not None
    assert row.depth_err is not None
    assert row.mid_bjd_tdb == pytest.approx(MIDDLE + 0.4 / 24, abs=12 / 1440)
    assert row.depth == pytest.approx(0.01, abs=3 * row.depth_err)
    assert row.duration_h == pytest.approx(2.5, abs=0.6)
    assert row.false_alarm_probability < 1e-4
    assert row.significance > 6
    assert row.period_d is None
    assert row.vetting[Vetting.COLOURS_AGREE] == 3
    assert row.vetting[Vetting.NEIGHBOURS_ALIKE] == 0
    assert row.vetting[Vetting.N_IN_TRANSIT] == pytest.approx(67, abs=16)
    assert row.vetting[Vetting.ODD_EVEN_SIGMA] is None


def test_depths_of_many_transits_are_unbiased() -> None:
    variables = {star: transit(hours_off=0.02 * star - 0.5) for star in range(50)}
    search = search_transits(Night.of_curves(SimulatedNight(variables=variables).curves()))
    assert search is not None
    depths = [search.box(star).depth for star in range(50)]
    assert np.median(depths) == pytest.approx(0.01, rel=0.05)


def test_depths_near_the_noise_are_not_those_of_the_luckiest_box() -> None:
    variables = {star: transit(hours_off=0.005 * star - 0.5) for star in range(200)}
    night = SimulatedNight(stars=600, noise=0.012, variables=variables)
    search = search_transits(Night.of_curves(night.curves()))
    assert search is not None
    assert np.median(search.significance[:200]) == pytest.approx(4.4, abs=0.2)
    boxes = [search.box(star) for star in range(200)]
    depth, error = np.array([(box.depth, box.depth_err) for box in boxes]).T
    # 1.06 times for the best trials alone; the median's own error is 2 %.
    assert np.median(depth) == pytest.approx(0.01, rel=0.04)
    assert np.std((depth - 0.01) / error) == pytest.approx(0.9, abs=0.2)


def test_a_dip_on_both_sides_of_a_gap_has_a_box_with_frames() -> None:
    rng = np.random.default_rng(3)
    hours = np.arange(0, 8, 0.05)
    hours = hours[(hours < 4) | (hours > 5.2)]
    flux = 1 + rng.normal(0, 0.004, (300, len(hours)))
    for star in range(60):
        from_middle = hours - 4.6 - rng.uniform(-1, 1)
        flux[star, np.abs(from_middle) < rng.uniform(0.5, 1.5)] -= 0.03
    night = Night.of(
        np.datetime64("2018-08-12T05:00", "us") + (hours * 3.6e9).astype("timedelta64[us]"),
        np.tile(2458342.7 + hours / 24, (300, 1)),
        flux.astype(np.float32),
        np.full(flux.shape, 0.004, np.float32),
        np.zeros(flux.shape, np.int32),
        np.linspace(9, 11, 300, dtype=np.float32),
    )
    search = search_transits(night)
    assert search is not None
    for box in map(search.box, range(60)):  # the means of stars 13 and 52 are in the gap
        assert len(trials_at(night.time_d, np.array([box.mid_d]), np.array([box.duration_h]))) == 1


@pytest.mark.parametrize("red_noise", [0.0, 0.002])
def test_one_constant_star_in_a_hundred_is_a_false_alarm(red_noise: float) -> None:
    rng = np.random.default_rng(5)
    each = red_noise * np.exp(rng.normal(0, 0.5, 1500))
    curves = SimulatedNight(stars=1500, red_noise=each, seed=11).curves()
    search = search_transits(Night.of_curves(curves))
    assert search is not None
    assert np.mean(search.false_alarm_probability < 0.01) == pytest.approx(0.01, abs=0.008)


def test_transits_in_one_star_of_eight_do_not_hide_each_other() -> None:
    variables = {star: transit(hours_off=star % 3 - 1) for star in range(75)}
    found = found_transits(SimulatedNight(variables=variables).curves())
    assert len(set(found) & set(range(75))) >= 0.9 * 75
    assert len(set(found) - set(range(75))) <= 12


def test_a_star_that_drifts_slowly_is_less_significant_than_a_transit_of_a_steady_one() -> None:
    red = np.zeros(600)
    red[:200] = 0.006
    steady = {star: transit() for star in range(200, 220)}
    night = SimulatedNight(red_noise=red, variables=steady)
    search = search_transits(Night.of_curves(night.curves()))
    assert search is not None
    assert np.median(search.significance[200:220]) > 1.3 * np.median(search.significance[:200])
    assert 0.003 < np.median(search.noise.amplitude[:200]) < 0.007
    assert np.median(search.noise.amplitude[200:]) < 0.001


def test_the_slow_noise_is_the_most_probable_by_scipys_normal_distribution() -> None:
    rng = np.random.default_rng(8)
    time_d = np.arange(40) * 134 / 86400
    columns = slow_columns(time_d)
    sigma = rng.uniform(0.004, 0.008, 40)
    flux = 1 + 0.006 * columns[:, 1:] @ rng.normal(size=columns.shape[1] - 1)
    flux += rng.normal(0, sigma)
    worse = flux + np.where(np.arange(40) % 2, 1, -1)  # no transit explains this star
    found = fit_slow_noise(flux[None], worse[None], sigma[None] ** -2, columns, [np.array([0])])
    slow = columns[:, 1:] @ columns[:, 1:].T
    white = np.diag(sigma**2) + 1.0  # the star's level is free: within 100 %, many times its error
    probability = [
        multivariate_normal(np.ones(40), white + amplitude**2 * slow).logpdf(flux)
        for amplitude in AMPLITUDES
    ]
    best = AMPLITUDES[int(np.argmax(probability))]
    # A star alone in its bin: the expectation maximisation ends at its own best amplitude.
    assert found.amplitude[0] == pytest.approx(best, rel=0.2)
    assert best > 0.003


def test_the_search_does_not_depend_on_how_many_stars_are_searched_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    night = Night.of_curves(SimulatedNight(stars=31, variables={7: transit()}).curves())
    together = search_transits(night), search_variables(night, np.zeros(31))
    for module in (red_noise, transits, variability):
        monkeypatch.setattr(module, "STARS_AT_ONCE", 7)
    apart = search_transits(night), search_variables(night, np.zeros(31))
    assert together[0] is not None
    assert apart[0] is not None
    assert np.array_equal(apart[0].best, together[0].best)
    assert apart[0].power == pytest.approx(together[0].power, rel=1e-4, abs=1e-4)
    assert apart[0].upside_down == pytest.approx(together[0].upside_down, rel=1e-4, abs=1e-4)
    assert apart[1].period_d == pytest.approx(together[1].period_d)
    assert apart[1].significance == pytest.approx(together[1].significance)


def test_a_neighbour_that_dims_at_the_same_time_is_counted() -> None:
    night = SimulatedNight(variables={7: transit(0.02), 8: transit(0.02)})
    curves = night.curves()
    curves.fluxes.x_px[:, 8] = curves.fluxes.x_px[:, 7] + 12
    curves.fluxes.y_px[:, 8] = curves.fluxes.y_px[:, 7]
    assert found_transits(curves)[7].vetting[Vetting.NEIGHBOURS_ALIKE] == 1


def test_a_dip_in_one_colour_alone_does_not_agree() -> None:
    curves = SimulatedNight().curves()
    signal = transit(0.03).flux(curves.bjd_tdb[:, 7])
    curves.colour_flux[:, 7, 2] *= signal
    curves.flux[:, 7] = curves.colour_flux[:, 7].mean(axis=1)
    row = found_transits(curves)[7]
    assert row.vetting[Vetting.COLOURS_AGREE] in (0, 1, 2)
    depths = row.vetting[Vetting.COLOUR_DEPTHS]
    assert isinstance(depths, dict)
    assert depths["b"][0] == pytest.approx(0.03, abs=0.006)


def test_stars_near_saturation_near_the_edge_and_crowded_ones_are_told() -> None:
    curves = SimulatedNight(variables={star: transit(0.02) for star in (5, 6, 7, 8)}).curves()
    curves.quality[::20, 5] |= Quality.SATURATED
    curves.fluxes.x_px[:, 6] = 12
    curves.quality[:, 7] |= Quality.CROWDED
    found = found_transits(curves)
    keys = (Vetting.IS_NEAR_SATURATION, Vetting.IS_NEAR_EDGE, Vetting.IS_CROWDED)
    told = {star: [found[star].vetting[key] for key in keys] for star in (5, 6, 7, 8)}
    assert told == {
        5: [True, False, False],
        6: [False, True, False],
        7: [False, False, True],
        8: [False, False, False],
    }


def is_near_saturation(curves: LightCurves, star: int) -> bool:
    search = search_transits(Night.of_curves(curves))
    assert search is not None
    return Vetter(curves, search).is_near_saturation(star)


def test_a_star_just_below_the_saturated_ones_is_near_saturation() -> None:
    curves = SimulatedNight(stars=103).curves()
    mags = curves.fluxes.field.gaia_mag
    mags[:] = [*np.linspace(7, 9, 100), 9.2, 9.9, 11.5]
    curves.quality[:, :100] |= Quality.SATURATED
    curves.quality[:, 102] |= Quality.SATURATED | Quality.CROWDED  # by its neighbour
    assert is_near_saturation(curves, 100)
    assert not is_near_saturation(curves, 101)
    curves.quality[:, :100] = 0
    assert not is_near_saturation(curves, 100)


def test_frames_with_a_bad_bit_do_not_count() -> None:
    curves = SimulatedNight().curves()
    curves.flux[40:70, 7] = 0.9
    curves.quality[40:70, 7] |= Quality.CLOUD
    assert 7 not in found_transits(curves)


def test_the_periodogram_is_astropys() -> None:
    rng = np.random.default_rng(4)
    time_d, frequency = np.sort(rng.uniform(0, 0.3, 90)), np.array([3.0, 11.0, 40.0])
    error = rng.uniform(0.005, 0.02, (2, 90))
    flux = 1 + 0.02 * np.sin(2 * np.pi * 11 * time_d) + rng.normal(0, error)
    gain, amplitude = periodogram(time_d, flux, error**-2, frequency)
    for star in range(2):
        peer = LombScargle(time_d, flux[star], error[star])
        power = peer.power(frequency, method="slow", normalization="psd")
        assert gain[star] == pytest.approx(2 * power, rel=1e-6)
        _, *sine = peer.model_parameters(11.0)
        assert amplitude[star, 1] == pytest.approx(np.hypot(*sine), rel=1e-6)


def test_a_sine_is_a_variable_with_its_amplitude_and_period() -> None:
    sine = Variable(
        star_id=0, kind=Kind.SINE, depth=0.01, epoch_bjd=MIDDLE, period_d=0.1, duration_h=1.0
    )
    rows = find_candidates(SimulatedNight(variables={7: sine}).curves())
    row = next(row for row in rows if row.picid == 8 and row.kind == CandidateKind.VARIABLE)
    assert row.amplitude == pytest.approx(0.01, abs=0.002)
    assert row.period_d == pytest.approx(0.1, rel=0.1)
    assert row.false_alarm_probability < 0.001


def test_a_large_stetson_index_makes_a_variable_too() -> None:
    curves = SimulatedNight().curves()
    index = np.random.default_rng(2).normal(0, 0.1, 600)
    index[7] = 3.0
    rows = find_candidates(replace(curves, variability=index.astype(np.float32)))
    assert 8 in {row.picid for row in rows if row.kind == CandidateKind.VARIABLE}


@pytest.mark.parametrize(
    ("name", "kind", "place"),
    [
        ("HD 189733", "planet", "20:00:43.713 +22:42:39.07"),
        ("HAT-P-7", "planet", "19:28:59.353 +47:58:10.23"),
        ("HD 209458", "planet", "22:03:10.773 +18:53:03.55"),
        ("TRAPPIST-1", "planets", "23:06:29.369 -05:02:29.04"),
        ("RR Lyr", "RRAB", "19:25:27.913 +42:47:03.69"),
        # Places that the 2MASS names of these two tell.
        ("WASP-54", "planet", "13:41:49.03 -00:07:41.0"),
        ("HD 106315", "planets", "12:13:53.40 -00:23:36.5"),
        ("β Per", "EA/SD", "03:08:10.132 +40:57:20.33"),
    ],
)
def test_a_known_star_is_found_by_its_place(name: str, kind: str, place: str) -> None:
    # ICRS, J2000: SIMBAD.
    star = SkyCoord(place, unit=("hourangle", "deg"))
    match = known.known_star(star.ra.deg, star.dec.deg)
    assert match is not None
    assert (match.name, match.kind) == (name, kind)
    assert known.known_star(star.ra.deg, star.dec.deg + 40 / 3600) is None


def test_a_star_that_does_not_change_is_not_known() -> None:
    assert known.known_star(279.234735, 38.783689 - 1) is None


def test_each_known_star_has_a_place_of_its_own() -> None:
    stars, places = known._known()
    assert {star.kind for star in stars} >= {"planet", "planets", "EA", "M", "RRAB"}
    hosts = np.array([star.kind in {"planet", "planets"} for star in stars])
    _, distance, _ = places[~hosts].match_to_catalog_sky(places[hosts])
    assert min(distance.arcsec) > known.SAME_ARCSEC


def test_nothing_is_found_where_there_is_nothing_to_search() -> None:
    assert find_candidates(SimulatedNight(stars=0).curves()) == []
    assert find_candidates(SimulatedNight(stars=5, frames=3).curves()) == []
    assert len(make_trials(np.zeros(0))) == 0
