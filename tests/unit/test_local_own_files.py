"""Files of the user's own: which image each is, and what is said of those that are none."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from click.testing import CliRunner

from local.__main__ import main
from local.images import ImageFile
from local.own_files import Given, choose, matching_files
from panoptes_network.frames.cr2.cards import camera_cards
from panoptes_network.frames.cr2.structure import read_structure
from simulator import Observation, simulate

IDS = {
    "IMAGEID": "PAN001_14d3bd_20181011T134333",
    "SEQID": "PAN001_14d3bd_20181011T134202",
    "FIELD": "M42/west",
}

NOTHING = Given()


def _write(path: Path, cards: dict[str, str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.PrimaryHDU(np.zeros((4, 4), np.uint16), fits.Header(cards)).writeto(path)
    return path


def name_image(file: Path, given: Given = NOTHING) -> ImageFile:
    [image] = choose([file], given).images
    return image


def refusal(file: Path, given: Given = NOTHING) -> str:
    [(left_out, words)] = choose([file], given).left_out
    assert left_out == file
    return words


@pytest.mark.parametrize(
    "tail",
    [
        "PAN001/14d3bd/20181011T134202/20181011T134333.fits.fz",
        "PAN001/KIC 8462852/14d3bd/20181011T134202/20181011T134333.FITS",
        "PAN001/M42/14d3bd/20181011T134202/pointing00.fits",
        "PAN001/M42/14d3bd/20181011T134202/20181011T134333.CR2",
    ],
)
def test_the_end_of_a_path_names_an_image(tmp_path: Path, tail: str) -> None:
    file = tmp_path / "night" / tail
    image = name_image(file)
    assert (image.file, image.object_path) == (file, tail)


def test_the_path_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "PAN001/14d3bd/20181011T134202"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    assert name_image(Path("20181011T134333.fits")).object_path == os.fspath(
        "PAN001/14d3bd/20181011T134202/20181011T134333.fits"
    )


def test_the_header_names_an_image_whose_path_does_not(tmp_path: Path) -> None:
    image = name_image(_write(tmp_path / "frame.fits", IDS))
    assert image.object_path == "PAN001/M42-west/14d3bd/20181011T134202/20181011T134333.fits"


def test_a_compressed_file_is_read_too(tmp_path: Path) -> None:
    file = tmp_path / "frame.fits.fz"
    fits.CompImageHDU(np.zeros((4, 4), np.int16), fits.Header(IDS)).writeto(file)
    assert name_image(file).object_path.endswith("20181011T134202/20181011T134333.fits.fz")


BLANKED = "PAN001_XXXXXX_20160909T081152"


def test_an_image_without_ids_says_what_to_give(tmp_path: Path) -> None:
    words = refusal(_write(tmp_path / "frame.fits", {"FIELD": "M42"}))
    for part in ("UNIT=PAN001", "CAMERA=14d3bd", "DATE-OBS"):
        assert part in words
    words = refusal(_write(tmp_path / "blanked.fits", {"IMAGEID": BLANKED}))
    assert f"IMAGEID is '{BLANKED}'" in words
    assert "CAMERA=14d3bd" in words
    assert "UNIT" not in words
    assert "DATE-OBS" not in words


def test_unit_and_camera_are_given_and_the_time_is_the_headers(tmp_path: Path) -> None:
    given = Given("PAN007", "abcdef")
    cards = {"DATE-OBS": "2018-08-12T08:30:34.9", "OBJECT": "M 42"}
    file = _write(tmp_path / "IMG_1.fits", cards)
    assert name_image(file, given).object_path == (
        "PAN007/M 42/abcdef/20180812T083034/20180812T083034.fits"
    )
    file = _write(tmp_path / "IMG_2.fits", {"IMAGEID": BLANKED, "DATE-OBS": "2016-09-09T08:12:26"})
    image = name_image(file, Given(camera_id="14d3bd"))
    assert image.object_path == "PAN001/14d3bd/20160909T081152/20160909T081152.fits"


def test_a_cr2_has_its_time_from_the_camera(tmp_path: Path) -> None:
    [frame] = simulate(Observation(width=600, height=400, suffix=".cr2"))
    file = frame.write(tmp_path).rename(tmp_path / "IMG_0001.CR2")
    assert "CAMERA=14d3bd" in refusal(file)
    cards = {card: value for card, value, _ in camera_cards(read_structure(file))}
    time = str(cards["DATE-OBS"]).replace("-", "").replace(":", "")
    path = name_image(file, Given("PAN007", "abcdef")).object_path
    assert path == f"PAN007/abcdef/{time}/{time}.cr2"


def test_files_of_one_folder_are_one_sequence(tmp_path: Path) -> None:
    times = ("08:34:00", "08:30:00", "08:32:00", "08:30:00")
    files = [
        _write(tmp_path / f"{n}.fits", {"DATE-OBS": f"2018-08-12T{time}"})
        for n, time in enumerate(times)
    ]
    chosen = choose(files, Given("PAN007", "abcdef"))
    folder = "PAN007/abcdef/20180812T083000"
    assert [image.object_path for image in chosen.images] == [
        f"{folder}/20180812T08{minute}00.fits" for minute in (34, 30, 32)
    ]
    [(file, words)] = chosen.left_out
    assert file == files[3]
    assert f"{files[1]} is the same image" in words


def test_one_image_in_two_fits_files_is_uploaded_once(tmp_path: Path) -> None:
    files = [_write(tmp_path / name, IDS) for name in ("a.fits", "b.fit")]
    chosen = choose(files, NOTHING)
    assert [image.file for image in chosen.images] == files[:1]
    assert [file for file, _ in chosen.left_out] == files[1:]


def test_gzip_is_read_too(tmp_path: Path) -> None:
    plain = _write(tmp_path / "frame.fits", IDS)
    packed = tmp_path / "frame.fits.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert name_image(packed).object_path.endswith("20181011T134202/20181011T134333.fits.gz")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("notes.txt", b"", "the file name must end in one of"),
        ("IMG_1.CR3", b"", "CR3, the raw format of newer Canon cameras: convert it to FITS"),
        ("frame.cr2", b"II*", "the file is not CR2"),
        ("frame.fits", b"", "the file is empty"),
        ("frame.fits.fz", b"\x8f" * 9000, "not FITS"),
    ],
)
def test_what_is_no_image_is_left_out(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert words in refusal(tmp_path / name, Given("PAN007", "abcdef"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--unit", "PAN1"], "'PAN1' is not PAN and 3 digits"),
        (["--camera", "canon"], "'canon' is not 6 hex digits"),
        (["--images", "nothing*"], "no file matches"),
        (["--images", "*.fits"], "none of the 1 files can be uploaded"),
    ],
)
def test_the_command_ends_with_a_status_when_nothing_can_be_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], words: str
) -> None:
    _write(tmp_path / "frame.fits", {"FIELD": "M42"})
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["run", *options])
    assert done.exit_code != 0
    assert words in done.output


def test_a_pattern_reaches_into_folders_with_spaces(tmp_path: Path) -> None:
    wanted = [tmp_path / "one night" / "a" / "1.fits", tmp_path / "one night" / "b" / "2.fits.fz"]
    for file in [*wanted, tmp_path / "one night" / "b" / "2.jpg"]:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert matching_files(f"{tmp_path}/one night/**/*.fits*") == wanted
    assert matching_files(f"{tmp_path}/nothing/*.fits") == []
