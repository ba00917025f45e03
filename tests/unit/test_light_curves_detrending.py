"""Fluxes with known air, clouds and pixel phase become curves that show the stars alone."""

from dataclasses import replace

import numpy as np
import pytest

from light_curves.detrending.detrend import detrend
from light_curves.measurements import LightCurves, SequenceFluxes
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.light_curves.schema import BAD, Quality
from tests.unit.simulated_fluxes import Sequence

pytestmark = pytest.mark.numerics

PLANETS = {20: 5, 25: 50, 30: 25, 40: 10, 50: 55, 60: 40}
"""Stars of G 9.8 to 10.4, and the frame in which a transit of 1 % begins."""
DEPTH, LENGTH = 0.01, 30
ECLIPSING, PULSATING, STRUCK, FAINT_BLUE = 70, 72, 74, 499


def _night(*, has_planets: bool = True) -> Sequence:
    night = Sequence(n_frames=90, n_stars=500)
    night.add_air()
    for star, first in PLANETS.items() if has_planets else ():
        night.add_transit(star, DEPTH, first, LENGTH)
    night.add_transit(ECLIPSING, 0.3, 40, 20)
    night.signal[:, PULSATING] += 0.05 * np.sin(np.arange(90) / 5)
    return night


def _measured(night: Sequence) -> SequenceFluxes:
    fluxes = night.fluxes()
    fluxes.flux_adu[50, STRUCK] *= 1.3  # a satellite
    fluxes.flux_adu[60:62, STRUCK] *= 0.7  # two frames: the star's own, as far as one can know
    fluxes.flux_adu[:, FAINT_BLUE, 2] = 0.1 * night.rng.standard_normal(90)
    return fluxes


@pytest.fixture(scope="module")
def night() -> Sequence:
    return _night()


@pytest.fixture(scope="module")
def curves(night: Sequence) -> LightCurves:
    return detrend(_measured(night))


def _ratio(curves: LightCurves, stars: np.ndarray | slice) -> float:
    return float(np.median(curves.scatter[stars] / curves.expected_noise[stars]))


def test_constant_stars_scatter_by_their_photons_alone(
    night: Sequence, curves: LightCurves
) -> None:
    constant = np.setdiff1d(np.arange(night.n_stars), [*PLANETS, ECLIPSING, PULSATING, FAINT_BLUE])
    for faintest in (10, 11, 12, 13):
        mags = night.gaia_mag[constant]
        stars = constant[(mags < faintest) & (mags >= faintest - 1)]
        # The median of 25 stars or more, each known to 1 / sqrt(90) by its MAD: 0.025.
        assert _ratio(curves, stars) == pytest.approx(1, abs=0.08), faintest
        assert 0.8 < np.median(curves.reduced_chi2[stars]) < 1.2, faintest
    # The map had something to do: alone it is more than the photons of the bright stars.
    bright = night.gaia_mag < 10
    red_noise = night.phase_map()[:, bright, 1].std(axis=0)
    assert np.median(red_noise / curves.expected_noise[bright]) > 2


def test_expected_noise_is_the_photon_limit_of_the_colours(
    night: Sequence, curves: LightCurves
) -> None:
    fluxes = curves.fluxes
    relative = np.median(fluxes.flux_err_adu / fluxes.flux_adu, axis=0)[5:15]
    limit = 1 / np.sqrt((1 / relative**2).sum(axis=1))
    assert curves.expected_noise[5:15] == pytest.approx(limit, rel=0.03)


def test_depths_of_transits_are_kept(curves: LightCurves) -> None:
    without = detrend(_measured(_night(has_planets=False)))
    change = curves.flux - without.flux  # the noise is the same
    depths = []
    for star, first in PLANETS.items():
        inside = slice(first, first + LENGTH)
        depths.append(np.delete(change[:, star], inside).mean() - change[inside, star].mean())
    # A star of 200 can't move the zero points and maps by more than some hundredths of its change.
    assert np.mean(depths) == pytest.approx(DEPTH, rel=0.05)
    assert depths == pytest.approx([DEPTH] * len(depths), rel=0.1)
    eclipse = np.median(curves.flux[40:60, ECLIPSING])
    assert eclipse == pytest.approx(0.7, abs=0.01)


def test_many_transits_at_once_leave_the_zero_point_alone() -> None:
    night = Sequence(n_frames=90, n_stars=500)
    stars, inside = np.arange(10, 70, 3), slice(30, 60)
    for star in stars:
        night.add_transit(int(star), DEPTH, 30, 30)
    flux = detrend(night.fluxes()).flux[:, stars]
    depths = np.delete(flux, inside, axis=0).mean(axis=0) - flux[inside].mean(axis=0)
    # 20 stars of 0.6 %, 30 frames inside and 60 outside: the mean is known to 0.03 %.
    # With equal weights the zero point would dim by a tenth of it.
    assert depths.mean() == pytest.approx(DEPTH, abs=0.0006)


def test_a_variable_star_stands_out_by_all_colours(curves: LightCurves) -> None:
    constant = np.delete(curves.variability, [*PLANETS, ECLIPSING, PULSATING, STRUCK])
    assert curves.variability[PULSATING] > 5 * np.nanpercentile(constant, 99)
    assert np.nanmedian(constant) == pytest.approx(0, abs=0.05)


def test_what_is_off_in_one_frame_alone_is_an_outlier(curves: LightCurves) -> None:
    is_outlier = (curves.quality & Quality.OUTLIER) != 0
    assert np.flatnonzero(is_outlier[:, STRUCK]).tolist() == [50]
    assert is_outlier.mean() < 1e-3
    assert curves.n_good[STRUCK] == 89


def test_colours_without_light_are_left_out(curves: LightCurves) -> None:
    assert np.isnan(curves.colour_flux[:, FAINT_BLUE, 2]).all()
    assert np.isfinite(curves.flux[:, FAINT_BLUE]).all()


def test_zero_points_and_lost_light_are_those_of_the_air(
    night: Sequence, curves: LightCurves
) -> None:
    green_mag = 2.5 * np.log10(np.e) * night.zero_point[:, :, 1].mean(axis=1) + 15.93
    # The field's mean is not its centre: the clouds' terms differ by some hundredths.
    assert curves.zero_point_mag[:, 1] == pytest.approx(green_mag, abs=0.05)
    assert curves.cloud_mag.argmax() == curves.zero_point_mag.mean(axis=1).argmin()
    assert curves.cloud_mag.min() == 0
    assert (curves.n_comparison > 100).all()


def test_medians_are_one_and_dtypes_are_small(curves: LightCurves) -> None:
    assert np.median(curves.flux, axis=0) == pytest.approx(1, abs=0.01)
    for name in ("flux", "flux_err", "colour_flux", "colour_flux_err", "scatter", "cloud_mag"):
        assert getattr(curves, name).dtype == np.float32, name


def test_frames_that_clouds_spoil_are_marked() -> None:
    night = Sequence(n_frames=40, n_stars=400)
    u, _ = night.field_places
    night.zero_point[10] -= 3  # thick, but even
    stripes = np.sin(9 * u[20]) > 0
    night.zero_point[20] -= 1.5 * stripes[:, np.newaxis]
    night.zero_point[30] -= 12  # nothing to be seen
    fluxes = night.fluxes()
    fluxes.psf_terms[10], fluxes.psf_terms[30] = 50, np.nan  # no stars to fit the PSF to
    curves = detrend(fluxes)
    clouded = np.flatnonzero((curves.quality & Quality.CLOUD).all(axis=1))
    few = np.flatnonzero((curves.quality & Quality.FEW_COMPARISONS).all(axis=1))
    assert clouded.tolist() == [10, 20]
    assert few.tolist() == [30]
    assert curves.cloud_mag[10] == pytest.approx(3 * 1.086, rel=0.05)
    assert np.isnan(curves.zero_point_mag[30]).all()
    assert np.isnan(curves.cloud_mag[30])
    assert _ratio(curves, slice(0, 150)) == pytest.approx(1, abs=0.1)


def test_a_flip_of_the_mount_in_mid_sequence() -> None:
    night = Sequence(n_frames=60, n_stars=300)
    for place, size in ((night.x_px, 1400), (night.y_px, 1200)):
        place[30:] = size - place[30:]
    night.zero_point[30:] += night.rng.normal(0, 0.03, (300, 3))  # unequal flat
    curves = detrend(night.fluxes())
    # Without levels of their own the halves would differ by 3 %, four times the photons' noise.
    assert _ratio(curves, slice(0, 50)) == pytest.approx(1, abs=0.1)
    assert (curves.quality & BAD == 0).mean() > 0.99


def test_a_few_frames_after_a_flip_have_no_level_of_their_own() -> None:
    night = Sequence(n_frames=60, n_stars=300)
    for place, size in ((night.x_px, 1400), (night.y_px, 1200)):
        place[54:] = size - place[54:]
    night.zero_point[54:] += night.rng.normal(0, 0.03, (300, 3))  # unequal flat
    curves = detrend(night.fluxes())
    without_level = np.flatnonzero((curves.quality & Quality.NO_LEVEL).any(axis=1))
    assert without_level.tolist() == [*range(54, 60)]
    assert (curves.quality[54:] & BAD).all()
    assert np.isnan(curves.flux[54:]).all()
    assert (curves.quality[:54] & BAD == 0).mean() > 0.99
    assert _ratio(curves, slice(0, 50)) == pytest.approx(1, abs=0.1)


def test_small_groups_alone_have_one_level() -> None:
    night = Sequence(n_frames=12, n_stars=200)
    night.exptime_s[7:] = 60
    curves = detrend(night.fluxes())
    assert not (curves.quality & Quality.NO_LEVEL).any()
    assert np.isfinite(curves.flux[:, :50]).all()


def test_another_exposure_in_mid_sequence() -> None:
    night = Sequence(n_frames=60, n_stars=300)
    night.exptime_s[25:] = 60
    curves = detrend(night.fluxes())
    assert curves.zero_point_mag[40, 1] == pytest.approx(curves.zero_point_mag[10, 1], abs=0.02)
    assert np.median(curves.flux[25:, :50]) == pytest.approx(1, abs=0.002)
    assert np.median(curves.reduced_chi2) == pytest.approx(1, abs=0.1)


def test_errors_hold_where_the_air_adds_to_photons() -> None:
    night = Sequence(n_frames=60, n_stars=600)
    night.zero_point += night.rng.normal(0, 0.008, (60, 600, 1))  # scintillation, all colours alike
    fluxes = night.fluxes()
    curves = detrend(replace(fluxes, flux_err_adu=0.6 * fluxes.flux_err_adu))
    for faintest in (10, 11, 12, 13):
        stars = (night.gaia_mag < faintest) & (night.gaia_mag >= faintest - 1)
        assert 0.8 < np.median(curves.reduced_chi2[stars]) < 1.2, faintest
    bright = night.gaia_mag < 10
    assert np.median(curves.flux_err[:, bright]) == pytest.approx(0.0095, rel=0.15)


@pytest.mark.parametrize("n_frames", [3, 4, 12])
def test_a_few_frames_are_enough(n_frames: int) -> None:
    curves = detrend(Sequence(n_frames=n_frames, n_stars=200).fluxes())
    assert np.isfinite(curves.flux[:, :50]).all()
    assert np.isfinite(curves.flux_err[:, :50]).all()
    assert (curves.flux_err[:, :50] > 0).all()
    assert np.median(np.abs(curves.flux[:, :50] - 1)) < 0.02
    assert not (curves.quality & Quality.NO_LEVEL).any()


def test_two_frames_are_refused() -> None:
    with pytest.raises(PermanentError, match="need 3 solved frames; the sequence has 2") as refusal:
        detrend(Sequence(n_frames=2, n_stars=100).fluxes())
    assert refusal.value.reason == Reason.TOO_FEW_FRAMES


@pytest.mark.parametrize("n_stars", [0, 10, 200])
def test_clouds_alone_and_empty_fields_are_refused(n_stars: int) -> None:
    night = Sequence(n_frames=20, n_stars=n_stars)
    night.zero_point -= 12
    with pytest.raises(PermanentError, match="0 of 20 frames") as refusal:
        detrend(night.fluxes())
    assert refusal.value.reason == Reason.TOO_FEW_SOURCES
