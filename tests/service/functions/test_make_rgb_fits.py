"""cf-make-rgb-fits: a CR2 comes in, three linear FITS files go out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import rawpy
from flask.testing import FlaskClient
from numpy.typing import NDArray
from sqlalchemy import Engine

from tests.service.support.functions import Network, only, refused, tables
from tests.service.support.raw_frames import SMALL, cr2_frames, names, read_fits, send

[(FRAME, CR2)] = cr2_frames()
PATH = FRAME.object_path.path
PATHS = {colour: PATH.replace(".cr2", f"_{colour}.fits.fz") for colour in "rgb"}
PARITY = {"r": [(1, 0)], "g": [(0, 0), (1, 1)], "b": [(0, 1)]}
"""First row and column of the mosaic's pixels of a colour, in FITS orientation."""


@pytest.fixture
def make_rgb_fits(function: Callable[[str], FlaskClient]) -> FlaskClient:
    return function("cf-make-rgb-fits")


def planes(network: Network) -> dict[str, tuple[NDArray[Any], Any]]:
    return {c: read_fits(network.processed.get_blob(path)) for c, path in PATHS.items()}


def test_each_colour_keeps_its_own_pixels_and_says_that_the_others_are_interpolated(
    network: Network, make_rgb_fits: FlaskClient
) -> None:
    network.upload(PATH, CR2)
    assert send(make_rgb_fits, PATH)["paths"] == list(PATHS.values())
    for colour, (plane, header) in planes(network).items():
        assert plane.shape == FRAME.data.shape
        assert plane.dtype.kind == "u"
        for y, x in PARITY[colour]:
            np.testing.assert_array_equal(plane[y::2, x::2], FRAME.data[y::2, x::2])
        assert header["FILTER"] == colour.upper()
        assert (header["INTERPOL"], header["PHOTOMET"]) == (True, False)
        assert "not for photometry" in header.comments["PHOTOMET"]
        assert header["DEMOSAIC"] == "AHD"
        assert header["BLKLEVEL"] == 2048
        assert header["IMAGEID"] == SMALL.image_id(0)
        assert header["EXPTIME"] == FRAME.header["EXPTIME"]


def test_the_options_are_those_of_rawpy(
    network: Network, make_rgb_fits: FlaskClient, tmp_path: Any
) -> None:
    """LibRaw itself, called with the same options, is the judge."""
    network.upload(PATH, CR2)
    options = {
        "demosaic_algorithm": "DHT",
        "output_bps": 8,
        "gamma": [2.222, 4.5],
        "no_auto_bright": False,
        "no_auto_scale": False,
        "use_camera_wb": True,
        "output_color": "sRGB",
        "user_black": 2048,
    }
    send(make_rgb_fits, PATH, rawpy_options=options)
    (tmp_path / "a.cr2").write_bytes(CR2)
    with rawpy.imread(str(tmp_path / "a.cr2")) as raw:
        judge = raw.postprocess(
            demosaic_algorithm=rawpy.DemosaicAlgorithm.DHT,
            output_bps=8,
            gamma=(2.222, 4.5),
            use_camera_wb=True,
            user_wb=[1, 1, 1, 1],
            user_black=2048,
            user_cblack=[0, 0, 0, 0],
            user_flip=0,
        )
    for number, (plane, header) in enumerate(planes(network).values()):
        np.testing.assert_array_equal(plane, judge[::-1, :, number])
        assert header["BITPIX"] == 8
        assert '"demosaic_algorithm":"DHT"' in header["RAWPYOPT"]


def test_half_size_interpolates_nothing(network: Network, make_rgb_fits: FlaskClient) -> None:
    network.upload(PATH, CR2)
    send(make_rgb_fits, PATH, rawpy_options={"half_size": True})
    for colour in "rb":
        plane, header = planes(network)[colour]
        [(y, x)] = PARITY[colour]
        np.testing.assert_array_equal(plane, FRAME.data[y::2, x::2])
        assert (header["INTERPOL"], header["DEMOSAIC"]) == (False, "HALF_SIZE")


def test_twice_makes_them_once_but_other_options_make_them_anew(
    network: Network, make_rgb_fits: FlaskClient, db: Engine
) -> None:
    network.upload(PATH, CR2)
    half = {"rawpy_options": {"half_size": True}}
    assert [send(make_rgb_fits, PATH, **more)["made"] for more in ({}, {}, half, half, {})] == [
        True,
        False,
        True,
        False,
        False,
    ]
    files = [row for row in tables(db)["image_files"] if row["kind"] != "cr2"]
    assert {row["kind"]: row["path"] for row in files} == {
        "red": PATHS["r"],
        "green": PATHS["g"],
        "blue": PATHS["b"],
    }
    assert {row["path"]: row["generation"] for row in files} == names(network.processed)


def test_a_late_event_of_an_older_cr2_changes_nothing(
    network: Network, make_rgb_fits: FlaskClient
) -> None:
    first, second = cr2_frames(2)
    older = network.upload(PATH, first[1])
    network.upload(PATH, second[1])
    send(make_rgb_fits, PATH)
    before = names(network.processed)
    late = make_rgb_fits.post("/", json={"bucket_path": PATH, "generation": older})
    assert refused(late, 404)[0] == "object_missing"
    assert names(network.processed) == before


def test_a_product_that_went_missing_is_made_again(
    network: Network, make_rgb_fits: FlaskClient
) -> None:
    network.upload(PATH, CR2)
    send(make_rgb_fits, PATH)
    kept = names(network.processed)[PATHS["r"]]
    network.processed.blob(PATHS["g"]).delete()
    assert send(make_rgb_fits, PATH)["made"] is True
    assert names(network.processed).keys() == set(PATHS.values())
    assert names(network.processed)[PATHS["r"]] == kept


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"demosaic_algorithm": "AMAZE"}, "demosaic_algorithm"),
        ({"demosaic_algorithm": 3}, "demosaic_algorithm"),
        ({"half_size": "yes"}, "half_size"),
        ({"half_size": 1}, "half_size"),
        ({"output_bps": 12}, "output_bps"),
        ({"output_bps": "16"}, "output_bps"),
        ({"gamma": [1]}, "gamma"),
        ({"gamma": "linear"}, "gamma"),
        ({"gamma": [0, 1]}, "gamma"),
        ({"user_wb": [1, 2, 3]}, "user_wb"),
        ({"median_filter_passes": 1000}, "median_filter_passes"),
        ({"bright": -1}, "bright"),
        ({"bad_pixels_path": "/etc/passwd"}, "bad_pixels_path"),
        ({"user_flip": 3}, "user_flip"),
        ({"no_such_option": True}, "no_such_option"),
        ([], "rawpy_options"),
        ("AHD", "rawpy_options"),
    ],
)
def test_a_wrong_option_is_named(
    network: Network, make_rgb_fits: FlaskClient, db: Engine, options: object, named: str
) -> None:
    network.upload(PATH, CR2)
    answer = make_rgb_fits.post("/", json={"bucket_path": PATH, "rawpy_options": options})
    reason, words = refused(answer, 400)
    assert reason == "bad_request"
    assert named in words
    assert names(network.processed) == {}
    assert not any(tables(db).values())


def test_what_is_made_is_recorded_with_its_size(
    network: Network, make_rgb_fits: FlaskClient, db: Engine
) -> None:
    generation = network.upload(PATH, CR2)
    send(make_rgb_fits, PATH)
    red = [row for row in tables(db)["image_files"] if row["kind"] == "red"]
    only(
        red,
        image_id=SMALL.image_id(0),
        bucket=network.processed.name,
        source_path=PATH,
        source_generation=generation,
        n_bytes=network.processed.get_blob(PATHS["r"]).size,
    )
