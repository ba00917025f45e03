"""What a simulated night does to photometry, each effect against its formula or a judge."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import AltAz, EarthLocation, SkyCoord, get_sun
from astropy.time import Time
from click.testing import CliRunner

from simulator import Frame, Observation
from simulator.atmosphere import EXTINCTION_MAG, cloud_depth_mag
from simulator.cli import main
from simulator.flat import response_planes
from simulator.frame import render_frame, truth_path
from simulator.horizon import airmass, sine_of_altitude
from simulator.mount import trail_px
from simulator.night import AMOUNTS, PRESETS, Night
from simulator.observation import FULL_HEIGHT, FULL_WIDTH
from simulator.satellites import satellite_trails
from simulator.sky_light import moonlight, sky_glow, twilight
from simulator.truth import Truth

pytestmark = pytest.mark.numerics

# Far from the Milky Way: few stars to draw.
SMALL = Observation(width=300, height=200, suffix=".fits", ra_deg=150.0, dec_deg=40.0, count=3)
MOONLIT = datetime(2018, 8, 26, 10, 0, tzinfo=UTC)
"""Full Moon, high over Mauna Loa."""
SITE = EarthLocation.from_geodetic(SMALL.longitude_deg, SMALL.latitude_deg, SMALL.elevation_m)


def with_night(night: Night, observation: Observation = SMALL) -> Observation:
    return replace(observation, night=night)


@pytest.fixture(scope="module")
def plain() -> Frame:
    return render_frame(SMALL, 1)


@pytest.mark.parametrize(
    "night",
    [
        Night(pixel_response=0.01),
        Night(extinction=1),
        Night(cloud_mag=0.2),
        Night(focus=0.08),
        Night(scintillation_mag=0.01),
        Night(jitter_px=0.3),
        Night(periodic_error_px=1),
        Night(satellites=20),
    ],
    ids=lambda night: next(n for n in AMOUNTS if getattr(night, n) != getattr(Night(), n)),
)
def test_each_effect_alone_changes_the_frame_and_comes_again(plain: Frame, night: Night) -> None:
    observation = with_night(night)
    once = render_frame(observation, 1).data
    assert (once != plain.data).any()
    assert (render_frame(observation, 1).data == once).all()


def test_without_effects_the_truth_says_so(plain: Frame) -> None:
    conditions = plain.truth.conditions
    assert (conditions["FOCUS"], conditions["AIRMASS"], conditions["CLOUDMAG"]) == (1, 1, 0)
    assert {conditions[f"GLOW-{colour}"] for colour in "RGB"} == {1}
    assert (plain.truth.stars["signal"] == 1).all()
    assert len(plain.truth.variables) == 0


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"cloud_mag": -1}, "cloud_mag"),
        ({"focus": 0.5}, "focus must be at most"),
        ({"cadence_jitter_s": 9}, "5"),
    ],
)
def test_a_night_that_cannot_be_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Night(**values)


def test_altitude_and_airmass_are_those_of_astropy() -> None:
    time = SMALL.start + timedelta(hours=3)
    ra_deg, dec_deg = np.array([301.0, 250.0, 10.0]), np.array([44.0, -5.0, 20.0])
    sine = sine_of_altitude(SMALL, time, ra_deg, dec_deg)
    frame = AltAz(obstime=Time(time), location=SITE)
    judged = SkyCoord(ra_deg, dec_deg, unit="deg").transform_to(frame)
    # Precession from J2000 to 2018 is 0.25 degrees, nutation and aberration far less.
    np.testing.assert_allclose(np.degrees(np.arcsin(sine)), judged.alt.deg, atol=0.3)
    high = sine > np.sin(np.radians(20))
    assert high.any()
    np.testing.assert_allclose(airmass(sine)[high], judged.secz.value[high], rtol=0.01)


def test_extinction_dims_blue_most_and_by_the_airmass(plain: Frame) -> None:
    dimmed = render_frame(with_night(Night(extinction=1)), 1).truth.stars
    assert (dimmed["id"] == plain.truth.stars["id"]).all()
    pivot = np.abs(dimmed["bp_rp_mag"] - 1.15) < 0.05
    assert pivot.any()
    for colour in "RGB":
        name = f"flux_{colour.lower()}_adu"
        lost_mag = -2.5 * np.log10(dimmed[name] / plain.truth.stars[name])
        expected = EXTINCTION_MAG[colour] * dimmed["airmass"]
        # A colour term of 0.02 x 0.05 mag an airmass, up to 40 airmasses at the horizon.
        np.testing.assert_allclose(lost_mag[pivot], expected[pivot], rtol=0.02)


def test_clouds_move_over_the_field_and_have_the_wished_depth() -> None:
    observation = with_night(Night(cloud_mag=0.2), replace(SMALL, count=400))
    x, y = (grid.ravel() for grid in np.meshgrid(np.linspace(0, 5000, 6), np.linspace(0, 3400, 6)))
    depth = np.array([cloud_depth_mag(observation, n, x, y, 120) for n in range(400)])
    assert depth.min() >= 0
    # Of a sum of waves of variance 1 about 1, cut at 0; a night sees some tens of the longest.
    assert depth.mean() == pytest.approx(0.2, rel=0.4)
    assert depth.std(axis=0).min() > 0.02
    assert depth.std(axis=1).max() > 0.02


def test_pixels_keep_their_response_in_frames_of_every_size() -> None:
    night = Night(pixel_response=0.008)
    full = response_planes(with_night(night, replace(SMALL, width=FULL_WIDTH, height=FULL_HEIGHT)))
    part = response_planes(with_night(night))
    top, left = (FULL_HEIGHT - 200) // 2, (FULL_WIDTH - 300) // 2
    assert (top % 2, left % 2) == (0, 0)
    middle = full[0][top // 2 : top // 2 + 100, left // 2 : left // 2 + 150]
    np.testing.assert_array_equal(part[0], middle)
    # 15,000 pixels: the rms is known to 0.6 %.
    assert part[0].std() == pytest.approx(0.008, rel=0.03)
    assert part[0].mean() == pytest.approx(1, abs=3e-4)


def test_periodic_error_moves_stars_and_lengthens_trails() -> None:
    observation = with_night(Night(jitter_px=0, periodic_error_px=2), replace(SMALL, cadence_s=60))
    steady = with_night(Night(jitter_px=0), observation)
    trails = np.array([trail_px(observation, n, 120)[1] for n in range(16)])
    usual = trail_px(steady, 0, 120)[1]
    # Twice the amplitude times sin(pi 120 / 479), met within a sixteenth of a turn.
    widest = 2 * 2 * np.sin(np.pi * 120 / 479)
    assert np.abs(trails - usual).max() == pytest.approx(widest, rel=0.1)


def test_cadence_scatters_in_order() -> None:
    observation = with_night(Night(cadence_jitter_s=5), replace(SMALL, count=200, cadence_s=6))
    times = [observation.image_time(n) for n in range(200)]
    assert times == sorted(set(times))
    assert times[0] == observation.start


def test_satellites_leave_their_light_along_a_line() -> None:
    observation = with_night(Night(satellites=40))
    trails = [satellite_trails(observation, n)["G"] for n in range(5)]
    lit = next(trail for trail in trails if trail.x.size)
    steps = np.hypot(np.diff(lit.x), np.diff(lit.y))
    assert np.median(steps) == pytest.approx(0.7)
    assert (lit.flux_adu > 0).all()
    assert satellite_trails(SMALL, 0)["G"].x.size == 0


def test_the_sky_brightens_before_sunrise() -> None:
    dark = sky_glow(with_night(Night(twilight=True)), SMALL.start + timedelta(hours=1))
    assert dark == {"R": 1, "G": 1, "B": 1}
    dawn = datetime(2018, 8, 12, 15, 15, tzinfo=UTC)
    sun = get_sun(Time(dawn)).transform_to(AltAz(obstime=Time(dawn), location=SITE))
    assert -15 < sun.alt.deg < -8
    glow = sky_glow(with_night(Night(twilight=True)), dawn)
    expected = 1 + twilight("G", float(90 - sun.alt.deg))
    # 0.3 degrees of altitude are a quarter of a magnitude.
    assert glow["G"] == pytest.approx(expected, rel=0.4)
    assert glow["B"] > glow["R"] > 1.5


def test_twilight_follows_the_published_parabola() -> None:
    # 102 degrees: V is 19.67, the dark sky 21.6, and 3 % of it is the night's own light.
    assert twilight("G", 102) == pytest.approx(10 ** (-0.4 * (19.67 - 21.6)), rel=0.2)
    assert twilight("G", 107) == twilight("G", 150) == 0
    assert twilight("G", 80) == twilight("G", 95)


def test_moonlight_is_that_of_the_published_model() -> None:
    # Krisciunas and Schaefer, table 2: full Moon at 60 degrees from a target, both at a zenith
    # distance of 30 degrees: the sky gains some 3.4 mag; half the Moon gives a tenth of that light.
    full = moonlight(30, 30, 60, 0)
    assert 2.5 * np.log10(1 + full) == pytest.approx(3.4, abs=0.4)
    assert full / moonlight(30, 30, 60, 90) == pytest.approx(11, rel=0.35)
    assert moonlight(91, 30, 60, 0) == 0
    glow = sky_glow(with_night(Night(moonlight=True)), MOONLIT)
    assert glow["B"] > glow["G"] > glow["R"] > 2


def test_the_command_renders_a_realistic_night_with_its_truth(tmp_path: Path) -> None:
    words = ["render", str(tmp_path), "--size", "400", "400", "--suffix", ".fits", "--count", "2"]
    words += ["--night", "realistic", "--satellites", "0", "--transits", "1"]
    words += ["--variable-mags", "8", "12"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    path = Path(done.output.splitlines()[-1])
    truth = Truth.read(truth_path(path))
    assert truth.conditions["AIRMASS"] > 1
    assert truth.conditions["FOCUS"] != 1
    assert list(truth.variables["kind"]) == ["transit"]
    assert np.isnan(truth.variables["period_d"][0])


def test_the_command_renders_nights_of_the_same_stars(tmp_path: Path) -> None:
    words = ["render", str(tmp_path), "--size", "400", "400", "--suffix", ".fits", "--count", "2"]
    words += ["--night", "clean", "--scintillation-mag", "0.1", "--nights", "3"]
    words += ["--transits", "1", "--transit-period", "1.3", "--variable-mags", "8", "12"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    truths = [Truth.read(path) for path in sorted(tmp_path.rglob("*.truth.fits"))]
    assert len(truths) == 6
    assert len({path.parent for path in tmp_path.rglob("*.truth.fits")}) == 3
    first, second, third = (truth.variables[0] for truth in truths[::2])
    assert first["period_d"] == 1.3
    assert tuple(first) == tuple(second) == tuple(third)
    # Each night has a scintillation of its own: 0.1 mag in each, 0.13 in their logarithms' ratio.
    stars = [truth.stars[np.argsort(truth.stars["id"])] for truth in truths]
    common = np.intersect1d(stars[0]["id"], stars[2]["id"])
    flux = [table["flux_g_adu"][np.isin(table["id"], common)] for table in (stars[0], stars[2])]
    assert 0.05 < np.std(np.log(flux[1] / flux[0])) < 0.3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--night", "realistic", "--focus", "2"], "focus must be at most"),
        (["--transits", "9999"], "9999 stars are to change"),
        (["--transit-depth", "0.9", "--transits", "1"], "depth is 0.9"),
    ],
)
def test_the_command_says_what_cannot_be_had(tmp_path: Path, words: list[str], said: str) -> None:
    done = CliRunner().invoke(main, ["render", str(tmp_path), "--size", "400", "400", *words])
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())


def test_presets() -> None:
    assert PRESETS["clean"].cloud_mag == PRESETS["clean"].pixel_response == 0
    realistic = PRESETS["realistic"]
    assert all(getattr(realistic, name) > 0 for name in AMOUNTS)
    assert realistic.twilight
    assert realistic.moonlight


def test_a_frame_of_the_night_is_the_same_whichever_comes_first() -> None:
    observation = with_night(PRESETS["realistic"])
    alone = render_frame(observation, 2)
    render_frame(observation, 0)
    assert (render_frame(observation, 2).data == alone.data).all()
    assert (u.Quantity(alone.truth.stars["signal"]) == 1).all()
