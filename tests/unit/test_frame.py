"""Reading frames: each way in which FITS keeps their pixels."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from numpy.typing import NDArray

from panoptes_network.errors import Reason
from panoptes_network.frames.frame import MAX_PIXELS, Frame
from tests.unit.frame_files import (
    HEIGHT,
    WIDTH,
    assert_read,
    assert_refused,
    every_value,
    write,
    write_pixels,
)


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint16]:
    return every_value()


@pytest.mark.parametrize("dtype", ["uint16", "int32", "uint32", "int64", "float32", "float64"])
def test_plain(pixels: NDArray[np.uint16], tmp_path: Path, dtype: str) -> None:
    assert_read(write_pixels(tmp_path / "plain.fits", pixels.astype(dtype)), pixels)


def test_signed_pixels_without_an_offset(pixels: NDArray[np.uint16], tmp_path: Path) -> None:
    low = (pixels >> 2).astype(np.uint16)  # a camera's 14 bits fit FITS's own signed 16
    assert_read(write_pixels(tmp_path / "signed.fits", low.astype(np.int16)), low)


@pytest.mark.parametrize("method", ["RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1"])
def test_compressed_by_astropy(pixels: NDArray[np.uint16], tmp_path: Path, method: str) -> None:
    image = fits.CompImageHDU(pixels, compression_type=method)
    assert_read(write(tmp_path / "a.fits.fz", [fits.PrimaryHDU(), image]), pixels)


@pytest.mark.parametrize("method", ["-r", "-h", "-g", "-w"])
def test_compressed_by_fpack(pixels: NDArray[np.uint16], tmp_path: Path, method: str) -> None:
    plain = write_pixels(tmp_path / "plain.fits", pixels)
    packed = tmp_path / "plain.fits.fz"
    subprocess.run(["fpack", method, "-O", packed, plain], check=True)
    assert_read(packed, pixels)


def test_a_compression_that_is_read_wrong_is_refused(
    pixels: NDArray[np.uint16], tmp_path: Path
) -> None:
    image = fits.CompImageHDU((pixels >> 8).astype(np.int16), compression_type="PLIO_1")
    packed = write(tmp_path / "a.fits.fz", [fits.PrimaryHDU(), image])
    assert "PLIO_1" in assert_refused(packed, Reason.BAD_PIXELS)


def test_image_behind_a_table_and_an_empty_image(
    pixels: NDArray[np.uint16], tmp_path: Path
) -> None:
    table = fits.BinTableHDU.from_columns([fits.Column("a", "D", array=[1.0])])
    empty = fits.ImageHDU(np.zeros((0, 300), dtype=np.int16))
    hdus = [fits.PrimaryHDU(), table, empty, fits.ImageHDU(pixels)]
    assert_read(write(tmp_path / "late.fits", hdus), pixels)


def test_first_of_two_images(pixels: NDArray[np.uint16], tmp_path: Path) -> None:
    second = fits.ImageHDU(np.zeros_like(pixels))
    assert_read(write(tmp_path / "two.fits", [fits.PrimaryHDU(pixels), second]), pixels)


@pytest.mark.parametrize("method", [None, "RICE_1", "GZIP_1", "HCOMPRESS_1"])
def test_a_frame_with_a_third_axis_of_length_1(
    pixels: NDArray[np.uint16], tmp_path: Path, method: str | None
) -> None:
    cube = pixels[np.newaxis]
    image = fits.CompImageHDU(cube, compression_type=method) if method else fits.ImageHDU(cube)
    assert_read(write(tmp_path / "cube.fits", [fits.PrimaryHDU(), image]), pixels)


@pytest.mark.parametrize("shape", [(20, 30), (3, HEIGHT, WIDTH)])
def test_a_frame_behind_a_picture(
    pixels: NDArray[np.uint16], tmp_path: Path, shape: tuple[int, ...]
) -> None:
    preview = fits.PrimaryHDU(np.zeros(shape, dtype=np.uint8))
    for image in (fits.ImageHDU(pixels), fits.CompImageHDU(pixels)):
        path = tmp_path / f"{type(image).__name__}.fits"
        assert_read(write(path, [preview, image]), pixels)


def test_contains() -> None:
    frame = Frame(np.zeros((300, 400), dtype=np.uint16))
    x_px = np.array([0, -0.49, -0.51, 399.49, 399.51, 200, 200, np.nan, 200])
    y_px = np.array([0, 0, 0, 299.49, 0, -0.51, 299.51, 5, np.nan])
    assert np.flatnonzero(frame.contains(x_px, y_px)).tolist() == [0, 1, 3]
    assert frame.contains(np.zeros(0), np.zeros(0)).shape == (0,)


def test_size_limit_holds_three_frames() -> None:
    assert 5208 * 3476 * 3 < MAX_PIXELS < 5208 * 3476 * 4
