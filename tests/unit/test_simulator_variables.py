"""Stars that change: shapes against batman, and what the frames' truth says of them."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from simulator import Observation
from simulator.frame import render_frame
from simulator.night import Night
from simulator.targets import Wish, choose_variables
from simulator.transit import LIMB_DARKENING, radius_for_depth, transit_flux
from simulator.variables import Kind, Variable, mean_flux

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its docstrings have wrong escapes
    import batman

FIELD = Observation(width=500, height=500, suffix=".fits", count=30, ra_deg=150.0, dec_deg=40.0)
WISH = Wish(transits=1, eclipsing=1, pulsating=1, mag_range=(8.0, 13.0), duration_h=0.5)
EPOCH = 2458342.9


@pytest.fixture(scope="module")
def observation() -> Observation:
    return replace(FIELD, night=Night(variables=choose_variables(FIELD, WISH)))


@pytest.mark.parametrize("radius", [0.03, 0.1, 0.3])
def test_a_transit_is_as_deep_as_in_batman(radius: float) -> None:
    planet = batman.TransitParams()
    planet.t0, planet.per, planet.rp, planet.a = 0.0, 10.0, radius, 20.0
    planet.inc, planet.ecc, planet.w = 90.0, 0.0, 90.0
    planet.u, planet.limb_dark = list(LIMB_DARKENING), "quadratic"
    times = np.linspace(0.001, 0.15, 500)
    judged = batman.TransitModel(planet, times).light_curve(planet)
    ours = transit_flux(20 * np.sin(2 * np.pi * times / 10), radius)
    np.testing.assert_allclose(ours, judged, atol=3e-7)


@pytest.mark.parametrize("depth", [0.001, 0.01, 0.1])
def test_a_planet_of_the_wished_depth(depth: float) -> None:
    flux = transit_flux(np.array([0.0, 2.0]), radius_for_depth(depth))
    np.testing.assert_allclose(flux, [1 - depth, 1], atol=1e-9)


def test_a_transit_begins_and_ends_with_its_duration() -> None:
    variable = Variable(star_id=1, kind=Kind.TRANSIT, depth=0.01, epoch_bjd=EPOCH, duration_h=2)
    flux = variable.flux(EPOCH + np.array([-1.01, -0.99, 0, 0.99, 1.01]) / 24)
    assert flux[0] == flux[4] == 1
    assert flux[1] < 1
    assert flux[3] < 1
    assert flux[2] == pytest.approx(0.99)


def test_what_is_periodic_comes_again_and_what_is_not_does_not() -> None:
    once = Variable(star_id=1, kind=Kind.TRANSIT, depth=0.01, epoch_bjd=EPOCH)
    again = replace(once, period_d=3.0)
    later = np.array([EPOCH + 6.0])
    assert once.flux(later)[0] == 1
    assert again.flux(later)[0] == pytest.approx(0.99)


def test_a_binary_has_a_shallower_second_eclipse() -> None:
    binary = Variable(star_id=1, kind=Kind.ECLIPSING, depth=0.2, epoch_bjd=EPOCH, period_d=2.0)
    np.testing.assert_allclose(binary.flux(EPOCH + np.array([0, 0.5, 1.0])), [0.8, 1, 0.92])


def test_an_exposure_blurs_a_fast_change() -> None:
    fast = Variable(
        star_id=1, kind=Kind.SINE, depth=0.1, epoch_bjd=EPOCH, period_d=240 / 86400, duration_h=0.01
    )
    # The mean of a sine over half its period, around the peak, is 2/pi of it.
    assert mean_flux(fast, EPOCH + 60 / 86400, 120, steps=99) - 1 == pytest.approx(
        0.2 / np.pi, 1e-3
    )


@pytest.mark.parametrize(
    "values",
    [{"depth": 0}, {"depth": 0.9}, {"period_d": 0}, {"kind": Kind.SINE}, {"duration_h": 0}],
)
def test_a_variable_that_cannot_be_is_refused(values: dict[str, object]) -> None:
    good = Variable(star_id=1, kind=Kind.TRANSIT, depth=0.01, epoch_bjd=EPOCH)
    with pytest.raises(ValueError, match=r"depth|period|duration"):
        replace(good, **values)  # type: ignore[arg-type]


def test_chosen_stars_are_the_same_again_and_have_one_change_each(observation: Observation) -> None:
    variables = observation.night.variables
    assert variables == choose_variables(FIELD, WISH)
    assert {variable.kind for variable in variables} == set(Kind)
    assert len({variable.star_id for variable in variables}) == 3


def test_too_many_wishes() -> None:
    with pytest.raises(ValueError, match="500 stars are to change"):
        choose_variables(FIELD, Wish(transits=500))


def test_truth_and_light_follow_the_change(observation: Observation) -> None:
    """The middle of the observation holds the middle of the transit, give or take a tenth."""
    transit = next(v for v in observation.night.variables if v.kind is Kind.TRANSIT)
    signals = []
    for index in range(9, 21, 2):
        changed = render_frame(observation, index).truth.stars
        constant = render_frame(FIELD, index).truth.stars
        row = int(np.flatnonzero(changed["id"] == transit.star_id)[0])
        ratio = changed["flux_g_adu"][row] / constant["flux_g_adu"][row]
        assert ratio == pytest.approx(changed["signal"][row], abs=1e-6)
        signals.append(float(changed["signal"][row]))
    assert min(signals) == pytest.approx(0.99, abs=0.002)
    others = ~np.isin(changed["id"], [v.star_id for v in observation.night.variables])
    assert (changed["signal"][others] == 1).all()
