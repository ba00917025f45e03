"""Pictures of frames: what a person would complain about, and Lupton's formula by astropy."""

import math
from dataclasses import replace

import numpy as np
import pytest
from astropy.visualization import LuptonAsinhStretch, make_lupton_rgb
from numpy.typing import NDArray

from panoptes_network.frames.bayer import BLACK_LEVEL_ADU, SATURATION_ADU
from panoptes_network.pictures.render import (
    FULL_ADU,
    SKY_LEVEL,
    Look,
    colour_planes,
    film_look,
    measure_look,
    render,
    resize,
    stretch,
    thumbnail,
)

Float32 = NDArray[np.float32]

CAMERA = (2.0156, 1.0, 1.490)
SKY = np.array([88.0, 178.0, 126.0])
NOISE = np.array([11.0, 10.0, 12.0])
SKY_SHOWN = SKY_LEVEL * 255


def sky_planes(height: int = 200, width: int = 300, seed: int = 1) -> Float32:
    """Return a dark sky as measured in real frames: light and noise of R, G and B."""
    rng = np.random.default_rng(seed)
    return rng.normal(SKY, NOISE, (height, width, 3)).astype(np.float32)


def add_star(planes: Float32, y: float, x: float, peak: object, sigma: float = 1.5) -> Float32:
    """Return planes with a Gaussian star of `peak` ADU in R, G and B, clipped as a camera does.

    Red and blue pixels lie a quarter of a superpixel left of and above its centre, and right of
    and below it: there, the star's place is the other way.
    """
    rows, columns = np.indices(planes.shape[:2])[..., None]
    shift = np.array([0.25, 0, -0.25])
    profile = np.exp(-((rows - y - shift) ** 2 + (columns - x - shift) ** 2) / (2 * sigma**2))
    light = planes + profile * np.asarray(peak)
    return np.asarray(np.minimum(light, FULL_ADU), dtype=np.float32)


def picture_of(planes: Float32) -> NDArray[np.int64]:
    return render(planes, measure_look(planes, CAMERA)).astype(np.int64)


def test_planes_are_the_colours_of_each_superpixel() -> None:
    mosaic = np.random.default_rng(1).integers(0, 2**16, (9, 13), dtype=np.uint16)
    planes = colour_planes(mosaic)
    assert planes.shape == (4, 6, 3)
    assert planes.dtype == np.float32
    for y, x in np.ndindex(4, 6):
        green2, blue, red, green1 = mosaic[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].ravel().tolist()
        expected = np.array([red, (green1 + green2) / 2, blue]) - BLACK_LEVEL_ADU
        assert planes[3 - y, x].tolist() == expected.tolist()


def test_the_first_row_of_a_frame_is_at_the_bottom() -> None:
    mosaic = np.full((200, 300), BLACK_LEVEL_ADU + 100, dtype=np.uint16)
    mosaic[:4, 40:44] = SATURATION_ADU
    picture = picture_of(colour_planes(mosaic))
    brightest = np.argwhere(picture.sum(axis=2) > 600)
    assert set(brightest[:, 0]) == {98, 99}
    assert set(brightest[:, 1]) == {20, 21}


def test_the_sky_is_dark_and_neutral() -> None:
    levels = picture_of(sky_planes()).reshape(-1, 3).mean(axis=0)
    assert np.ptp(levels) < 2
    assert levels == pytest.approx(SKY_SHOWN, abs=2)


def test_the_sky_is_not_coloured_by_noise() -> None:
    picture = picture_of(sky_planes())
    colour = picture - picture.mean(axis=2, keepdims=True)
    assert colour.std() < 1.5


@pytest.mark.parametrize("white_balance", [(1, 1, 1), (2.5, 1, 1.2), (0.01, 1, 100)])
def test_the_sky_is_neutral_with_any_white_balance(
    white_balance: tuple[float, float, float],
) -> None:
    planes = sky_planes()
    picture = render(planes, measure_look(planes, white_balance))
    assert np.ptp(np.median(picture.reshape(-1, 3), axis=0)) <= 2


def test_a_gradient_and_vignetting_are_removed() -> None:
    planes = sky_planes(600, 900)
    y, x = np.indices((600, 900)) / 900
    falloff = 1 - 0.6 * ((x - 0.5) ** 2 + (y - 0.33) ** 2)
    moon = 1 + 0.8 * x - 0.5 * y
    planes += (SKY * (falloff * moon - 1)[:, :, None]).astype(np.float32)
    picture = picture_of(planes)
    blocks = picture.reshape(6, 100, 9, 100, 3).mean(axis=(1, 3))
    assert np.abs(blocks - SKY_SHOWN).max() < 2.5


def test_a_nebula_stays() -> None:
    # Two degrees wide in a frame of fifteen, as bright as the sky.
    nebula = add_star(sky_planes(580, 870), 300, 400, [90, 60, 60], sigma=50)
    picture = picture_of(nebula)
    assert picture[295:305, 395:405].mean() > 2 * SKY_SHOWN
    assert picture[295:305, 395:405, 0].mean() > picture[295:305, 395:405, 1].mean() + 5
    assert picture[:100].mean() == pytest.approx(SKY_SHOWN, abs=2)


def test_stars_do_not_make_the_measured_sky_brighter() -> None:
    planes = sky_planes(400, 400)
    rng = np.random.default_rng(3)
    crowded = planes.copy()
    crowded[rng.random((400, 400)) < 0.2] += 500
    look = measure_look(crowded, CAMERA)
    assert np.abs(look.sky - SKY).max() < 0.6 * NOISE.max()
    assert look.noise_adu == pytest.approx(measure_look(planes, CAMERA).noise_adu, rel=0.25)


def test_equally_bright_stars_keep_their_hues() -> None:
    light = np.array([1200.0, 800.0, 400.0])
    planes = sky_planes()
    planes = add_star(planes, 50, 60, light / CAMERA)
    planes = add_star(planes, 50, 200, light[::-1] / CAMERA)
    picture = picture_of(planes)
    red, blue = picture[50, 60], picture[50, 200]
    assert red[0] > red[1] + 30 > red[2] + 60
    assert blue[2] > blue[1] + 30 > blue[0] + 60
    assert red[::-1] == pytest.approx(blue, abs=8)


def test_a_white_star_is_white() -> None:
    picture = picture_of(add_star(sky_planes(), 50, 60, 900 / np.array(CAMERA)))
    assert np.ptp(picture[50, 60]) < 8
    assert picture[50, 60].min() > 120


@pytest.mark.parametrize("part", range(4))
def test_a_star_has_no_coloured_edges(part: int) -> None:
    # Red, green and blue of a mosaic see a star at different places within a superpixel.
    shape = (80, 80)
    y, x = np.indices(shape)
    star = np.exp(-((y - 40 - part // 2) ** 2 + (x - 40 - part % 2) ** 2) / (2 * 1.5**2))
    factor = np.ones(shape)
    factor[1::2, ::2], factor[::2, 1::2] = CAMERA[0], CAMERA[2]
    noise = np.random.default_rng(2).normal(0, 3, shape)
    mosaic = BLACK_LEVEL_ADU + (100 + 2500 * star) / factor + noise
    picture = picture_of(colour_planes(mosaic.round().astype(np.uint16)))
    assert np.ptp(picture[15:25, 15:25], axis=2).max() < 25


def test_a_saturated_core_is_white_without_a_coloured_ring() -> None:
    # A white star: the camera's green clips first, where red and blue still grow.
    planes = add_star(sky_planes(), 100, 150, 60_000 / np.array(CAMERA), sigma=3)
    picture = picture_of(planes)
    assert picture[100, 150].min() >= 250
    outwards = picture[100, 150:170]
    assert np.ptp(outwards, axis=1).max() < 12


def test_a_saturated_star_keeps_the_colour_of_its_rim() -> None:
    planes = add_star(sky_planes(), 100, 150, [40_000, 40_000, 10_000], sigma=3)
    picture = picture_of(planes)
    assert picture[100, 150].min() >= 250
    assert (picture[100, 150:165, 0] - picture[100, 150:165, 2]).max() > 40


@pytest.mark.parametrize("colour", [(1.0, 1.0, 1.0), (1.0, 0.6, 0.2), (0.2, 0.7, 1.0)])
def test_a_brighter_star_is_never_darker(colour: tuple[float, float, float]) -> None:
    planes = np.broadcast_to(SKY, (60, 60, 3)).astype(np.float32)
    look = replace(measure_look(sky_planes(), CAMERA), sky=SKY.reshape(1, 1, 3))
    brightness = [
        int(render(add_star(planes, 30, 30, peak * np.array(colour)), look)[30, 30].sum())
        for peak in np.geomspace(1, 1e5, 200)
    ]
    # Rounding of three colours.
    assert (np.diff(brightness) >= -3).all()
    assert brightness[-1] >= 750


def test_faint_stars_show() -> None:
    planes = sky_planes()
    noise = measure_look(planes, CAMERA).noise_adu
    picture = picture_of(add_star(planes, 50, 60, 8 * noise / np.array(CAMERA)))
    assert picture[50, 60].mean() > 2 * SKY_SHOWN


def test_the_stretch_is_luptons() -> None:
    look = measure_look(sky_planes(), CAMERA)
    rng = np.random.default_rng(5)
    light = (10 ** rng.uniform(0, 5, (3, 200, 100))).astype(np.float32)
    light[:, 0] = rng.normal(0, 50, (3, 100))
    # astropy has f(I) = asinh(Q I / stretch) / asinh(Q / 10) / 10.
    softening = _softening_of(look)
    q = 10 * math.sinh(0.1 * math.asinh(look.white_adu / softening))
    reference = make_lupton_rgb(*light, stretch_object=LuptonAsinhStretch(q * softening, q))
    ours = np.moveaxis(stretch(light, look), 0, 2) * 255
    assert np.abs(ours - reference).max() < 1.01


def _softening_of(look: Look) -> float:
    """Solve asinh(pedestal / s) = SKY_LEVEL asinh(white / s) on a fine grid."""
    softenings = np.geomspace(1e-4 * look.white_adu, look.white_adu, 2_000_000)
    shown = np.arcsinh(look.pedestal_adu / softenings) / np.arcsinh(look.white_adu / softenings)
    return float(softenings[np.argmin(np.abs(shown - SKY_LEVEL))])


def test_rendering_in_bands_has_no_seams() -> None:
    # A picture that is the same in all rows is the same at every border between bands.
    row = add_star(sky_planes(1, 80), 0, 40, [900, 900, 300])
    planes = np.repeat(row, 75, axis=0)
    look = measure_look(sky_planes(), CAMERA)
    flat = render(planes, replace(look, sky=SKY.reshape(1, 1, 3)))
    assert (flat == flat[:1]).all()


def test_memory_order_does_not_matter() -> None:
    planes = add_star(sky_planes(), 40, 40, [5000, 9000, 4000])
    other = np.ascontiguousarray(planes.transpose(2, 0, 1)).transpose(1, 2, 0)
    assert (picture_of(planes) == picture_of(other)).all()


@pytest.mark.parametrize("shape", [(2, 2), (3, 2), (2, 5), (5, 5), (2, 800), (801, 3), (48, 50)])
@pytest.mark.parametrize("level", [0, BLACK_LEVEL_ADU, 5000, SATURATION_ADU, 2**16 - 1])
def test_tiny_and_constant_frames(shape: tuple[int, int], level: int) -> None:
    planes = colour_planes(np.full(shape, level, dtype=np.uint16))
    picture = picture_of(planes)
    assert picture.shape == (shape[0] // 2, shape[1] // 2, 3)
    expected = 255 if level >= SATURATION_ADU else SKY_SHOWN
    assert np.abs(picture - expected).max() <= 2
    small = thumbnail(planes, CAMERA)
    assert small.shape[1] == min(320, shape[1] // 2)
    assert np.abs(small.astype(np.int64) - expected).max() <= 2


@pytest.mark.parametrize("shape", [(2, 2), (7, 10), (60, 60)])
def test_frames_of_any_numbers(shape: tuple[int, int]) -> None:
    mosaic = np.random.default_rng(1).integers(0, 2**16, shape, dtype=np.uint16)
    picture = picture_of(colour_planes(mosaic))
    assert picture.shape == (shape[0] // 2, shape[1] // 2, 3)


@pytest.mark.parametrize("shape", [(0, 0), (1, 6), (6, 1)])
def test_a_frame_without_a_superpixel(shape: tuple[int, int]) -> None:
    planes = colour_planes(np.zeros(shape, dtype=np.uint16))
    with pytest.raises(ValueError, match="without pixels"):
        measure_look(planes, CAMERA)
    look = measure_look(sky_planes(), CAMERA)
    assert render(planes, look).shape == (shape[0] // 2, shape[1] // 2, 3)


def test_twilight_is_a_dark_sky_with_its_brightest_stars() -> None:
    planes = sky_planes() + np.float32(7500)
    picture = picture_of(add_star(planes, 50, 60, [3000, 3000, 3000]))
    assert np.median(picture) == pytest.approx(SKY_SHOWN, abs=3)
    assert picture[50, 60].min() > 150


@pytest.mark.parametrize("bad", [0.0, -1.0, math.inf, math.nan])
def test_a_white_balance_of_nonsense_is_refused(bad: float) -> None:
    for white_balance in ((bad, 1, 1), (1, bad, 1), (1, 1, bad)):
        with pytest.raises(ValueError, match="three numbers above 0"):
            measure_look(sky_planes(4, 4), white_balance)
        with pytest.raises(ValueError, match="three numbers above 0"):
            thumbnail(sky_planes(4, 4), white_balance)


def test_frames_of_a_film_with_the_same_light_look_the_same() -> None:
    frames = [add_star(sky_planes(seed=seed), 50, 60, [900, 900, 900]) for seed in (1, 2, 3)]
    look = film_look([measure_look(frame, CAMERA) for frame in frames])
    first, second = sky_planes(seed=7), sky_planes(seed=8)
    second[80:120, 100:160] = first[80:120, 100:160]
    second += np.where(np.indices((200, 300))[0] < 40, 3000, 0)[:, :, None].astype(np.float32)
    same = np.s_[85:115, 105:155]
    assert (render(first, look)[same] == render(second, look)[same]).all()


def test_a_cloudy_frame_does_not_decide_about_a_film() -> None:
    clear = [measure_look(sky_planes(seed=seed), CAMERA) for seed in (1, 2)]
    cloudy = measure_look(sky_planes(seed=3) * np.float32(9), CAMERA)
    look = film_look([clear[0], cloudy, clear[1]])
    assert np.abs(look.sky - SKY).max() < 3
    assert look.noise_adu == pytest.approx(clear[0].noise_adu, rel=0.05)


def test_a_film_of_a_brightening_sky_can_follow_it() -> None:
    looks = [measure_look(sky_planes() * np.float32(factor), CAMERA) for factor in (1, 1.5, 4)]
    film = film_look(looks)
    for factor, look in zip((1, 1.5, 4), looks, strict=True):
        picture = render(sky_planes() * np.float32(factor), film.with_sky_of(look))
        assert np.median(picture) == pytest.approx(SKY_SHOWN, abs=2)


def test_a_dark_frame_of_a_bright_film_has_no_coloured_specks() -> None:
    film = replace(measure_look(sky_planes(), CAMERA), sky=3 * SKY.reshape(1, 1, 3))
    picture = render(add_star(sky_planes(), 50, 60, [2000, 3000, 2000]), film).astype(np.int64)
    assert np.ptp(picture[:40], axis=2).max() < 12
    assert picture[50, 60].min() > 100


def test_a_film_needs_looks_of_one_size() -> None:
    with pytest.raises(ValueError, match="one size"):
        film_look([])
    with pytest.raises(ValueError, match="one size"):
        film_look([measure_look(sky_planes(*size), CAMERA) for size in ((200, 300), (2, 2))])


def test_resizing_averages_areas() -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    means = rgb.reshape(10, 4, 15, 4, 3).mean(axis=(1, 3))
    assert np.abs(resize(rgb, 15) - means).max() <= 1
    assert resize(rgb[:1], 20).shape == (1, 20, 3)
    assert resize(rgb, 120).shape == (80, 120, 3)


def test_stars_stay_visible_in_a_thumbnail() -> None:
    planes = sky_planes(800, 1200)
    planes = add_star(planes, 402, 602, [1000, 2000, 1340])
    planes = add_star(planes, 202, 302, 60_000 / np.array(CAMERA), sigma=3)
    small = thumbnail(planes, CAMERA, 150).astype(np.int64)
    shrunk = resize(render(planes, measure_look(planes, CAMERA)), 150)
    assert small.shape == (100, 150, 3)
    assert np.median(small) == pytest.approx(SKY_SHOWN, abs=2)
    assert small[50, 75].mean() > shrunk[50, 75].mean() + 30
    # A saturated star's average is not pink.
    assert small[25, 37].min() > 200
    assert np.ptp(small[25, 37]) < 12
