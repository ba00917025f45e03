import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from astropy.io import fits
from numpy.typing import NDArray

from panoptes_network.errors import PermanentError
from simulator import Conditions, Frame, Observation, simulate
from simulator.background import SKY_ADU
from simulator.detector import BLACK_ADU, READ_NOISE_ADU, SATURATION_ADU, star_flux_adu

SMALL = Observation(width=400, height=300, suffix=".fits")
SEXTRACTOR = Path("/usr/share/source-extractor")


class Detections(NamedTuple):
    """What source-extractor finds, places made 0-based."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    flags: NDArray[np.int16]


@pytest.fixture(scope="module")
def frame() -> Frame:
    return next(simulate(SMALL))


@pytest.fixture(scope="module")
def detections(frame: Frame, tmp_path_factory: pytest.TempPathFactory) -> Detections:
    folder = tmp_path_factory.mktemp("detections")
    return detect(frame, folder)


def detect(frame: Frame, folder: Path) -> Detections:
    frame.hdus().writeto(folder / "frame.fits")
    columns = ("XWIN_IMAGE", "YWIN_IMAGE", "FLAGS")
    (folder / "columns.param").write_text("\n".join(columns))
    command = ["source-extractor", "frame.fits", "-c", str(SEXTRACTOR / "default.sex")]
    options = {
        "PARAMETERS_NAME": "columns.param",
        "FILTER_NAME": str(SEXTRACTOR / "default.conv"),
        "STARNNW_NAME": str(SEXTRACTOR / "default.nnw"),
        "CATALOG_TYPE": "FITS_1.0",
        "CATALOG_NAME": "found.fits",
        "VERBOSE_TYPE": "QUIET",
    }
    for name, value in options.items():
        command += [f"-{name}", value]
    subprocess.run(command, cwd=folder, check=True)
    found = fits.getdata(folder / "found.fits", 1)
    return Detections(found["XWIN_IMAGE"] - 1, found["YWIN_IMAGE"] - 1, found["FLAGS"])


def test_shape_and_type(frame: Frame) -> None:
    assert frame.data.shape == (300, 400)
    assert frame.data.dtype == np.uint16


def test_same_seed_gives_the_same_pixels(frame: Frame) -> None:
    again = next(simulate(replace(SMALL)))
    assert again.data.tobytes() == frame.data.tobytes()


def test_a_frame_does_not_depend_on_those_before_it() -> None:
    two = replace(SMALL, count=2, width=100, height=100)
    second = list(simulate(two))[1]
    later = replace(two, count=5)
    assert second.data.tobytes() == list(simulate(later))[1].data.tobytes()


@pytest.mark.parametrize("change", [{"seed": 1}, {"camera_id": "aaaaaa"}, {"unit_id": "PAN002"}])
def test_another_seed_or_camera_gives_other_pixels(frame: Frame, change: dict[str, Any]) -> None:
    assert next(simulate(replace(SMALL, **change))).data.tobytes() != frame.data.tobytes()


def test_no_frames() -> None:
    assert list(simulate(replace(SMALL, count=0))) == []


def test_bayer_cell_starts_with_green_and_blue() -> None:
    data = next(simulate(replace(SMALL, conditions=Conditions.STARLESS))).data.astype(float)
    level = {place: np.median(data[place[1] :: 2, place[0] :: 2]) for place in np.ndindex(2, 2)}
    expected = {(0, 0): "G", (1, 0): "B", (0, 1): "R", (1, 1): "G"}
    for place, colour in expected.items():
        # Exposure 120.4 s, a gradient of 5 % and the Milky Way's change: within 5 %.
        assert level[place] - BLACK_ADU == pytest.approx(SKY_ADU[colour], rel=0.05)


def test_detected_places_are_the_true_ones(frame: Frame, detections: Detections) -> None:
    x, y, flags = detections
    stars = frame.truth.stars[(frame.truth.stars["snr"] > 50) & ~frame.truth.stars["saturated"]]
    offsets = []
    for found_x, found_y in zip(x[flags == 0], y[flags == 0], strict=True):
        distance = np.hypot(stars["x"] - found_x, stars["y"] - found_y)
        if len(stars) and distance.min() < 1.5:
            star = stars[int(np.argmin(distance))]
            offsets.append((found_x - star["x"], found_y - star["y"]))
    assert len(offsets) > 30
    # One star's place is off by 0.15 px (Bayer sampling, neighbours), the mean by far less;
    # a mistake in the pixel convention would be 0.5 or 1.
    np.testing.assert_allclose(np.mean(offsets, axis=0), 0, atol=0.08)
    assert np.sqrt(np.mean(np.square(offsets))) < 0.25


def test_measured_light_is_the_true_flux() -> None:
    sparse = replace(SMALL, ra_deg=150.0, dec_deg=40.0, width=800, height=600)
    frame = next(simulate(sparse))
    stars = frame.truth.stars[frame.truth.stars["snr"] > 5]
    y, x = np.indices(frame.data.shape)
    ratios = []
    for star in stars[~stars["saturated"] & (stars["snr"] > 60)]:
        distance = np.hypot(stars["x"] - star["x"], stars["y"] - star["y"])
        alone = (stars["flux_g_adu"][distance < 18] > 0.05 * star["flux_g_adu"]).sum() == 1
        if alone and 24 < star["x"] < 775 and 24 < star["y"] < 575:
            true = (star["flux_r_adu"] + 2 * star["flux_g_adu"] + star["flux_b_adu"]) / 4
            ratios.append(aperture_sum(frame.data, np.hypot(x - star["x"], y - star["y"])) / true)
    assert len(ratios) > 10
    # 1.6 % of the light is beyond 10 px. One star scatters by 5 % (its place on the Bayer
    # cell, its neighbours), the median of ten by 2 %.
    assert np.median(ratios) == pytest.approx(0.98, abs=0.05)


def aperture_sum(data: NDArray[np.uint16], radius: NDArray[np.float64]) -> float:
    """Light within 10 px, the ring's median of each Bayer place taken off."""
    light = 0.0
    for j, i in np.ndindex(2, 2):
        plane, r = data[j::2, i::2].astype(float), radius[j::2, i::2]
        light += (plane[r < 10] - np.median(plane[(r > 12) & (r < 24)])).sum()
    return light


def test_zero_point_is_the_measured_one() -> None:
    magnitude, colour = np.array([[21.13, 11.13], [1.4, 1.4]], np.float32)
    np.testing.assert_allclose(star_flux_adu("G", magnitude, colour), [1, 10_000], rtol=1e-5)


def test_half_the_exposure_gives_half_the_light(frame: Frame) -> None:
    short = next(simulate(replace(SMALL, exptime_s=60.0))).truth.stars
    long = frame.truth.stars
    expected = 60 / 120  # both are some tenths longer, which is 0.5 % at most
    ratio = np.median(short["flux_g_adu"]) / np.median(long["flux_g_adu"])
    assert ratio == pytest.approx(expected, rel=0.01)


def test_bright_stars_saturate_and_say_so(frame: Frame) -> None:
    stars = frame.truth.stars
    assert frame.data.max() == SATURATION_ADU
    assert stars["saturated"].any()
    brightest = stars[0]
    assert brightest["saturated"]
    column, row = round(brightest["x"]), round(brightest["y"])
    assert (frame.data[row - 1 : row + 2, column - 1 : column + 2] == SATURATION_ADU).any()
    quiet = stars[stars["peak_adu"] < 5000]
    assert not quiet["saturated"].any()


def test_truth_is_sorted_inside_the_frame_and_follows_its_wcs(frame: Frame) -> None:
    stars = frame.truth.stars
    assert (np.diff(stars["gaia_mag"]) >= 0).all()
    assert stars["x"].min() > -0.5
    assert stars["x"].max() < 399.5
    x, y = frame.truth.wcs.all_world2pix(stars["ra_deg"], stars["dec_deg"], 0)
    np.testing.assert_allclose(x, stars["x"], atol=1e-3)
    np.testing.assert_allclose(y, stars["y"], atol=1e-3)


def test_stars_drift_between_frames() -> None:
    first, second = simulate(replace(SMALL, count=2, cadence_s=1280))
    a, b = first.truth.stars, second.truth.stars
    _, i, j = np.intersect1d(a["id"], b["id"], return_indices=True)
    # Ten times the real frame's drift in 128 s; the guiding jitters by 0.15 px a frame.
    assert np.median(b["x"][j] - a["x"][i]) == pytest.approx(-4, abs=0.9)
    assert np.median(b["y"][j] - a["y"][i]) == pytest.approx(-17, abs=0.9)


def test_a_crop_keeps_the_middle_of_the_full_frame() -> None:
    large = replace(SMALL, width=600, height=500)
    crop, whole = next(simulate(SMALL)).truth.stars, next(simulate(large)).truth.stars
    _, i, j = np.intersect1d(crop["id"], whole["id"], return_indices=True)
    assert i.size == len(crop)
    np.testing.assert_allclose(whole["x"][j] - crop["x"][i], 100, atol=1e-6)
    np.testing.assert_allclose(whole["y"][j] - crop["y"][i], 100, atol=1e-6)


def test_blank_frame_is_black_and_read_noise() -> None:
    blank = next(simulate(replace(SMALL, conditions=Conditions.BLANK)))
    # 120,000 pixels: the mean is known to 0.02 ADU, the deviation to 0.2 %.
    assert blank.data.mean() == pytest.approx(BLACK_ADU, abs=0.1)
    assert blank.data.std() == pytest.approx(READ_NOISE_ADU, rel=0.01)
    assert len(blank.truth.stars) == 0


def test_starless_frame_has_only_sky_and_its_shot_noise() -> None:
    starless = next(simulate(replace(SMALL, conditions=Conditions.STARLESS)))
    green = starless.data[::2, ::2].astype(float)
    variance = (green.mean() - BLACK_ADU) / 1.25 + READ_NOISE_ADU**2
    # 30,000 pixels know the variance to 0.8 %; the sky's gradient adds 1 %.
    assert np.var(green) == pytest.approx(variance, rel=0.05)
    assert len(starless.truth.stars) == 0


def test_clouds_leave_few_stars(detections: Detections, tmp_path: Path) -> None:
    cloudy = next(simulate(replace(SMALL, conditions=Conditions.CLOUDY)))
    few = detect(cloudy, tmp_path).x.size
    assert few < detections.x.size / 5
    assert cloudy.data.mean() > BLACK_ADU + 250


@pytest.mark.parametrize(
    "change",
    [
        {"width": 401},
        {"width": 0},
        {"height": 3478},
        {"count": -1},
        {"seed": -1},
        {"exptime_s": -1.0},
        {"cadence_s": 0.5},
        {"ra_deg": 360.0},
        {"dec_deg": -90.5},
        {"dec_deg": float("nan")},
        {"suffix": ".jpg"},
        {"start": datetime(2018, 8, 12)},  # noqa: DTZ001 the naive time is the fault
        {"start": datetime(2018, 8, 12, microsecond=1, tzinfo=UTC)},
    ],
)
def test_impossible_observations_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        replace(SMALL, **change)


@pytest.mark.parametrize(
    "change", [{"unit_id": "PAN1"}, {"camera_id": "nikon"}, {"field": "../M42"}]
)
def test_names_that_make_no_object_path_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(PermanentError):
        replace(SMALL, **change)


def test_object_paths() -> None:
    assert SMALL.object_path(0).path == (
        "PAN001/KIC 8462852/14d3bd/20180812T083000/20180812T083000.fits"
    )
    fieldless = replace(SMALL, field_in_path=False, suffix=".fits.fz", cadence_s=149.6)
    assert fieldless.object_path(1).path == (
        "PAN001/14d3bd/20180812T083000/20180812T083230.fits.fz"
    )
    pointing = replace(SMALL, pointing=True).object_path(1)
    assert pointing.path == "PAN001/KIC 8462852/14d3bd/20180812T083000/pointing01.fits"
    assert SMALL.image_time(2) - SMALL.image_time(0) == timedelta(seconds=300)
