"""Frames that saw light, and those that saw none."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from numpy.typing import NDArray

from panoptes_network.errors import Reason, UnsolvedError
from panoptes_network.frames.bayer import BLACK_LEVEL_ADU, READ_NOISE_ADU, superpixel_plane
from panoptes_network.frames.frame import check_exposed, read_frame
from simulator import Conditions, Observation, simulate


def is_blank(mosaic: NDArray[np.uint16]) -> bool:
    try:
        check_exposed(superpixel_plane(mosaic))
    except UnsolvedError:
        return True
    return False


def test_real_frame(real_frame: Path) -> None:
    frame = read_frame(real_frame)
    assert (frame.height, frame.width) == (700, 700)
    np.testing.assert_array_equal(frame.mosaic, fits.getdata(real_frame))
    assert not is_blank(frame.mosaic)


@pytest.mark.parametrize("conditions", [Conditions.CLEAR, Conditions.CLOUDY, Conditions.STARLESS])
def test_a_frame_that_saw_light(conditions: Conditions) -> None:
    frame = next(simulate(observed(conditions)))
    assert not is_blank(frame.data)


@pytest.mark.parametrize("black_adu", [BLACK_LEVEL_ADU, 1990, 600, 0])
@pytest.mark.parametrize("bits", [14, 12, 8])
def test_a_frame_of_any_black_level_and_depth_that_shows_stars(black_adu: int, bits: int) -> None:
    light = next(simulate(observed(Conditions.CLEAR))).data.astype(np.int64) - BLACK_LEVEL_ADU
    values = np.clip(light + black_adu, 0, None) >> (14 - bits)
    assert not is_blank(values.astype(np.uint16))


@pytest.mark.parametrize("black_adu", [BLACK_LEVEL_ADU, 600, 0])
def test_hot_pixels_are_no_stars(black_adu: int) -> None:
    random = np.random.default_rng(4)
    noise = random.normal(black_adu, READ_NOISE_ADU, (600, 800)).clip(0)
    noise[random.integers(0, 600, 200), random.integers(0, 800, 200)] = 9000
    with pytest.raises(UnsolvedError, match="only noise"):
        check_exposed(superpixel_plane(noise.astype(np.uint16)))


def observed(conditions: Conditions) -> Observation:
    return Observation(width=400, height=300, suffix=".fits", conditions=conditions)


def blank() -> NDArray[np.uint16]:
    return next(simulate(observed(Conditions.BLANK))).data


def flat(level_adu: int) -> Callable[[], NDArray[np.uint16]]:
    return lambda: np.full((300, 400), level_adu, dtype=np.uint16)


@pytest.mark.parametrize(
    "pixels", [blank, flat(0), flat(BLACK_LEVEL_ADU), flat(5000), flat(2**16 - 1)]
)
def test_a_frame_that_saw_none(pixels: Callable[[], NDArray[np.uint16]]) -> None:
    with pytest.raises(UnsolvedError, match="blank") as caught:
        check_exposed(superpixel_plane(pixels()))
    assert caught.value.reason is Reason.BLANK_FRAME
