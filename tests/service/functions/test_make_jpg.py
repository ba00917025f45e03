"""cf-make-jpg: an image comes in, a picture for the eye and a thumbnail go out."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from flask.testing import FlaskClient
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import Engine

from simulator import Frame, simulate
from tests.service.support.functions import Network, only, push, refused, tables
from tests.service.support.raw_frames import SMALL, cr2_frames, names, send

[(FRAME, CR2)] = cr2_frames()
PATH = FRAME.object_path.path
FITS_PATH = PATH.replace(".cr2", ".fits.fz")
PICTURE, PREVIEW, THUMBNAIL = (
    PATH.replace(".cr2", ending) for ending in (".jpg", "_preview.jpg", "_thumb.jpg")
)


@pytest.fixture
def make_jpg(function: Callable[[str], FlaskClient]) -> FlaskClient:
    return function("cf-make-jpg")


@pytest.fixture(scope="module")
def fits_file() -> bytes:
    """The same frame as a unit's own FITS file."""
    buffer = BytesIO()
    frame: Frame = next(simulate(replace(SMALL, suffix=".fits.fz")))
    frame.hdus().writeto(buffer)
    return buffer.getvalue()


def picture(network: Network, path: str = PICTURE) -> NDArray[np.uint8]:
    data = network.processed.get_blob(path).download_as_bytes()
    with Image.open(BytesIO(data)) as image:
        assert (image.format, image.mode) == ("JPEG", "RGB")
        return np.asarray(image)


def sky_of(shown: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture without its caption."""
    return shown[: FRAME.data.shape[0] // 2]


def test_a_cr2_gives_a_picture_a_preview_and_a_thumbnail(
    network: Network, make_jpg: FlaskClient, db: Engine
) -> None:
    generation = network.upload(PATH, CR2)
    assert send(make_jpg, PATH)["paths"] == [PICTURE, PREVIEW, THUMBNAIL]
    height, width = (length // 2 for length in FRAME.data.shape)
    shown = picture(network)
    assert shown.shape[1] == width
    assert height < shown.shape[0] < height + 40
    assert picture(network, PREVIEW).shape[:2] == (height, width)  # this frame is smaller
    assert picture(network, THUMBNAIL).shape[1] == 300
    for kind, path in (
        ("picture", PICTURE),
        ("preview", PREVIEW),
        ("thumbnail", THUMBNAIL),
    ):
        rows = [row for row in tables(db)["image_files"] if row["kind"] == kind]
        only(rows, path=path, image_id=SMALL.image_id(0), source_generation=generation)
        assert network.processed.get_blob(path).content_type == "image/jpeg"


def test_stars_are_bright_before_a_dark_neutral_sky_and_stand_where_they_should(
    network: Network, make_jpg: FlaskClient
) -> None:
    network.upload(PATH, CR2)
    send(make_jpg, PATH)
    sky = sky_of(picture(network)).astype(float)
    assert np.all(np.abs(np.median(sky, axis=(0, 1)) - np.median(sky)) < 4)
    assert 5 < np.median(sky) < 60
    y, x = np.unravel_index(FRAME.data.argmax(), FRAME.data.shape)
    row, column = (FRAME.data.shape[0] - 1 - y) // 2, x // 2
    assert sky[row - 2 : row + 3, column - 2 : column + 3].max() > 150


def test_a_fits_file_gives_the_same_picture(
    network: Network, make_jpg: FlaskClient, fits_file: bytes
) -> None:
    network.upload(PATH, CR2)
    send(make_jpg, PATH)
    of_cr2 = picture(network)
    for path in (PICTURE, PREVIEW, THUMBNAIL):
        network.processed.blob(path).delete()
    network.upload(FITS_PATH, fits_file)
    assert send(make_jpg, FITS_PATH)["made"] is True
    np.testing.assert_array_equal(picture(network), of_cr2)


@pytest.mark.parametrize("suffix", [".fits.gz", ".fit", ".fts"])
def test_a_fits_file_of_any_suffix_and_packing_gives_a_picture(
    network: Network, make_jpg: FlaskClient, fits_file: bytes, suffix: str
) -> None:
    path = FITS_PATH.replace(".fits.fz", suffix)
    network.upload(path, gzip.compress(fits_file) if suffix == ".fits.gz" else fits_file)
    assert send(make_jpg, path)["paths"] == [PICTURE, PREVIEW, THUMBNAIL]


def test_the_queue_of_the_plate_solver_tells_of_fits_files(
    network: Network, make_jpg: FlaskClient, fits_file: bytes
) -> None:
    generation = network.upload(FITS_PATH, fits_file)
    message = {
        "image_id": SMALL.image_id(0),
        "bucket": network.bucket.name,
        "bucket_path": FITS_PATH,
        "generation": generation,
    }
    assert make_jpg.post("/", json=push(message)).status_code == 200
    assert names(network.processed).keys() == {PICTURE, PREVIEW, THUMBNAIL}


def test_a_fits_file_that_the_network_made_is_left_to_its_cr2(
    network: Network, make_jpg: FlaskClient, function: Callable[[str], FlaskClient]
) -> None:
    network.upload(PATH, CR2)
    send(function("cf-make-fits"), PATH)
    assert send(make_jpg, FITS_PATH) == {
        "image_id": SMALL.image_id(0),
        "made": False,
        "made_from": PATH,
    }
    assert names(network.processed) == {}


@pytest.mark.parametrize("cr2_first", [True, False])
def test_in_either_order_the_picture_is_that_of_the_cr2(
    network: Network, make_jpg: FlaskClient, fits_file: bytes, db: Engine, cr2_first: bool
) -> None:
    uploads = {PATH: CR2, FITS_PATH: fits_file}
    for path in sorted(uploads, key=lambda path: (path == PATH) is not cr2_first):
        network.upload(path, uploads[path])
        send(make_jpg, path)
        send(make_jpg, path)
    for row in tables(db)["image_files"]:
        assert row["source_path"] == PATH
    assert len(tables(db)["image_files"]) == 3


def test_a_broken_cr2_leaves_the_picture_of_the_fits_file(
    network: Network, make_jpg: FlaskClient, fits_file: bytes
) -> None:
    network.upload(FITS_PATH, fits_file)
    send(make_jpg, FITS_PATH)
    before = names(network.processed)
    network.upload(PATH, CR2[:1000])
    assert refused(make_jpg.post("/", json={"bucket_path": PATH}), 422)[0] == "truncated"
    assert names(network.processed) == before


def test_a_newer_file_gives_a_newer_picture(network: Network, make_jpg: FlaskClient) -> None:
    first, second = cr2_frames(2)
    network.upload(PATH, first[1])
    send(make_jpg, PATH)
    before = picture(network)
    network.upload(PATH, second[1])
    assert send(make_jpg, PATH)["made"] is True
    assert not np.array_equal(picture(network), before)


def test_a_fits_file_that_is_none_is_recorded(
    network: Network, make_jpg: FlaskClient, db: Engine
) -> None:
    network.upload(FITS_PATH, b"no FITS")
    assert refused(make_jpg.post("/", json={"bucket_path": FITS_PATH}), 422)[0] == "not_fits"
    only(tables(db)["image_events"], reason_code="not_fits", service="cf-make-jpg")
