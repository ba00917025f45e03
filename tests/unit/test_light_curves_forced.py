"""Forced photometry of a small simulated field in the Milky Way, against the truth."""

from dataclasses import replace

import numpy as np
import pytest

from light_curves.measurements import FrameFluxes
from light_curves.photometry.forced import Photometer
from light_curves.photometry.frame_light import Camera
from light_curves.photometry.psf_fit import psf_frames
from light_curves.photometry.psf_stars import PlacedFrame
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.light_curves.schema import Quality
from simulator import Observation
from tests.unit.light_curve_fields import EXPOSURE, SimulatedField, simulated_field

pytestmark = pytest.mark.numerics

CAMERA = Camera()


@pytest.fixture(scope="module")
def simulated() -> SimulatedField:
    """Three frames: as few as a sequence may have."""
    return simulated_field(Observation(count=3, width=640, height=500, cadence_s=137.3))


@pytest.fixture(scope="module")
def photometer(simulated: SimulatedField) -> Photometer:
    return Photometer.of_sequence(simulated.placed, simulated.field, CAMERA)


@pytest.fixture(scope="module")
def fluxes(photometer: Photometer, simulated: SimulatedField) -> FrameFluxes:
    return photometer.measure(simulated.placed[1], EXPOSURE)


def test_the_psf_is_made_of_ten_frames_spread_over_the_sequence() -> None:
    assert psf_frames(3).tolist() == [0, 1, 2]
    assert psf_frames(1).tolist() == [0]
    assert len(psf_frames(144)) == 10
    assert psf_frames(144)[[0, -1]].tolist() == [0, 143]


def test_unsaturated_stars_have_their_true_fluxes(
    fluxes: FrameFluxes, simulated: SimulatedField
) -> None:
    truth = simulated.true_fluxes(1)
    usable = np.isfinite(truth).all(axis=1) & (
        (fluxes.quality & (Quality.SATURATED | Quality.EDGE)) == 0
    )
    ratio = fluxes.flux_adu[usable] / truth[usable]
    green = ratio[:, 1]
    assert usable.sum() > 150
    assert np.mean(np.abs(green - 1) < 0.2) >= 0.93
    # Three frames see few places of a star in the pixel: the scale of green is a little off.
    assert np.median(ratio, axis=0) == pytest.approx([1, 1, 1], abs=0.08)


def test_errors_hold_for_stars_that_stand_alone(
    fluxes: FrameFluxes, simulated: SimulatedField
) -> None:
    truth = simulated.true_fluxes(1)
    alone = (fluxes.quality == 0) & np.isfinite(truth).all(axis=1)
    alone &= simulated.field.targets.gaia_mag > 10.5
    ratio = fluxes.flux_adu[alone] / np.median(fluxes.flux_adu[alone] / truth[alone], axis=0)
    pull = (ratio - truth[alone]) / fluxes.flux_err_adu[alone]
    spread = 1.4826 * np.median(np.abs(pull - np.median(pull, axis=0)), axis=0)
    assert np.all((spread > 0.75) & (spread < 1.7))


def test_the_sky_and_the_width_of_the_stars_are_those_of_the_frame(
    fluxes: FrameFluxes, simulated: SimulatedField
) -> None:
    assert fluxes.sky_adu == pytest.approx(np.nanmedian(fluxes.background_adu, axis=0), rel=0.05)
    assert 1.4 < fluxes.fwhm_px < 2.6
    assert fluxes.exposure is EXPOSURE
    assert fluxes.psf_terms.shape == (3, 5)
    assert np.abs(fluxes.psf_terms).max() < 0.2


def test_quality_says_what_spoils_a_star(fluxes: FrameFluxes, simulated: SimulatedField) -> None:
    targets, frame = simulated.field.targets, simulated.placed[1]
    truth = simulated.frames[1].truth.stars
    saturated = set(truth["id"][truth["saturated"]].tolist())
    said = targets.picid[(fluxes.quality & Quality.SATURATED) != 0].tolist()
    assert saturated <= {*said, *truth["id"][truth["gaia_mag"] > 12.5].tolist()}
    x = frame.x_px[simulated.field.is_target]
    y = frame.y_px[simulated.field.is_target]
    is_inside = (x >= -0.5) & (x <= 639.5) & (y >= -0.5) & (y <= 499.5)
    near_edge = is_inside & ((x < 6) | (x > 633) | (y < 6) | (y > 493))
    assert np.array_equal((fluxes.quality & Quality.EDGE) != 0, near_edge)
    assert np.isnan(fluxes.flux_adu[~is_inside]).all()
    assert np.isnan(fluxes.x_px[~is_inside]).all()
    assert np.isfinite(fluxes.x_px[is_inside]).all()
    assert not fluxes.quality[~is_inside].any()
    assert 0 < np.mean((fluxes.quality & Quality.CROWDED) != 0) < 0.2
    assert not ((fluxes.quality & Quality.TRAILED) != 0).any()


def test_a_crowded_star_that_is_not_in_the_middle_frame_is_told(
    photometer: Photometer, simulated: SimulatedField
) -> None:
    first, middle, last = simulated.placed
    star = np.flatnonzero(photometer.is_crowded & middle.holds(-0.5))[0]
    x_px = middle.x_px.copy()
    x_px[star] = np.nan
    without = Photometer.of_sequence(
        [first, replace(middle, x_px=x_px), last], simulated.field, CAMERA
    )
    assert without.is_crowded[star]


def test_a_trailed_frame_of_the_sequence_is_told(
    photometer: Photometer, simulated: SimulatedField
) -> None:
    pixels = simulated.placed[1].pixels.astype(np.float64)
    # Smeared over five superpixels: the mosaic's colours stay apart.
    trail = np.mean([np.roll(pixels, 2 * k, axis=1) for k in range(-2, 3)], axis=0)
    frame = replace(simulated.placed[1], pixels=np.rint(trail).astype(np.uint16))
    measured = photometer.measure(frame, EXPOSURE)
    inside = np.isfinite(measured.x_px)
    assert ((measured.quality[inside] & Quality.TRAILED) != 0).all()


def test_a_star_without_a_magnitude_is_measured_too(
    photometer: Photometer, simulated: SimulatedField, fluxes: FrameFluxes
) -> None:
    targets = np.flatnonzero(simulated.field.is_target)
    index = np.flatnonzero((fluxes.quality == 0) & (fluxes.flux_adu[:, 1] > 3000))[0]
    mag = simulated.field.gaia_mag.copy()
    mag[targets[index]] = np.nan
    unknowing = replace(photometer, field=replace(simulated.field, gaia_mag=mag))
    found = unknowing.measure(simulated.placed[1], EXPOSURE)
    assert found.flux_adu[index] == pytest.approx(fluxes.flux_adu[index], rel=0.1)


def test_a_frame_without_its_stars_gives_fluxes_about_nothing(
    photometer: Photometer, simulated: SimulatedField, fluxes: FrameFluxes
) -> None:
    rng = np.random.default_rng(2)
    pixels = (2048 + rng.normal(150, 13, (500, 640))).astype(np.uint16)
    cloudy = photometer.measure(replace(simulated.placed[1], pixels=pixels), EXPOSURE)
    seen = (fluxes.quality == 0) & np.isfinite(fluxes.x_px)
    pull = cloudy.flux_adu[seen] / cloudy.flux_err_adu[seen]
    assert np.median(np.abs(pull)) < 1.5
    assert not cloudy.psf_terms.any()


def test_too_few_stars_are_refused_with_plain_words(simulated: SimulatedField) -> None:
    few = simulated.field.take(np.argsort(simulated.field.gaia_mag)[:60])
    some = np.argsort(simulated.field.gaia_mag)[:60]
    frames = [
        PlacedFrame(frame.pixels, frame.x_px[some], frame.y_px[some]) for frame in simulated.placed
    ]
    with pytest.raises(PermanentError, match="are isolated and unsaturated") as refusal:
        Photometer.of_sequence(frames, few, CAMERA)
    assert refusal.value.reason is Reason.TOO_FEW_SOURCES


def test_clouds_alone_are_refused_with_plain_words(simulated: SimulatedField) -> None:
    rng = np.random.default_rng(3)
    clouds = [
        replace(frame, pixels=(2048 + rng.normal(150, 13, (500, 640))).astype(np.uint16))
        for frame in simulated.placed
    ]
    with pytest.raises(PermanentError, match="clouds"):
        Photometer.of_sequence(clouds, simulated.field, CAMERA)
