import json
import shutil
import struct
import subprocess
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rawpy
from astropy.io import fits
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image

from simulator import Conditions, Frame, Observation, simulate
from simulator.cli import main
from simulator.cr2 import write_cr2
from simulator.detector import BLACK_ADU, READ_NOISE_ADU, SATURATION_ADU
from simulator.frame import truth_path
from simulator.header import build_header
from simulator.ljpeg import encode

pytestmark = pytest.mark.numerics

SMALL = Observation(width=600, height=400, suffix=".cr2")
FULL = Observation(suffix=".cr2", conditions=Conditions.STARLESS)
HEADER = build_header(SMALL, 0, 120.4)
MASKED = np.s_[52:, 2:70]
"""Where LibRaw measures the black level of the full sensor."""

COLOR_MATRIX = [[0.6602, -0.0841, -0.0939], [-0.4472, 1.2458, 0.2247], [-0.0975, 0.2039, 0.6148]]
"""XYZ to camera of the EOS 100D, in LibRaw's and dcraw's tables."""

Written = tuple[Frame, Path]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Written:
    frame = next(simulate(SMALL))
    return frame, frame.write(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Written:
    frame = next(simulate(FULL))
    return frame, frame.write(tmp_path_factory.mktemp("full"))


@pytest.fixture(params=["small", "full"])
def written(request: pytest.FixtureRequest) -> Written:
    frame_and_path: Written = request.getfixturevalue(request.param)
    return frame_and_path


def run(program: str, *arguments: str | Path, package: str) -> bytes:
    if not shutil.which(program):
        pytest.skip(f"there is no {program}: install Debian's {package}")
    return subprocess.run([program, *arguments], check=True, capture_output=True).stdout


def exiftool(path: Path, *options: str) -> dict[str, Any]:
    """Return what exiftool reads, numbers as such; the last of equal names wins."""
    output = run("exiftool", "-json", *options, path, package="libimage-exiftool-perl")
    tags: dict[str, Any] = json.loads(output)[0]
    return tags


def dcraw(path: Path) -> dict[str, str]:
    lines = run("dcraw", "-i", "-v", path, package="dcraw").decode().strip().splitlines()
    return dict(line.split(": ", 1) for line in lines)


def dcraw_pixels(path: Path) -> NDArray[np.uint16]:
    """Return what dcraw reads in document mode, neither scaled nor interpolated."""
    magic, size, most, pixels = run("dcraw", "-D", "-4", "-c", path, package="dcraw").split(
        b"\n", 3
    )
    assert (magic, most) == (b"P5", b"65535")
    width, height = map(int, size.split())
    return np.frombuffer(pixels, ">u2").reshape(height, width).astype(np.uint16)


def decode(path: Path) -> NDArray[np.uint16]:
    with rawpy.imread(str(path)) as raw:
        return raw.raw_image_visible.copy()


def test_rawpy_reads_the_exact_pixels_upside_down(written: Written) -> None:
    frame, path = written
    np.testing.assert_array_equal(decode(path)[::-1], frame.data)


def test_dcraw_reads_the_exact_pixels_of_a_full_frame(full: Written) -> None:
    frame, path = full
    np.testing.assert_array_equal(dcraw_pixels(path)[::-1], frame.data)


def test_dcraw_reads_the_exact_pixels_of_a_small_frame(small: Written) -> None:
    frame, path = small
    # dcraw does not know this sensor's mask and shows it.
    np.testing.assert_array_equal(dcraw_pixels(path)[52:, 72:][::-1], frame.data)


def test_sizes_and_pattern(written: Written) -> None:
    frame, path = written
    height, width = frame.data.shape
    with rawpy.imread(str(path)) as raw:
        sizes = raw.sizes
        assert (sizes.raw_height, sizes.raw_width) == (height + 52, width + 72)
        assert (sizes.height, sizes.width) == (height, width)
        assert (sizes.top_margin, sizes.left_margin, sizes.flip) == (52, 72, 0)
        colours = np.array(list(raw.color_desc.decode()))[raw.raw_colors_visible[:2, :2]]
    assert colours.tolist() == [["R", "G"], ["G", "B"]]


def test_black_and_white_level(written: Written) -> None:
    with rawpy.imread(str(written[1])) as raw:
        # Of the full frame LibRaw measures it in the border and rounds down.
        np.testing.assert_allclose(raw.black_level_per_channel, BLACK_ADU, atol=1)
        assert raw.white_level == SATURATION_ADU
        assert raw.camera_white_level_per_channel == [HEADER["WHTLVLS"]] * 4
        masked = raw.raw_image[MASKED].astype(float)
    error = READ_NOISE_ADU / np.sqrt(masked.size)
    assert masked.mean() == pytest.approx(BLACK_ADU, abs=5 * error)
    # Five times the error of a standard deviation of 27 thousand numbers is 2 %.
    assert masked.std() == pytest.approx(READ_NOISE_ADU, rel=0.02)


def test_libraw_measures_the_black_level_of_a_full_frame_in_its_border(tmp_path: Path) -> None:
    path = tmp_path / "full.cr2"
    data = np.full((FULL.height, FULL.width), 5000, np.uint16)
    write_cr2(path, data, HEADER)
    content, level, wrong = path.read_bytes(), struct.pack("<4H", *[2048] * 4), bytes(8)
    assert level in content
    path.write_bytes(content.replace(level, wrong))
    with rawpy.imread(str(path)) as raw:
        np.testing.assert_allclose(raw.black_level_per_channel, BLACK_ADU, atol=1)


def test_exiftool_finds_no_fault(written: Written) -> None:
    tags = exiftool(written[1], "-validate", "-warning", "-error")
    assert tags.keys() == {"SourceFile", "Validate"}
    assert tags["Validate"] == "OK"


def test_the_programs_agree_on_camera_exposure_and_date(written: Written) -> None:
    frame, path = written
    header, tags, said = frame.header, exiftool(path), dcraw(path)
    assert tags["FileType"] == "CR2"
    assert (tags["Make"], tags["Model"]) == ("Canon", "Canon EOS 100D")
    assert tags["CanonModelID"] == "EOS Rebel SL1 / 100D / Kiss X7"
    assert said["Camera"] == "Canon EOS 100D"
    clock = datetime.fromisoformat(header["DATE-OBS"])
    for name in ("ModifyDate", "DateTimeOriginal", "CreateDate"):
        assert tags[name] == f"{clock:%Y:%m:%d %H:%M:%S}"
    assert said["Timestamp"] == f"{clock:%a %b %d %H:%M:%S %Y}"
    assert tags["ExposureTime"] == header["EXPTIME"]
    assert said["Shutter"] == f"{header['EXPTIME']} sec"
    assert tags["ISO"] == header["ISO"]
    assert float(said["ISO speed"]) == header["ISO"]
    with rawpy.imread(str(path)) as raw:
        np.testing.assert_allclose(raw.rgb_xyz_matrix[:3], COLOR_MATRIX, atol=1e-6)
        assert raw.other.timestamp == clock
        assert raw.other.iso_speed == header["ISO"]
        # A 32-bit float there.
        assert raw.other.shutter_speed == pytest.approx(header["EXPTIME"], rel=1e-6)


def test_exiftool_gives_the_cards_of_the_header(written: Written) -> None:
    frame, path = written
    header, tags = frame.header, exiftool(path)
    cards = {
        "CAMTEMP": "CameraTemperature",
        "COLORTMP": "ColorTempMeasured",
        "MEASRGGB": "MeasuredRGGB",
        "WHTLVLN": "NormalWhiteLevel",
        "WHTLVLS": "SpecularWhiteLevel",
        "INTSN": "InternalSerialNumber",
        "REDBAL": "RedBalance",
        "BLUEBAL": "BlueBalance",
        "OBSERVER": "OwnerName",
        "ORIGIN": "Artist",
    }
    assert {card: tags[tag] for card, tag in cards.items()} == {c: header[c] for c in cards}
    assert tags["PerChannelBlackLevel"] == f"{BLACK_ADU} {BLACK_ADU} {BLACK_ADU} {BLACK_ADU}"
    # Held in steps of 1/32 and 1/8, and the card is rounded to 0.01.
    assert tags["MeasuredEV"] == pytest.approx(header["MEASEV"], abs=1 / 64 + 0.01)
    assert tags["MeasuredEV2"] == pytest.approx(header["MEASEV2"], abs=1 / 16)


def test_circle_of_confusion_of_a_full_frame(full: Written) -> None:
    # exiftool computes it from the sensor's size; a small frame is a small sensor.
    assert exiftool(full[1])["CircleOfConfusion"] == HEADER["CIRCCONF"]


def test_body_serial_keeps_its_twelve_digits(small: Written) -> None:
    frame, path = small
    output = run("exiftool", "-s3", "-SerialNumber", path, package="libimage-exiftool-perl")
    assert output.decode().strip() == frame.header["CAMSN"]
    assert len(frame.header["CAMSN"]) == 12


def test_previews_show_the_picture(written: Written, tmp_path: Path) -> None:
    frame, path = written
    height, width = frame.data.shape
    with rawpy.imread(str(path)) as raw:
        assert raw.extract_thumb().format == rawpy.ThumbFormat.JPEG
    picture = tmp_path / "picture.jpg"
    for tag, size in (("PreviewImage", (width // 4, height // 4)), ("ThumbnailImage", (160, 120))):
        picture.write_bytes(
            run("exiftool", "-b", f"-{tag}", path, package="libimage-exiftool-perl")
        )
        with Image.open(picture) as image:
            assert image.size == size
            red, green, blue = np.median(np.asarray(image).reshape(-1, 3), axis=0)
        # The sky, some 180 ADU after white balance, is a dark grey: 255 asinh(3.6) / asinh(231).
        assert 70 < red < 100
        np.testing.assert_allclose([red, blue], green, atol=6)


def test_the_last_rows_of_the_mosaic_are_the_top_of_the_picture(
    tmp_path: Path,
) -> None:
    data = np.full((400, 600), BLACK_ADU, np.uint16)
    data[-80:, :120] = SATURATION_ADU
    path = tmp_path / "star.cr2"
    write_cr2(path, data, HEADER)
    with rawpy.imread(str(path)) as raw:
        rgb = raw.postprocess(half_size=True, use_camera_wb=True)
    assert rgb[:35, :55].min() > 200
    assert rgb[45:, 65:].max() < 50


def test_the_same_frame_gives_the_same_bytes(small: Written, tmp_path: Path) -> None:
    path = next(simulate(SMALL)).write(tmp_path)
    assert path.read_bytes() == small[1].read_bytes()


def test_border_noise_differs_from_frame_to_frame(small: Written, tmp_path: Path) -> None:
    frame, path = small
    header = frame.header.copy()
    header["IMAGEID"] = "PAN001_14d3bd_20180812T083230"
    write_cr2(tmp_path / "next.cr2", frame.data, header)
    borders = []
    for file in (path, tmp_path / "next.cr2"):
        with rawpy.imread(str(file)) as raw:
            borders.append(raw.raw_image[MASKED].copy())
    assert (borders[0] != borders[1]).mean() > 0.9


def test_same_pixels_as_the_fits_of_the_same_observation(small: Written, tmp_path: Path) -> None:
    path = next(simulate(replace(SMALL, suffix=".fits"))).write(tmp_path)
    np.testing.assert_array_equal(fits.getdata(path)[::-1], decode(small[1]))


def test_object_path_and_truth(small: Written) -> None:
    frame, path = small
    assert frame.object_path.is_raw
    assert path.name == "20180812T083000.cr2"
    assert truth_path(path).exists()


def test_command_writes_a_raw_file(tmp_path: Path) -> None:
    arguments = ["render", str(tmp_path), "--size", "60", "40", "--suffix", ".cr2"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert decode(Path(result.output.splitlines()[-1])).shape == (40, 60)


@pytest.mark.parametrize(("width", "height"), [(20, 22), (22, 20)])
def test_too_small_for_a_raw_file(width: int, height: int) -> None:
    with pytest.raises(ValueError, match="from 22 to"):
        replace(SMALL, width=width, height=height)


@pytest.mark.parametrize(("exptime_s", "dcraw_s"), [(0.0, "1/4000.0 sec"), (7200.0, "7200.0 sec")])
def test_exposures_beyond_the_record_s_range(
    exptime_s: float, dcraw_s: str, tmp_path: Path
) -> None:
    path = tmp_path / "long.cr2"
    write_cr2(path, np.zeros((22, 22), np.uint16), build_header(SMALL, 0, exptime_s))
    assert exiftool(path, "-EXIF:ExposureTime")["ExposureTime"] == exptime_s
    assert dcraw(path)["Shutter"] == dcraw_s


@given(
    arrays(
        np.uint16,
        st.tuples(st.integers(11, 30), st.integers(11, 30)).map(lambda n: (2 * n[0], 2 * n[1])),
        elements=st.integers(0, 2**14 - 1),
    )
)
def test_any_pixels_come_back(
    tmp_path_factory: pytest.TempPathFactory, data: NDArray[np.uint16]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.cr2"
    write_cr2(path, data, HEADER)
    np.testing.assert_array_equal(decode(path)[::-1], data)


def test_noise_over_the_whole_range_comes_back(tmp_path: Path) -> None:
    # Longest codes, and several of the encoder's chunks with bits left over between them.
    data = np.random.default_rng(1).integers(0, 2**14, (1200, 1400)).astype(np.uint16)
    write_cr2(tmp_path / "noise.cr2", data, HEADER)
    np.testing.assert_array_equal(decode(tmp_path / "noise.cr2")[::-1], data)


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (4, 3), (2, 131072), (65536, 2)])
def test_encoder_refuses_sizes_that_the_format_cannot_hold(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="a two-component JPEG cannot"):
        encode(np.zeros(shape, np.uint16))


def test_encoder_refuses_more_than_14_bits() -> None:
    with pytest.raises(ValueError, match="14 bits"):
        encode(np.array([[0, 2**14]], np.uint16))
