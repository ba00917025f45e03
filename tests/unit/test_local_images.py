import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from local.images import matching_files, name_image
from panoptes_network.errors import PermanentError, Reason

IDS = {
    "IMAGEID": "PAN001_14d3bd_20181011T134333",
    "SEQID": "PAN001_14d3bd_20181011T134202",
    "FIELD": "M42/west",
}


def _write(path: Path, cards: dict[str, str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.PrimaryHDU(np.zeros((4, 4), np.uint16), fits.Header(cards)).writeto(path)
    return path


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


def test_an_image_without_ids_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PermanentError) as error:
        name_image(_write(tmp_path / "frame.fits", {"FIELD": "M42"}))
    assert error.value.reason is Reason.NO_IDENTITY


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("notes.txt", b"", Reason.UNKNOWN_FILE_TYPE),
        ("frame.cr2", b"II*", Reason.NO_IDENTITY),
        ("frame.fits", b"", Reason.EMPTY_FILE),
        ("frame.fits.fz", b"\x8f" * 9000, Reason.NOT_FITS),
    ],
)
def test_what_is_no_fits_file_is_refused(
    tmp_path: Path, name: str, content: bytes, reason: Reason
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PermanentError) as error:
        name_image(tmp_path / name)
    assert error.value.reason is reason


def test_a_pattern_reaches_into_folders_with_spaces(tmp_path: Path) -> None:
    wanted = [tmp_path / "one night" / "a" / "1.fits", tmp_path / "one night" / "b" / "2.fits.fz"]
    for file in [*wanted, tmp_path / "one night" / "b" / "2.jpg"]:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert matching_files(f"{tmp_path}/one night/**/*.fits*") == wanted
    assert matching_files(f"{tmp_path}/nothing/*.fits") == []
