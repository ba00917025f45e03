"""A camera's flat from the sky of simulated frames, against the sensitivity that was drawn."""

from dataclasses import replace

import numpy as np
import pytest

from light_curves.flats.flat import (
    LARGEST_MASK_PX,
    MASK_PX,
    FlatSums,
    pixel_flat,
    shared_response,
    star_mask,
)
from panoptes_network.arrays import Floats
from panoptes_network.frames.bayer import (
    BLACK_LEVEL_ADU,
    GAIN_E_PER_ADU,
    READ_NOISE_ADU,
    SATURATION_ADU,
)
from simulator.flat import response_planes
from simulator.night import PRESETS
from simulator.observation import Observation
from simulator.render import BAYER_CELL

pytestmark = pytest.mark.numerics

SHAPE = HEIGHT, WIDTH = 216, 264
RESPONSE = 0.008
SKY_ADU = {"green": 1500.0, "red": 700.0, "blue": 1000.0}
"""A bright night: photons of 100 frames then tell what takes thousands on a dark one."""


@pytest.fixture(scope="module")
def truth() -> Floats:
    """The sensitivity of each pixel as the simulator has it."""
    night = replace(PRESETS["clean"], pixel_response=RESPONSE)
    observation = Observation(width=WIDTH, height=HEIGHT, night=night)
    sensitivity = np.ones(SHAPE)
    for plane, bayer in zip(response_planes(observation), BAYER_CELL, strict=True):
        sensitivity[bayer.y :: 2, bayer.x :: 2] = plane
    return sensitivity


def smooth_sky() -> Floats:
    """Return the sky: a level for each colour, a gradient, and the lens's shadow."""
    y, x = np.indices(SHAPE)
    level = np.select(
        [(x % 2 == 0) & (y % 2 == 1), (x % 2 == 1) & (y % 2 == 0)],
        [SKY_ADU["red"], SKY_ADU["blue"]],
        SKY_ADU["green"],
    )
    shadow = 1 - 0.05 * (np.hypot(x - WIDTH / 2, y - HEIGHT / 2) / np.hypot(WIDTH, HEIGHT) * 2) ** 2
    return np.asarray(level * shadow * (1 + 0.02 * x / WIDTH))


def frames(truth: Floats, sequence: int, count: int) -> FlatSums:
    """Return the sums of a night whose stars drift over the pixels."""
    random = np.random.default_rng(sequence)
    sums = FlatSums.empty(SHAPE)
    x, y = random.uniform(0, WIDTH, 30), random.uniform(-120, HEIGHT, 30)
    mag = random.uniform(9, 14.4, 30)
    for number in range(count):
        now_x, now_y = x - 0.4 * number, y + 2 * number
        light = smooth_sky() + stars(now_x, now_y, mag)
        electrons = random.poisson(light * truth * GAIN_E_PER_ADU)
        adu = electrons / GAIN_E_PER_ADU + random.normal(BLACK_LEVEL_ADU, READ_NOISE_ADU, SHAPE)
        pixels = adu.round().clip(0, SATURATION_ADU).astype(np.uint16)
        sums = sums.with_frame(f"night {sequence}", pixels, star_mask(SHAPE, now_x, now_y, mag))
    return sums


def stars(x_px: Floats, y_px: Floats, mag: Floats) -> Floats:
    light = np.zeros(SHAPE)
    for x, y, flux in zip(x_px, y_px, 2e4 * 10 ** (-0.4 * (mag - 10)), strict=True):
        column, row = (
            np.exp(-0.5 * ((np.arange(WIDTH) - x) / 1.5) ** 2),
            np.exp(-0.5 * ((np.arange(HEIGHT) - y) / 1.5) ** 2),
        )
        light += flux / (2 * np.pi * 1.5**2) * np.outer(row, column)
    return light


@pytest.fixture(scope="module")
def nights(truth: Floats) -> list[FlatSums]:
    return [frames(truth, sequence, 50) for sequence in (1, 2)]


def test_the_sensitivity_is_found(truth: Floats, nights: list[FlatSums]) -> None:
    first, second = nights
    response = shared_response(first, second)
    assert response == pytest.approx(RESPONSE, rel=0.1)
    made = pixel_flat(first.plus(second), response)
    # Photons alone: 1 / sqrt(1.25 * 1500 * 100 frames), and those that stars hide.
    assert made.pixel_err == pytest.approx(0.0027, rel=0.25)
    assert made.is_worth_it
    expected = RESPONSE / np.hypot(RESPONSE, made.pixel_err)
    green = (slice(None, None, 2), slice(None, None, 2))
    found = np.corrcoef(made.flat[green].ravel(), truth[green].ravel())[0, 1]
    print(f"correlation {found:.3f}, by the errors {expected:.3f}")
    assert found == pytest.approx(expected, abs=0.03)
    assert np.std(truth / made.flat) < 0.45 * RESPONSE
    # Neither the lens's shadow nor the colour of the sky is in it.
    blocks = made.flat.reshape(-1, 24, WIDTH // 24, 24).mean(axis=(1, 3))
    assert np.abs(blocks - 1).max() < 0.002


def test_what_is_uncertain_is_left_alone(truth: Floats, nights: list[FlatSums]) -> None:
    """Of three frames little is known, and what is used of it makes nothing worse."""
    made = pixel_flat(frames(truth, 3, 3), RESPONSE)
    assert not made.is_worth_it
    assert np.std(made.flat) < 0.8 * RESPONSE
    assert np.std(truth / made.flat) < 1.02 * RESPONSE


def test_a_camera_of_equal_pixels_has_no_flat() -> None:
    first, second = (frames(np.ones(SHAPE), sequence, 10) for sequence in (4, 5))
    response = shared_response(first, second)
    assert response < 0.0012
    made = pixel_flat(first.plus(second), response)
    assert not made.is_worth_it
    assert np.std(made.flat) < 0.0005


def test_pixels_that_no_frame_shows_have_1() -> None:
    sums = FlatSums.empty(SHAPE)
    made = pixel_flat(sums, RESPONSE)
    np.testing.assert_array_equal(made.flat, 1)
    assert not made.is_worth_it
    assert shared_response(sums, sums) == 0
    dark = np.full(SHAPE, BLACK_LEVEL_ADU + 5, np.uint16)
    nothing = np.zeros(SHAPE, np.bool_)
    assert not sums.with_frame("a", dark, nothing).weight.any()
    bright = np.full(SHAPE, BLACK_LEVEL_ADU + 500, np.uint16)
    assert not sums.with_frame("a", bright, ~nothing).weight.any()
    assert sums.with_frame("a", bright, nothing).weight.all()


def test_hot_and_saturated_pixels_and_satellites_do_not_count(truth: Floats) -> None:
    sums = FlatSums.empty(SHAPE)
    pixels = np.full(SHAPE, BLACK_LEVEL_ADU + 500, np.uint16)
    pixels[10, 20], pixels[11, 30] = SATURATION_ADU, BLACK_LEVEL_ADU + 900
    pixels[100] += 200
    sums = sums.with_frame("a", pixels, np.zeros(SHAPE, np.bool_))
    assert not sums.weight[10, 20]
    assert not sums.weight[11, 30]
    assert not sums.weight[100].any()
    assert (sums.weight > 0).mean() > 0.99


def test_masks_grow_with_brightness() -> None:
    x_px, y_px = np.array([50.0, 150.0, 250.0, 20.0]), np.array([60.0, 60.0, 60.0, np.nan])
    mask = star_mask(SHAPE, x_px, y_px, np.array([12.0, 9.0, 14.5, 5.0]))
    across = [np.count_nonzero(mask[60, start : start + 100]) for start in (0, 100, 200)]
    assert across == [2 * MASK_PX + 1, 2 * (MASK_PX + 9) + 1, 0]
    unknown = star_mask(SHAPE, x_px[:1], y_px[:1], np.array([np.nan]))
    assert np.count_nonzero(unknown[60]) == 2 * MASK_PX + 1


def test_a_star_beyond_the_edge_is_masked_as_far_as_it_shines() -> None:
    beside = np.array([-10.0, 1e6, 30.0]), np.array([100.0, 100.0, -1e6])
    mask = star_mask(SHAPE, *beside, np.zeros(3))
    assert np.flatnonzero(mask[100]).tolist() == list(range(int(LARGEST_MASK_PX) - 10 + 1))


def test_a_sequence_counts_once(nights: list[FlatSums]) -> None:
    first, second = nights
    both = first.plus(second)
    assert both.n_frames == {"night 1": 50, "night 2": 50}
    with pytest.raises(ValueError, match="twice"):
        both.plus(first)
    with pytest.raises(ValueError, match="sums of"):
        first.with_frame("c", np.zeros((10, 10), np.uint16), np.zeros((10, 10), np.bool_))


def test_the_mask_of_a_bright_star_beside_the_frame_ends_at_its_edge() -> None:
    x, y = np.array([-39.0, WIDTH + 39.0]), np.array([HEIGHT + 39.0, -39.0])
    rows, columns = np.nonzero(star_mask(SHAPE, x, y, np.array([0.0, 0.0])))
    assert rows.size == 0
    mask = star_mask(SHAPE, np.array([-20.0]), np.array([HEIGHT + 20.0]), np.array([0.0]))
    rows, columns = np.nonzero(mask)
    assert (rows.min(), rows.max()) == (HEIGHT - 14, HEIGHT - 1)
    assert (columns.min(), columns.max()) == (0, 14)
