"""What is read of a CR2, held against exiftool, LibRaw's own pixels and the simulator's truth."""

import json
import math
import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panoptes_network.errors import PermanentError, Reason
from panoptes_network.frames.cr2 import cards, pixels, structure, tiff
from panoptes_network.frames.cr2.tiff import Directory, read_directory
from panoptes_network.ids import parse_path
from simulator import Frame, Observation, simulate

SMALL = Observation(width=600, height=400, suffix=".cr2", field="M42", ra_deg=83.8, dec_deg=-5.4)
FULL = replace(SMALL, width=5208, height=3476, exptime_s=30.0, camera_id="ee04d1")

Written = tuple[Frame, Path]


@pytest.fixture(scope="module", params=[SMALL, FULL], ids=["small", "full"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Written:
    frame = next(simulate(request.param))
    return frame, frame.write(tmp_path_factory.mktemp("cr2"))


def exiftool(path: Path) -> dict[str, Any]:
    if not shutil.which("exiftool"):
        pytest.skip("there is no exiftool: install Debian's libimage-exiftool-perl")
    output = subprocess.run(["exiftool", "-json", path], check=True, stdout=subprocess.PIPE).stdout
    tags: dict[str, Any] = json.loads(output)[0]
    return tags


def header_of(frame: Frame, path: Path) -> Any:
    return cards.header(structure.read_structure(path), frame.object_path)


def test_cards_say_what_exiftool_reads(written: Written) -> None:
    frame, path = written
    header, judge = header_of(frame, path), exiftool(path)
    assert header["ISO"] == judge["ISO"]
    assert header["EXPTIME"] == judge["ExposureTime"]
    assert header["CAMTEMP"] == judge["CameraTemperature"]
    assert header["COLORTMP"] == judge["ColorTempMeasured"]
    assert header["DATE-OBS"] == judge["DateTimeOriginal"].replace(":", "-", 2).replace(" ", "T")
    assert header["INTSN"] == judge["InternalSerialNumber"]
    assert header["CAMSN"] == str(judge["SerialNumber"]).rjust(12, "0")
    assert header["MEASRGGB"] == judge["MeasuredRGGB"]
    assert header["WBRGGB"] == judge["WB_RGGBLevelsAsShot"]
    assert header["WHTLVLN"] == judge["NormalWhiteLevel"]
    assert header["WHTLVLS"] == judge["SpecularWhiteLevel"]
    assert header["REDBAL"] == pytest.approx(judge["RedBalance"], abs=1e-6)
    assert header["BLUEBAL"] == pytest.approx(judge["BlueBalance"], abs=1e-6)
    assert header["MEASEV"] == judge["MeasuredEV"]
    assert header["MEASEV2"] == judge["MeasuredEV2"]
    assert header["CIRCCONF"] == judge["CircleOfConfusion"]


def test_ids_and_times_are_those_of_the_path(written: Written) -> None:
    frame, path = written
    header = header_of(frame, path)
    of_path = {"IMAGEID", "SEQID", "FIELD", "INSTRUME", "OBSERVER", "FILTER", "ORIGIN"}
    assert {card: header[card] for card in of_path} == {c: frame.header[c] for c in of_path}
    assert (header["DATE-BEG"], header["TIMESYS"]) == ("2018-08-12T08:30:00", "UTC")
    assert header["FILENAME"] == "20180812T083000.cr2"


def test_pixels_are_those_of_the_unit(written: Written) -> None:
    frame, path = written
    mosaic = pixels.read_mosaic(path)
    assert mosaic.dtype == np.uint16
    assert mosaic.flags.c_contiguous
    np.testing.assert_array_equal(mosaic, frame.data)


def test_the_sensor_is_larger_than_the_frame(written: Written) -> None:
    frame, path = written
    cr2 = structure.read_structure(path)
    height, width = frame.data.shape
    assert (cr2.sensor_height, cr2.sensor_width) == (height + 52, width + 72)


@pytest.mark.parametrize("field", [None, "Плеяды"])
def test_a_field_that_fits_cannot_write_has_no_card(field: str | None) -> None:
    path = parse_path(
        "/".join(filter(None, ["PAN001", field, "14d3bd/20181011T134202/20181011T134333.cr2"]))
    )
    header = cards.header(structure.Cr2(Directory({}), Directory({}), 100, 100), path)
    assert "FIELD" not in header
    assert header["IMAGEID"] == "PAN001_14d3bd_20181011T134333"


def _exif(*entries: tuple[int, int, int, bytes]) -> Directory:
    """Return the directory of these entries, each with at most 4 bytes of value, as it is read."""
    table = b"".join(struct.pack("<HHI4s", *entry) for entry in entries)
    data = struct.pack("<H", len(entries)) + table + bytes(4)
    return read_directory(lambda start, length: data[start : start + length], 0)


@pytest.mark.parametrize(
    "text",
    ["0000:00:00 00:00:00", "9999:99:99 99:99:99", "2018:02:30 00:00:00", "", "yesterday", "\xff"],
)
def test_an_absurd_date_gives_no_card(text: str) -> None:
    value = tiff.Value(2, 0, text.encode("latin-1") + b"\0")
    cr2 = structure.Cr2(Directory({0x9003: value}), Directory({}), 100, 100)
    assert "DATE-OBS" not in [keyword for keyword, _, _ in cards.camera_cards(cr2)]


def test_exif_of_wrong_types_gives_no_cards() -> None:
    exif = _exif(
        (0x8827, 2, 4, b"fast"),  # ISO as text
        (0x829A, 5, 1, b"\xff\xff\xff\xff"),  # a fraction behind the end
        (0x9003, 3, 1, b"\x07\0\0\0"),  # the date as a number
        (0xA431, 7, 4, b"1234"),  # the serial number as bytes
    )
    note = _exif((0x0004, 3, 2, b"\1\0\2\0"), (0x4001, 3, 1, b"\x0a\0\0\0"))
    assert cards.camera_cards(structure.Cr2(exif, note, 100, 100)) == []


def test_a_division_by_zero_is_no_exposure() -> None:
    value = tiff.Value(5, 0, struct.pack("<II", 120, 0))
    assert Directory({0x829A: value}).real(0x829A) is None


def test_colour_data_of_another_camera_are_not_read_as_this_ones() -> None:
    data = struct.pack("<1313H", 12, *range(1312))
    note = Directory({0x4001: tiff.Value(3, 0, data)})
    given_cards = cards.camera_cards(structure.Cr2(Directory({}), note, 100, 100))
    assert [keyword for keyword, _, _ in given_cards] == []


def test_a_directory_reads_no_more_than_it_may() -> None:
    asked: list[int] = []

    def read(start: int, length: int) -> bytes:
        asked.append(length)
        entry = struct.pack("<HHII", 0x9999, 7, 2**32 - 1, 0)
        return (struct.pack("<H", 65535) + entry * 65535)[start : start + length]

    directory = read_directory(read, 0)
    assert max(asked) <= tiff.MAX_ENTRIES * 12 + 4
    assert directory.values[0x9999].data == b""


@given(st.binary(max_size=3000), st.integers(0, 2**32 - 1))
def test_any_bytes_make_a_directory(data: bytes, offset: int) -> None:
    directory = read_directory(lambda start, length: data[start : start + length], offset)
    assert len(directory.values) <= len(data) // 12
    for tag, value in directory.values.items():
        assert len(directory.integers(tag)) <= len(value.data)
        assert math.isfinite(directory.real(tag) or 0)
        assert (directory.text(tag) or "text").isprintable()


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return next(simulate(SMALL)).write(tmp_path_factory.mktemp("good")).read_bytes()


@given(st.data())
def test_damage_to_the_head_is_refused_or_read(
    good: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    damaged = bytearray(good[:40_000])
    for place in data.draw(st.lists(st.integers(0, 5000), min_size=1, max_size=20)):
        damaged[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.cr2"
    path.write_bytes(damaged + good[40_000:])
    try:
        cards.camera_cards(structure.read_structure(path))
    except PermanentError as error:
        assert error.message  # noqa: PT017 - whether it is raised is the damage's choice


def test_random_pixels_that_end_early_are_refused(good: bytes, tmp_path: Path) -> None:
    path = tmp_path / "damaged.cr2"
    noise = np.random.default_rng(3).integers(0, 255, 60_000, dtype=np.uint8).tobytes()
    path.write_bytes(good[:150_000] + noise + good[210_000:])
    with pytest.raises(PermanentError) as caught:
        pixels.read_mosaic(path)
    assert caught.value.reason is Reason.DAMAGED_FILE
