"""Stamps of stars: raw pixels, pages, and cubes of FITS."""

from datetime import timedelta

import numpy as np
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.frames.bayer import stamp_corner
from tests.service.support.star_fields import (
    StarField,
    mosaic,
)
from tests.service.support.star_sequences import FIELD, STAR, add_sequence, open_fits
from tests.service.support.web_services import (
    START,
    create_app,
    get,
)


@pytest.fixture
def client(db: Engine) -> FlaskClient:
    return create_app("observations-data").test_client()


@pytest.fixture
def image_ids(db: Engine) -> list[str]:
    """A sequence of frames with stars in them; the first star dips."""
    return add_sequence(db, FIELD)


def test_stamps_are_the_raw_pixels(client: FlaskClient, image_ids: list[str]) -> None:
    items = get(client, f"{STAR}/stamps")["items"]
    assert [item["image_id"] for item in items] == image_ids
    for frame, item in enumerate(items):
        x, y = (int(stamp_corner([place[0]])[0]) for place in FIELD.places(frame))
        assert (item["stamp_x"], item["stamp_y"], item["stamp_side"]) == (x, y, 10)
        pixels = mosaic(FIELD, frame)[y : y + 10, x : x + 10]
        assert item["pixels"] == pixels.tolist()
    assert items[0]["time"] == "2018-10-11T13:43:33Z"
    assert items[0]["exptime_s"] == 120.4
    assert "stamp" not in items[0]


def test_pages_of_stamps(client: FlaskClient, db: Engine, image_ids: list[str]) -> None:
    # The other camera's frames begin at the same moments.
    others = add_sequence(db, FIELD, camera_id="ee04d1")
    found = []
    cursor: str | None = ""
    while cursor is not None:
        page = get(client, f"{STAR}/stamps", limit="5", cursor=cursor)
        found += [item["image_id"] for item in page["items"]]
        cursor = page["next"]
    assert sorted(found) == sorted([*image_ids, *others])
    assert [image.rpartition("_")[2] for image in found] == sorted(
        image.rpartition("_")[2] for image in found
    )


def test_stamps_of_one_sequence(client: FlaskClient, db: Engine, image_ids: list[str]) -> None:
    others = add_sequence(db, FIELD, camera_id="ee04d1")
    sequence_id = "PAN001_ee04d1_20181011T134202"
    items = get(client, f"{STAR}/stamps", sequence_id=sequence_id)["items"]
    assert [item["image_id"] for item in items] == others
    assert get(client, f"{STAR}/stamps", sequence_id="PAN009_none")["items"] == []
    curve = get(client, f"{STAR}/lightcurve", sequence_id=sequence_id)
    assert [item["image_id"] for item in curve["items"]] == others


def test_stamps_as_a_cube(client: FlaskClient, image_ids: list[str]) -> None:
    items = get(client, f"{STAR}/stamps")["items"]
    with open_fits(client, f"{STAR}/stamps") as hdus:
        cube, header, frames = hdus[0].data, hdus[0].header, hdus["FRAMES"].data
        assert cube.dtype == np.uint16
        assert cube.tolist() == [item["pixels"] for item in items]
        assert (header["OBJECT"], header["TICID"]) == ("TIC 1000", 1000)
        assert (header["BUNIT"], header["BLACKLEV"], header["SATURATE"]) == ("adu", 2048, 13583)
        assert frames["image_id"].tolist() == image_ids
        assert frames["time"].tolist() == [item["time"] for item in items]
        for name in ("stamp_x", "stamp_y", "x_px", "flux_adu"):
            assert frames[name].tolist() == [item[name] for item in items]
        # That the parity of the corner tells the colours of a stamp's pixels.
        assert not (frames["stamp_x"] % 2).any()
        assert not (frames["stamp_y"] % 2).any()
        assert hdus["FRAMES"].columns["x_px"].unit == "pix"
        assert "green 2" in str(header["COMMENT"])


def test_names_of_stars_in_cubes(client: FlaskClient, db: Engine) -> None:
    add_sequence(db, StarField(number=6, first_picid=-71683, catalog="gaia"), frames=2)
    with open_fits(client, "/sources/-71683/stamps") as hdus:
        assert hdus[0].header["OBJECT"] == "HIP 71683"
        assert "TICID" not in hdus[0].header
    big = 4_000_000_000_000_000_001
    add_sequence(db, StarField(6, big, "gaia"), frames=2, start=START + timedelta(days=2))
    with open_fits(client, f"/sources/{big}/stamps") as hdus:
        assert hdus[0].header["PICID"] == big
        assert hdus[0].header["OBJECT"] == f"Gaia DR3 {big}"
