"""Superpixels and stamps, against loops that follow the definitions pixel by pixel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from panoptes_network.frames import bayer

SIDES = st.sampled_from([6, 10, 14, 18])
HEIGHT, WIDTH = 26, 41


@pytest.fixture
def mosaic() -> NDArray[np.uint16]:
    return np.random.default_rng(1).integers(0, 2**16, (HEIGHT, WIDTH), dtype=np.uint16)


def test_a_superpixel_is_the_sum_of_its_four_pixels(mosaic: NDArray[np.uint16]) -> None:
    plane = bayer.superpixel_plane(mosaic)
    assert plane.shape == (13, 20)
    for y, x in np.ndindex(plane.shape):
        cell = mosaic[2 * y : 2 * y + 2, 2 * x : 2 * x + 2]
        assert plane[y, x] == cell.sum(dtype=np.int64)


def test_the_largest_sum_is_exact() -> None:
    full = np.full((2, 2), 2**16 - 1, dtype=np.uint16)
    assert bayer.superpixel_plane(full)[0, 0] == 4 * (2**16 - 1)


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (1, 8)])
def test_a_mosaic_without_a_whole_superpixel(shape: tuple[int, int]) -> None:
    assert bayer.superpixel_plane(np.zeros(shape, dtype=np.uint16)).size == 0


def test_centre_of_a_superpixel_in_mosaic_pixels() -> None:
    # The centre of pixels 2i and 2i + 1.
    assert bayer.to_mosaic([0, 1, 5.25]).tolist() == [0.5, 2.5, 11.0]


@given(st.floats(-10, WIDTH + 10), SIDES)
def test_a_stamp_has_its_source_in_the_middle_superpixel(x_px: float, side: int) -> None:
    corner = int(bayer.stamp_corner([x_px], side)[0])
    middle = corner + side // 2 - 1
    assert corner % 2 == 0
    assert middle % 2 == 0
    # Pixel n reaches from n - 0.5 to n + 0.5, the superpixel from middle - 0.5 to middle + 1.5.
    assert middle - 0.5 <= x_px < middle + 1.5


@given(st.floats(-10, WIDTH + 10), st.floats(-10, HEIGHT + 10), SIDES)
def test_a_stamp_fits_where_all_its_pixels_are_in_the_frame(
    x_px: float, y_px: float, side: int
) -> None:
    columns = int(bayer.stamp_corner([x_px], side)[0]) + np.arange(side)
    rows = int(bayer.stamp_corner([y_px], side)[0]) + np.arange(side)
    inside = np.isin(columns, range(WIDTH)).all() and np.isin(rows, range(HEIGHT)).all()
    assert bayer.stamp_fits([x_px], [y_px], (HEIGHT, WIDTH), side)[0] == inside


def test_stamps_are_the_pixels_of_the_mosaic(mosaic: NDArray[np.uint16]) -> None:
    x, y = bayer.stamp_corner([12.0, 30.2, 4.0]), bayer.stamp_corner([11.0, 20.9, 4.4])
    stamps = bayer.cut_stamps(mosaic, x, y)
    assert stamps.shape == (3, 10, 10)
    for stamp, left, top in zip(stamps, x, y, strict=True):
        assert np.array_equal(stamp, mosaic[top : top + 10, left : left + 10])


def test_a_stamp_is_a_copy_that_starts_on_green_2() -> None:
    # Each pixel says its parity, and so its colour: 0 G2, 1 B, 2 R, 3 G1.
    y, x = np.indices((20, 20))
    mosaic = (x % 2 + 2 * (y % 2)).astype(np.uint16)
    corner = bayer.stamp_corner([9.7])
    [stamp] = bayer.cut_stamps(mosaic, corner, corner)
    assert stamp[:2, :2].tolist() == [[0, 1], [2, 3]]
    stamp[:] = 9
    assert mosaic.max() == 3


def test_no_sources_no_stamps(mosaic: NDArray[np.uint16]) -> None:
    none = bayer.stamp_corner([])
    assert bayer.cut_stamps(mosaic, none, none).shape == (0, 10, 10)
    assert bayer.stamp_fits([], [], mosaic.shape[:2]).shape == (0,)


@pytest.mark.parametrize("side", [0, 2, 5, 8, 12, -10])
def test_a_side_without_a_middle_superpixel_is_refused(side: int) -> None:
    with pytest.raises(ValueError, match=f"not {side}"):
        bayer.stamp_corner([5.0], side)
