"""cf-header-to-db: bad files and hostile headers end in a recorded reason or a clear refusal."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.config import settings
from tests.service.support.functions import (
    FOLDER,
    IDS,
    IMAGE_ID,
    PATH,
    Network,
    fits_file,
    frame,
    only,
    post,
    refused,
    tables,
)


@pytest.fixture
def client(network: Network, function: Callable[[str], FlaskClient]) -> FlaskClient:
    return function("cf-header-to-db")


@pytest.mark.parametrize(
    "hostile",
    [
        {"ISO": 1e300},
        {"ISO": "99999999999"},
        {"EXPTIME": 10**400},
        {"EXPTIME": math.nan},
        {"LAT-OBS": [1, {"a": None}]},
        {"FIELD": "x" * 100_000},
        {"OBSERVER": "'; DROP TABLE units; --"},
        {"": 2, "k" * 10_000: 3},
        dict.fromkeys(map(str, range(1990)), 1),
    ],
)
def test_hostile_headers_are_recorded_without_harm(
    client: FlaskClient, db: Engine, hostile: dict[str, Any]
) -> None:
    post(client, **{**IDS, **hostile})
    only(tables(db)["images"], image_id=IMAGE_ID, state="metadata_received")


TABLE = fits.BinTableHDU.from_columns([fits.Column("A", "I", array=[1, 2])])
BAD_FILES = {
    "empty": (b"", "empty_file"),
    "random": (np.random.default_rng(1).bytes(9000), "not_fits"),
    "cut in its header": (frame()[:1000], "truncated"),
    "cut in its pixels": (frame()[:-1], "truncated"),
    "cut compressed": (
        fits_file(fits.PrimaryHDU(), fits.CompImageHDU(np.zeros((99, 99), np.int16)))[:-2880],
        "truncated",
    ),
    "table": (fits_file(fits.PrimaryHDU(), TABLE), "no_image"),
    "no pixels": (fits_file(fits.PrimaryHDU()), "no_image"),
}


@pytest.mark.parametrize(("data", "reason"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_refused_file_is_recorded_with_its_reason(
    client: FlaskClient, network: Network, db: Engine, data: bytes, reason: str
) -> None:
    generation = network.upload(PATH, data)
    for _ in range(3):  # the same event delivered again
        code, message = refused(client.post("/", json={"bucket_path": PATH}), 422)
        assert code == reason
    rows = tables(db)
    ended = {"state": "error", "reason_code": reason, "reason": message}
    only(rows["images"], image_id=IMAGE_ID, generation=generation, **ended)
    states = [(event["image_id"], event["state"]) for event in rows["image_events"]]
    assert states == [(IMAGE_ID, "metadata_received"), (IMAGE_ID, "error")]
    assert rows["image_events"][1].items() >= ended.items()
    assert network.queued(settings().pipeline_topic) == []


def test_a_file_uploaded_again_after_a_refusal_starts_anew(
    client: FlaskClient, network: Network, db: Engine
) -> None:
    network.upload(PATH, b"")
    refused(client.post("/", json={"bucket_path": PATH}), 422)
    network.upload(PATH, frame())
    post(client, PATH)
    only(tables(db)["images"], state="metadata_received", reason_code=None, reason=None)


def test_a_file_without_any_id_is_recorded_once_under_its_path(
    client: FlaskClient, network: Network, db: Engine
) -> None:
    path = "somewhere/night.fits"
    network.upload(path, frame(FIELD="M42"))
    for _ in range(2):
        assert refused(client.post("/", json={"bucket_path": path}), 422)[0] == "no_identity"
    rows = tables(db)
    assert rows["images"] == []
    only(rows["image_events"], bucket_path=path, state="error", reason_code="no_identity")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (f"{FOLDER}/pointing00.fits", "pointing_image"),
        (f"{FOLDER}/pointing00.cr2", "pointing_image"),
        ("PAN001/14d3bd/focus/12_034.fits", "focus_frame"),
        ("PAN001/darks/dark_001.CR2", "dark_frame"),
    ],
)
def test_what_is_only_kept_needs_no_id(
    client: FlaskClient, network: Network, db: Engine, path: str, reason: str
) -> None:
    generation = network.upload(path, frame(FIELD="M42"))
    for _ in range(2):
        said = post(client, path)
        assert (said["image_id"], said["state"]) == (None, "skipped")
    rows = tables(db)
    assert rows["images"] == []
    kept = {"state": "skipped", "reason_code": reason, "message_id": f"generation {generation}"}
    only(rows["image_events"], bucket_path=path, image_id=None, **kept)


@pytest.mark.parametrize("generation", ["9" * 25, str(2**63)])
def test_metadata_with_an_impossible_generation_say_nothing(
    client: FlaskClient, network: Network, db: Engine, generation: str
) -> None:
    """Whoever uploads a file chooses the metadata of its object."""
    blob = network.bucket.blob(PATH)
    blob.metadata = {"image-id": IMAGE_ID, "raw-path": PATH, "raw-generation": generation}
    blob.upload_from_string(frame(**IDS))
    assert post(client, PATH)["state"] == "metadata_received"
    only(tables(db)["images"], image_id=IMAGE_ID, generation=blob.generation)


@pytest.mark.parametrize(
    ("path", "cards", "reason"),
    [
        (PATH.replace("M42", "darks"), {}, "dark_frame"),
        (PATH.replace("M42", "Flat Field").replace(".fits", ".cr2"), {}, "flat_frame"),
        (PATH, {"IMAGETYP": "Bias Frame"}, "bias_frame"),
        (PATH, {"OBSTYPE": "dark"}, "dark_frame"),
        (PATH, {"FRAME": "Flat"}, "flat_frame"),
    ],
)
def test_a_calibration_frame_is_kept_as_skipped(
    client: FlaskClient,
    network: Network,
    db: Engine,
    path: str,
    cards: dict[str, str],
    reason: str,
) -> None:
    network.upload(path, frame(**cards))
    for _ in range(2):
        said = post(client, path)
        assert (said["image_id"], said["state"]) == (IMAGE_ID, "skipped")
    rows = tables(db)
    only(rows["images"], image_id=IMAGE_ID, state="skipped", reason_code=reason, bucket_path=path)
    reasons = [event["reason_code"] for event in rows["image_events"]]
    assert reasons in ([reason], [None, reason])
    assert network.queued(settings().pipeline_topic) == []


@pytest.mark.parametrize(
    ("path", "reason", "status"),
    [
        ("PAN001/notes.txt", "unknown_file_type", 415),
        ("PAN001/M42/IMG_1234.CR2", "bad_path", 422),
        ("PAN001//14d3bd/20181011T134202/20181011T134333.fits", "bad_path", 422),
        (PATH.replace("/2018", "/9999").replace(".fits", ".cr2"), "bad_time", 422),
    ],
)
def test_what_is_handed_on_to_be_recorded_is_recorded_once(
    client: FlaskClient, network: Network, db: Engine, path: str, reason: str, status: int
) -> None:
    generation = network.upload(path, frame(**IDS))
    for _ in range(2):
        assert refused(client.post("/", json={"bucket_path": path}), status)[0] == reason
    noted = {"reason_code": reason, "message_id": f"generation {generation}"}
    only(tables(db)["image_events"], bucket_path=path, image_id=None, state="error", **noted)


BAD_TIMES = ["00010101T000000", "19691231T235959", "99991231T235959"]


@pytest.mark.parametrize("time", BAD_TIMES)
def test_a_time_that_no_clock_gives_is_recorded_without_an_image(
    client: FlaskClient, network: Network, db: Engine, time: str
) -> None:
    path = f"PAN316/Clk/fff316/{time}/{time}.fits"
    for data in (frame(), b""):
        network.upload(path, data)
        refused(client.post("/", json={"bucket_path": path}), 422)
    in_header = {"IMAGEID": f"PAN316_fff316_{time}"}
    assert refused(client.post("/", json={"headers": in_header}), 422)[0] == "bad_time"
    rows = tables(db)
    assert rows["units"] == rows["sequences"] == rows["images"] == []
    codes = [event["reason_code"] for event in rows["image_events"]]
    assert codes == ["bad_time", "empty_file", "bad_time"]


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        (fits_file(fits.PrimaryHDU(np.full((9, 9), np.nan, np.float32))), (9, 9, None)),
        (fits_file(fits.PrimaryHDU(np.zeros((4, 2, 3), np.int16))), (3, 2, 4)),
        (fits_file(fits.PrimaryHDU(np.zeros((1, 1), np.int16))), (1, 1, None)),
    ],
)
def test_odd_images_are_left_to_the_worker_to_refuse(
    client: FlaskClient, network: Network, db: Engine, data: bytes, shape: tuple[int, ...]
) -> None:
    network.upload(PATH, data)
    post(client, PATH)
    headers = tables(db)["images"][0]["headers"]
    assert tuple(headers.get(f"NAXIS{n}") for n in (1, 2, 3)) == shape
    assert len(network.queued(settings().pipeline_topic)) == 1


@pytest.mark.parametrize(
    ("path", "reason", "status"),
    [
        ("PAN001/../x.fits", "bad_path", 422),
        ("x" * 2000, "bad_path", 422),
        ("a\x01b\ud7ff\u202e.fits", "bad_path", 422),
        (PATH, "object_missing", 404),
    ],
)
def test_a_bad_path_is_recorded(
    client: FlaskClient, db: Engine, path: str, reason: str, status: int
) -> None:
    assert refused(client.post("/", json={"bucket_path": path}), status)[0] == reason
    event = only(tables(db)["image_events"], state="error", reason_code=reason, image_id=None)
    assert event["bucket_path"].startswith(path[:1])


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "bucket_path or headers, or both"),
        ({"headers": []}, "headers"),
        ({"headers": dict.fromkeys(map(str, range(2001)), 1)}, "headers"),
        ({"bucket_path": PATH, "bucket": "panoptes-processed"}, "bucket: "),
        ({"bucket_path": PATH, "generation": "x"}, "generation"),
    ],
)
def test_the_wrong_part_of_a_request_is_named(
    client: FlaskClient, body: dict[str, Any], named: str
) -> None:
    reason, message = refused(client.post("/", json=body), 400)
    assert reason == "bad_request"
    assert named in message


def test_headers_without_an_id_are_refused(client: FlaskClient) -> None:
    answer = client.post("/", json={"headers": {"ISO": 100}})
    assert refused(answer, 422)[0] == "no_identity"
