"""cf-make-fits: a CR2 comes in, the FITS file that a unit would have made stands beside it."""

from collections.abc import Callable

import numpy as np
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from tests.service.support.functions import (
    Network,
    asks_to_come_again,
    frame,
    only,
    push,
    refused,
    tables,
)
from tests.service.support.raw_frames import SMALL, cr2_frames, names, read_fits, send

MakeFunction = Callable[[str], FlaskClient]

[(FRAME, CR2)] = cr2_frames()
PATH = FRAME.object_path.path
FITS_PATH = PATH.replace(".cr2", ".fits.fz")
IMAGE_ID, SEQUENCE_ID = SMALL.image_id(0), SMALL.image_id(0)


@pytest.fixture
def make_fits(function: MakeFunction) -> FlaskClient:
    return function("cf-make-fits")


@pytest.fixture
def header_to_db(function: MakeFunction) -> FlaskClient:
    return function("cf-header-to-db")


def test_the_fits_file_has_the_pixels_and_the_cards(
    network: Network, make_fits: FlaskClient
) -> None:
    network.upload(PATH, CR2)
    answer = send(make_fits, PATH)
    assert answer == {
        "image_id": IMAGE_ID,
        "made": True,
        "bucket": network.bucket.name,
        "paths": [FITS_PATH],
    }
    pixels, header = read_fits(network.bucket.get_blob(FITS_PATH))
    np.testing.assert_array_equal(pixels, FRAME.data)
    unit = FRAME.header
    same = ["ISO", "EXPTIME", "CAMTEMP", "COLORTMP", "DATE-OBS", "INTSN", "CAMSN", "MEASRGGB"]
    same += ["WHTLVLN", "WHTLVLS", "REDBAL", "BLUEBAL", "IMAGEID", "SEQID", "FIELD", "FILTER"]
    same += ["INSTRUME", "OBSERVER", "ORIGIN"]
    assert {card: header[card] for card in same} == {card: unit[card] for card in same}
    assert header["DATE-BEG"] == "2018-08-12T08:30:00"
    assert header["FILENAME"] == PATH.rpartition("/")[2]


def test_what_is_made_enters_as_an_upload_of_the_cr2s_image(
    network: Network, make_fits: FlaskClient, header_to_db: FlaskClient, db: Engine
) -> None:
    network.upload(PATH, CR2)
    send(make_fits, PATH)
    send(header_to_db, FITS_PATH)
    image = only(tables(db)["images"], image_id=IMAGE_ID, from_cr2=True, bucket_path=FITS_PATH)
    assert image["contradictions"] == {}
    assert only(tables(db)["sequences"], sequence_id=SEQUENCE_ID, field="M42", iso=100)
    only(tables(db)["image_files"], kind="cr2", path=PATH, image_id=IMAGE_ID)


def test_twice_makes_it_once(network: Network, make_fits: FlaskClient) -> None:
    network.upload(PATH, CR2)
    send(make_fits, PATH)
    before = names(network.bucket)
    assert send(make_fits, PATH)["made"] is False
    assert names(network.bucket) == before


def test_a_newer_cr2_gives_a_newer_fits_file(network: Network, make_fits: FlaskClient) -> None:
    first, second = cr2_frames(2)
    network.upload(PATH, first[1])
    send(make_fits, PATH)
    old = names(network.bucket)
    newer = network.upload(PATH, second[1])
    late = make_fits.post("/", json={"bucket_path": PATH, "generation": old[PATH]})
    assert refused(late, 404)[0] == "object_missing"
    assert send(make_fits, PATH, generation=newer)["made"] is True
    np.testing.assert_array_equal(read_fits(network.bucket.get_blob(FITS_PATH))[0], second[0].data)


@pytest.mark.parametrize("suffix", [".fits.fz", ".fits", ".FITS", ".fz"])
def test_the_units_own_fits_file_stays(
    network: Network, make_fits: FlaskClient, suffix: str
) -> None:
    own = PATH.replace(".cr2", suffix)
    network.upload(own, frame(IMAGEID=IMAGE_ID))
    network.upload(PATH, CR2)
    before = names(network.bucket)
    assert send(make_fits, PATH) == {"image_id": IMAGE_ID, "made": False, "kept": own}
    assert names(network.bucket) == before


@pytest.mark.parametrize("own_suffix", [".fits.fz", ".fits"])
@pytest.mark.parametrize("own_event_first", [True, False])
@pytest.mark.parametrize("own_upload_first", [True, False])
def test_in_any_order_the_units_own_fits_file_is_the_image(
    network: Network,
    make_fits: FlaskClient,
    header_to_db: FlaskClient,
    db: Engine,
    own_suffix: str,
    own_event_first: bool,
    own_upload_first: bool,
) -> None:
    own = PATH.replace(".cr2", own_suffix)

    def upload_own() -> None:
        network.upload(own, frame(IMAGEID=IMAGE_ID, ISO=400))

    network.upload(PATH, CR2)
    if own_upload_first:
        upload_own()
        send(make_fits, PATH)
    else:
        send(make_fits, PATH)
        upload_own()
    events = sorted({own, FITS_PATH} & names(network.bucket).keys(), reverse=own_event_first)
    for path in events:
        send(header_to_db, path)
    for path in events:
        send(header_to_db, path)
    image = only(tables(db)["images"], image_id=IMAGE_ID, from_cr2=False, bucket_path=own)
    assert image["headers"]["ISO"] == 400


def test_a_message_is_converted_and_acknowledged(network: Network, make_fits: FlaskClient) -> None:
    network.upload(PATH, CR2)
    answer = make_fits.post("/", json=push({"bucket_path": PATH}))
    assert answer.status_code == 200
    assert FITS_PATH in names(network.bucket)


def test_a_field_in_another_script_is_no_contradiction(
    network: Network, make_fits: FlaskClient, header_to_db: FlaskClient, db: Engine
) -> None:
    path = PATH.replace("M42", "Плеяды")
    network.upload(path, CR2)
    send(make_fits, path)
    send(header_to_db, path.replace(".cr2", ".fits.fz"))
    assert only(tables(db)["images"], contradictions={})
    assert only(tables(db)["sequences"], field="Плеяды")


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        (PATH, 404, "object_missing"),
        (PATH.replace(".cr2", ".fits"), 415, "unknown_file_type"),
        (PATH.replace("20180812T083000.cr2", "pointing00.cr2"), 422, "pointing_image"),
        ("PAN001/../x.cr2", 422, "bad_path"),
    ],
)
def test_refused_requests(
    network: Network, make_fits: FlaskClient, db: Engine, path: str, status: int, reason: str
) -> None:
    assert refused(make_fits.post("/", json={"bucket_path": path}), status)[0] == reason
    assert tables(db)["images"] == []


def test_what_is_away_asks_to_come_again(
    network: Network,
    make_fits: FlaskClient,
    database_away: Callable[[], None],
    storage_away: Callable[[], None],
) -> None:
    network.upload(PATH, CR2)
    database_away()
    assert asks_to_come_again(make_fits.post("/", json={"bucket_path": PATH}))
    storage_away()
    assert asks_to_come_again(make_fits.post("/", json={"bucket_path": PATH}))
