"""What a solved image shows: named objects and constellations at their pixels."""

import io
import math
from itertools import pairwise
from typing import Any

import ephem
import ephem.stars
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord, get_constellation
from astropy.io import fits
from astropy.wcs import WCS
from flask.testing import FlaskClient
from sqlalchemy import Engine

from observations_data.names.in_picture import MAX_OBJECTS
from panoptes_network.names.resolver import resolve
from simulator.optics import PIXEL_SCALE_ARCSEC, field_wcs
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

WIDTH, HEIGHT = 5208, 3476
IMAGE_ID = "PAN001_14d3bd_20181011T134333"
SEQUENCE_ID = "PAN001_14d3bd_20181011T134202"
PATH = "PAN001/M42/14d3bd/20181011T134202/objects {}.fits.fz"
TAKEN = "2018/10/11 13:43:33"
TOLERANCE_PX = 0.5
"""Five arcseconds: ephem keeps positions to 0.1 s of time, and motions from B1950."""
FIELDS = {
    "Orion": (83.8, -5.4, 20.0),
    "Cygnus": (305.0, 42.0, 100.0),
    "0 hours": (0.5, 25.0, 250.0),
    "the pole": (40.0, 88.0, 10.0),
    "Crux": (188.0, -61.0, 33.0),
}


@pytest.fixture
def client(db: Engine) -> FlaskClient:
    return create_app("observations-data").test_client()


def solved_file(wcs: WCS) -> bytes:
    """Return a solved file: only its header counts."""
    header = wcs.to_header(relax=True)
    for axis in (1, 2):
        for other in (1, 2):
            header.remove(f"PC{axis}_{other}", ignore_missing=True)
            header[f"CD{axis}_{other}"] = wcs.wcs.cd[axis - 1, other - 1]
    written = io.BytesIO()
    hdu = fits.CompImageHDU(np.zeros((HEIGHT, WIDTH), np.uint16), header)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(written)
    return written.getvalue()


def objects_of(
    client: FlaskClient, db: Engine, storage_port: int, field: str, **asked: str
) -> tuple[Any, WCS]:
    """Return what a frame of a field shows, and its solution."""
    wcs, path = field_wcs(*FIELDS[field], WIDTH, HEIGHT), PATH.format(field)
    with rows(db) as session:
        add_observation(session, images=[{"solved_path": path, "state": "solved"}])
    with storage_at(storage_port):
        store("panoptes-processed", path, solved_file(wcs))
        return get(client, f"/images/{IMAGE_ID}/objects", **asked), wcs


def ephem_stars() -> dict[str, SkyCoord]:
    """Return ephem's stars at the time of the image, from which aberration is left out."""
    found = {}
    for name in ephem.stars.stars:
        star = ephem.star(name)
        star.compute(TAKEN, epoch="2000")
        found[name] = SkyCoord(float(star.a_ra), float(star.a_dec), unit="rad")
    return found


@pytest.mark.parametrize("field", FIELDS)
def test_bright_stars_are_where_another_catalog_and_library_have_them(
    client: FlaskClient, db: Engine, storage_port: int, field: str
) -> None:
    found, wcs = objects_of(client, db, storage_port, field)
    items = {item["lookup"]: item for item in found["items"]}
    expected = {}
    centre = SkyCoord(*FIELDS[field][:2], unit="deg")
    for name, place in ephem_stars().items():
        if place.separation(centre) < 15 * u.deg:
            x, y = wcs.all_world2pix(place.ra.deg, place.dec.deg, 0)
            if 0 <= x < WIDTH and 0 <= y < HEIGHT:
                expected[name] = (float(x), float(y))
    assert expected
    for name, (x, y) in expected.items():
        target = resolve(name)
        assert target is not None, name
        item = items[f"HIP {target.ids['hip']}"]
        assert math.hypot(item["x_px"] - x, item["y_px"] - y) < TOLERANCE_PX, name


def test_orion(client: FlaskClient, db: Engine, storage_port: int) -> None:
    found, wcs = objects_of(client, db, storage_port, "Orion")
    items = {item["name"]: item for item in found["items"]}
    assert items["Alnilam"]["kind"] == "variable"
    assert items["Alnitak"]["kind"] == "star"
    assert items["HD 290327"]["kind"] == "planet_host"
    assert items["HD 290327"]["planets"] == ["b"]
    nebula = items["Great Orion Nebula"]
    assert (nebula["kind"], nebula["lookup"]) == ("deep_sky", "M42")
    x, y = wcs.all_world2pix(83.822, -5.391, 0)
    assert math.hypot(nebula["x_px"] - float(x), nebula["y_px"] - float(y)) < 20
    assert nebula["radius_px"] == pytest.approx(45 * 60 / PIXEL_SCALE_ARCSEC, rel=0.01)
    assert [one["name"] for one in found["constellations"]] == ["Orion", "Lepus", "Monoceros"]


@pytest.mark.parametrize("field", FIELDS)
def test_all_objects_are_in_the_frame_brightest_first(
    client: FlaskClient, db: Engine, storage_port: int, field: str
) -> None:
    found, _ = objects_of(client, db, storage_port, field, limit=str(MAX_OBJECTS))
    assert len(found["items"]) == found["total"] > 10
    for item in found["items"]:
        assert -0.5 <= item["x_px"] <= WIDTH - 0.5
        assert -0.5 <= item["y_px"] <= HEIGHT - 0.5
    known = [item["mag"] for item in found["items"] if item["mag"] is not None]
    assert known == sorted(known)
    assert all(item["mag"] is None for item in found["items"][len(known) :])


@pytest.mark.parametrize("field", FIELDS)
def test_a_lookup_leads_to_its_object(
    client: FlaskClient, db: Engine, storage_port: int, field: str
) -> None:
    found, _ = objects_of(client, db, storage_port, field, limit=str(MAX_OBJECTS))
    for item in found["items"]:
        target = resolve(item["lookup"])
        assert target is not None, item
        there = SkyCoord(*target.at(2018.78), unit="deg")
        here = SkyCoord(item["ra_deg"], item["dec_deg"], unit="deg")
        assert here.separation(there).arcsec < 1, item


@pytest.mark.parametrize("field", FIELDS)
def test_constellations_and_their_boundaries(
    client: FlaskClient, db: Engine, storage_port: int, field: str
) -> None:
    found, wcs = objects_of(client, db, storage_port, field)
    parts = {one["abbreviation"]: one for one in found["constellations"]}
    assert sum(one["fraction"] for one in parts.values()) == pytest.approx(1)
    for abbreviation, part in parts.items():
        sky = SkyCoord(*wcs.all_pix2world(part["x_px"], part["y_px"], 0), unit="deg")
        assert get_constellation(sky, short_name=True) == abbreviation
    assert bool(found["boundaries"]) == (len(parts) > 1)
    for line in found["boundaries"]:
        for (x0, y0), (x1, y1) in pairwise(line):
            # Both sides, ten pixels from the middle: Roman's edges are to a second of time.
            across = np.array([y0 - y1, x1 - x0]) / math.hypot(x1 - x0, y1 - y0) * 10
            middle = np.array([x0 + x1, y0 + y1]) / 2
            sides = np.array([middle + across, middle - across])
            if (sides < 0).any() or (sides >= [WIDTH, HEIGHT]).any():
                continue
            sky = SkyCoord(*wcs.all_pix2world(*sides.T, 0), unit="deg")
            first, second = get_constellation(sky, short_name=True)
            assert first != second


def test_the_limit_is_kept(client: FlaskClient, db: Engine, storage_port: int) -> None:
    found, _ = objects_of(client, db, storage_port, "Orion", limit="3")
    assert [item["name"] for item in found["items"]] == ["Alnilam", "Alnitak", "Saiph"]
    assert found["total"] > 50
    problem(client, f"/images/{IMAGE_ID}/objects", 400, limit="0")


def test_an_observation_shows_what_its_middle_image_shows(
    client: FlaskClient, db: Engine, storage_port: int
) -> None:
    path = PATH.format("middle")
    solved = {"solved_path": path, "state": "solved"}
    with rows(db) as session:
        add_observation(session, images=[solved, solved, solved, {}])
    with storage_at(storage_port):
        store("panoptes-processed", path, solved_file(field_wcs(*FIELDS["Orion"], WIDTH, HEIGHT)))
        found = get(client, f"/observations/{SEQUENCE_ID}/objects")
    assert found["image_id"] == "PAN001_14d3bd_20181011T134543"
    assert found["items"][0]["name"] == "Alnilam"


def test_an_image_without_a_place_shows_nothing_known(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, images=[{}])
    for path in (f"/images/{IMAGE_ID}", f"/observations/{SEQUENCE_ID}"):
        assert "no plate solution" in problem(client, f"{path}/objects", 404)["detail"]
    problem(client, "/images/PAN001_14d3bd_20181011T999999/objects", 404)
    problem(client, "/observations/PAN001_14d3bd_20181011T999999/objects", 404)


def test_the_storage_may_be_away(client: FlaskClient, db: Engine, impatient_storage: None) -> None:
    with rows(db) as session:
        add_observation(session, images=[{"solved_path": PATH.format("away"), "state": "solved"}])
    with storage_at(free_port()):
        problem(client, f"/images/{IMAGE_ID}/objects", 503)
