"""What lies beside images is known by where it lies; anything else needs a row."""

import pytest

from panoptes_network.companions import is_companion

FOLDER = "PAN001/M42/14d3bd/20181011T134202"


@pytest.mark.parametrize(
    "path",
    [
        f"{FOLDER}/20181011T134333.jpg",
        f"{FOLDER}/20181011T134333_thumb.JPG",
        f"{FOLDER}/20181011T134202.mp4",
        f"{FOLDER}/metadata.json",
        "pan001/14D3BD/film.mp4",
    ],
)
def test_companions(path: str) -> None:
    assert is_companion(path, 5)


@pytest.mark.parametrize(
    ("path", "size"),
    [("PAN001/M42/", 0), ("anything/", 0)],
)
def test_the_placeholder_of_a_folder_is_empty(path: str, size: int) -> None:
    assert is_companion(path, size)
    assert not is_companion(path, 1)
    assert not is_companion(path, None)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "film.mp4",
        "PAN001/webcam.jpg",
        "M42/14d3bd/20181011T134202/20181011T134333.jpg",
        f"{FOLDER}/20181011T134333.png",
        f"{FOLDER}/20181011T134333.fits",
        f"{FOLDER}/20181011T134333",
    ],
)
def test_anything_else_is_none(path: str) -> None:
    assert not is_companion(path, 5)
