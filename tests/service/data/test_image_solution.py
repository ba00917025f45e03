"""The solution, the sequence and the neighbours of an image in observations-data."""

import io
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from flask.testing import FlaskClient
from sqlalchemy import Engine

from simulator.optics import field_wcs
from tests.conftest import free_port
from tests.service.support.web_services import (
    add_observation,
    create_app,
    get,
    problem,
    rows,
    storage_at,
    store,
)

PATH = "PAN001/M42/14d3bd/20181011T134202/{}.fits.fz"
IMAGE_ID = "PAN001_14d3bd_20181011T134333"


@pytest.fixture
def client(db: Engine) -> FlaskClient:
    return create_app("observations-data").test_client()


def add_images(db: Engine, *images: dict[str, Any]) -> list[str]:
    with rows(db) as session:
        sequence_id = add_observation(session, images=list(images), mount_ra_deg=83.8)
    stem = sequence_id.rpartition("_")[0]
    return [f"{stem}_20181011T{time}" for time in ("134333", "134543", "134753")[: len(images)]]


def solved_file(wcs: WCS, more_cards: int = 0) -> bytes:
    """Return a frame as the plate solver stores it: compressed, with SIP and CD cards."""
    header = wcs.to_header(relax=True)
    for axis in (1, 2):
        for other in (1, 2):
            header.remove(f"PC{axis}_{other}", ignore_missing=True)
            header[f"CD{axis}_{other}"] = wcs.wcs.cd[axis - 1, other - 1]
    for number in range(more_cards):
        header[f"HIERARCH card {number}"] = number
    pixels = np.zeros((60, 80), np.uint16)
    written = io.BytesIO()
    hdu = fits.CompImageHDU(pixels, header, compression_type="RICE_1")
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(written)
    return written.getvalue()


@pytest.mark.parametrize("more_cards", [0, 2000])
def test_the_solution_is_the_solved_files(
    client: FlaskClient, db: Engine, storage_port: int, more_cards: int
) -> None:
    path, wcs = PATH.format(f"solved {more_cards}"), field_wcs(83.8, -5.4, 20.0, 80, 60)
    add_images(db, {"solved_path": path, "state": "solved"})
    with storage_at(storage_port):
        store("panoptes-processed", path, solved_file(wcs, more_cards))
        cards = get(client, f"/images/{IMAGE_ID}")["wcs"]
    assert (cards["NAXIS1"], cards["NAXIS2"]) == (80, 60)
    assert not {"SIMPLE", "ZNAXIS1", "FIELD"} & cards.keys()
    # What astropy makes of the cards alone is what it made of the whole header.
    x, y = np.meshgrid(np.linspace(0, 79, 5), np.linspace(0, 59, 5))
    theirs = np.array(wcs.all_pix2world(x, y, 0))
    ours = np.array(WCS(fits.Header(cards)).all_pix2world(x, y, 0))
    # Cards have 15 digits or so, of up to 84 degrees.
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


def test_an_image_that_is_solved_anew_has_the_new_solution(
    client: FlaskClient, db: Engine, storage_port: int
) -> None:
    path = PATH.format("anew")
    add_images(db, {"solved_path": path, "state": "solved"})
    found = []
    with storage_at(storage_port):
        for ra_deg in (10.0, 20.0):
            store("panoptes-processed", path, solved_file(field_wcs(ra_deg, 30.0, 0.0, 80, 60)))
            with db.begin() as connection:
                connection.exec_driver_sql("UPDATE images SET updated_at = clock_timestamp()")
            found.append(get(client, f"/images/{IMAGE_ID}")["wcs"]["CRVAL1"])
    assert found == [10, 20]


@pytest.mark.parametrize("content", [None, b"", b"no FITS file", b"SIMPLE  =" + b" " * 9000])
def test_no_solution_where_there_is_no_such_file(
    client: FlaskClient, db: Engine, storage_port: int, content: bytes | None
) -> None:
    path = PATH.format(f"broken {content and len(content)}")
    add_images(db, {"solved_path": path, "state": "solved"})
    with storage_at(storage_port):
        if content is not None:
            store("panoptes-processed", path, content)
        assert get(client, f"/images/{IMAGE_ID}")["wcs"] is None


def test_an_image_is_shown_while_the_storage_is_away(
    client: FlaskClient, db: Engine, impatient_storage: None
) -> None:
    add_images(db, {"solved_path": PATH.format("away"), "state": "solved"})
    with storage_at(free_port()):
        found = get(client, f"/images/{IMAGE_ID}")
    assert (found["image_id"], found["wcs"]) == (IMAGE_ID, None)


def test_an_unsolved_image_has_no_solution(client: FlaskClient, db: Engine) -> None:
    add_images(db, {})
    assert get(client, f"/images/{IMAGE_ID}")["wcs"] is None


def test_an_images_sequence_and_neighbours(client: FlaskClient, db: Engine) -> None:
    first, second, third = add_images(db, {}, {}, {})
    with rows(db) as session:
        add_observation(session, camera_id="ee04d1", images=[{}, {}, {}])
    found = [get(client, f"/images/{image_id}") for image_id in (first, second, third)]
    assert [one["previous_image"] for one in found] == [None, first, second]
    assert [one["next_image"] for one in found] == [second, third, None]
    sequence = found[1]["sequence"]
    assert sequence["sequence_id"] == "PAN001_14d3bd_20181011T134202"
    assert (sequence["unit_id"], sequence["camera_id"]) == ("PAN001", "14d3bd")
    assert (sequence["field"], sequence["mount_ra_deg"]) == ("M42", 83.8)
    assert sequence["start_time"] == "2018-10-11T13:42:02Z"


def test_no_such_image(client: FlaskClient) -> None:
    problem(client, f"/images/{IMAGE_ID}", 404)
