"""Sources of images and stars of observations-data, over a real database."""

import io
import math
from datetime import timedelta

import pandas as pd
import pytest
from astropy.io.votable import parse_single_table
from flask.testing import FlaskClient
from sqlalchemy import Engine

from tests.service.support.star_fields import (
    SATURATED_STAR,
    WCS,
    StarField,
    add_catalog_star,
)
from tests.service.support.star_sequences import FIELD, FRAMES, STAR, add_sequence, hide, open_fits
from tests.service.support.web_services import (
    START,
    add_observation,
    create_app,
    get,
    problem,
    rows,
)


@pytest.fixture
def client(db: Engine) -> FlaskClient:
    return create_app("observations-data").test_client()


@pytest.fixture
def image_ids(db: Engine) -> list[str]:
    """A sequence of frames with stars in them; the first star dips."""
    return add_sequence(db, FIELD)


def test_sources_come_brightest_first(client: FlaskClient, image_ids: list[str]) -> None:
    found = get(client, f"/images/{image_ids[0]}/sources")
    assert found["total"] == len(found["items"]) == 41
    assert found["next"] is None
    assert [item["number"] for item in found["items"]] == list(range(41))
    first, last = found["items"][0], found["items"][-1]
    assert first["picid"] == str(1000 + SATURATED_STAR)
    assert first["url"] == f"/sources/{1000 + SATURATED_STAR}?catalog=tic"
    assert (first["flags"], first["has_stamp"]) == (4, True)
    assert (last["picid"], last["url"], last["separation_arcsec"]) == (None, None, None)
    assert last["has_stamp"] is False
    assert (last["x_px"], last["y_px"]) == (390, 391)


def test_a_star_that_was_not_detected(
    client: FlaskClient, db: Engine, image_ids: list[str]
) -> None:
    picid = hide(db, image_ids[:1])
    path = f"/images/{image_ids[0]}/sources"
    found = get(client, path)["items"]
    seen, unseen = ([i for i in found if i["is_detected"] is told] for told in (True, False))
    assert [item["picid"] for item in unseen] == [picid]
    assert len(seen) == 40
    [row] = unseen
    assert (row["fwhm_px"], row["ellipticity"], row["separation_arcsec"]) == (None, None, None)
    assert (row["neighbour_flux"], row["has_stamp"]) == (1.5, True)
    assert seen[0]["neighbour_flux"] is None
    table = pd.read_csv(io.StringIO(client.get(f"{path}?format=csv").text))
    [line] = table[~table["is_detected"]].to_dict("records")
    assert int(line["picid"]) == int(picid)
    assert math.isnan(line["fwhm_px"])
    assert (
        len(parse_single_table(io.BytesIO(client.get(f"{path}?format=votable").data)).array) == 41
    )
    stamps = get(client, f"/sources/{picid}/stamps")["items"]
    assert [stamp["is_detected"] for stamp in stamps] == [False] + [True] * (FRAMES - 1)


def test_sources_of_a_kind(client: FlaskClient, image_ids: list[str]) -> None:
    path = f"/images/{image_ids[0]}/sources"
    assert get(client, path, matched="true")["total"] == 40
    # The fluxes are 15,000 ADU and more with an error of 50; the unknown source has 100.
    assert get(client, path, min_snr="3")["total"] == 40
    assert get(client, path, min_snr="0")["total"] == 41
    assert get(client, path, min_snr="1e9")["items"] == []


def test_pages_of_sources(client: FlaskClient, image_ids: list[str]) -> None:
    path, numbers = f"/images/{image_ids[0]}/sources", []
    cursor: str | None = ""
    while cursor is not None:
        page = get(client, path, limit="15", cursor=cursor)
        numbers += [item["number"] for item in page["items"]]
        assert page["total"] == 41
        cursor = page["next"]
    assert numbers == list(range(41))


def test_an_image_without_sources(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, images=[{}])
    found = get(client, "/images/PAN001_14d3bd_20181011T134333/sources")
    assert (found["items"], found["total"]) == ([], 0)


def test_a_star_and_its_visits(client: FlaskClient, db: Engine, image_ids: list[str]) -> None:
    later = START + timedelta(days=40)
    add_sequence(db, FIELD, frames=3, start=later, field="Orion <b>")
    with rows(db) as session:
        add_catalog_star(session, 1000)
    found = get(client, STAR)
    assert found["picid"] == "1000"
    assert found["catalog"]["catalog"] == "tic"
    assert found["catalog"]["epoch_yr"] == 2000
    assert (found["catalog"]["mag"], found["catalog"]["teff_k"]) == (9.5, None)
    assert (found["n_visits"], found["n_sequences"]) == (FRAMES + 3, 2)
    assert found["first_time"] == "2018-10-11T13:43:33Z"
    assert found["last_time"] == f"{later + timedelta(seconds=91 + 260):%Y-%m-%dT%H:%M:%S}Z"
    assert [(visit["field"], visit["n_visits"]) for visit in found["visits"]] == [
        ("Orion <b>", 3),
        ("M42", FRAMES),
    ]
    # Where star 0 lies in the third frame, the newest.
    x_px, y_px = (axis[0] for axis in FIELD.places(2))
    place = [float(axis) for axis in WCS.all_pix2world(x_px, y_px, 0)]
    assert [found["ra_deg"], found["dec_deg"]] == pytest.approx(place)
    newest = get(client, STAR, limit="1")
    assert len(newest["visits"]) == 1
    assert newest["n_visits"] == FRAMES + 3


def test_a_star_that_no_catalog_has(client: FlaskClient, image_ids: list[str]) -> None:
    found = get(client, STAR)
    assert found["catalog"] is None
    assert found["n_visits"] == FRAMES


def test_a_star_that_no_image_has(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_catalog_star(session, 5)
    found = get(client, "/sources/5")
    assert (found["n_visits"], found["first_time"], found["visits"]) == (0, None, [])
    assert (found["ra_deg"], found["dec_deg"]) == (None, None)
    assert get(client, "/sources/5/stamps")["items"] == []
    curve = get(client, "/sources/5/lightcurve")
    assert (curve["items"], curve["comparison"], curve["total"]) == ([], [], 0)
    for name in ("stamps", "lightcurve"):
        with open_fits(client, f"/sources/5/{name}") as hdus:
            assert len(hdus[1].data) == 0


def test_a_number_of_two_catalogs(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_catalog_star(session, 5, "gaia", 4.0)
        add_catalog_star(session, 5, "tic", 6.0)
        add_catalog_star(session, -71683, "gaia", 0.0)
        add_catalog_star(session, 2**63 - 1, "gaia", 1.0)
    assert get(client, "/sources/5")["catalog"]["mag"] == 6
    assert get(client, "/sources/5", catalog="gaia")["catalog"]["mag"] == 4
    assert get(client, "/sources/-71683")["url"] == "/sources/-71683?catalog=gaia"
    assert get(client, f"/sources/{2**63 - 1}")["picid"] == str(2**63 - 1)
    problem(client, "/sources/-71683", 404, catalog="tic")


@pytest.mark.parametrize("motion", [math.nan, 0.0])
def test_an_unknown_motion_is_null(client: FlaskClient, db: Engine, motion: float) -> None:
    """Earlier versions loaded unknown motions as 0."""
    with rows(db) as session:
        add_catalog_star(session, 7, "gaia", motion=(motion, motion))
    known = get(client, "/sources/7")["catalog"]
    assert (known["pmra_masyr"], known["pmdec_masyr"], known["epoch_yr"]) == (None, None, 2016)


def test_the_same_number_means_another_star_in_another_catalog(
    client: FlaskClient, db: Engine, image_ids: list[str]
) -> None:
    other = StarField(number=6, catalog="gaia")
    add_sequence(db, other, frames=2, start=START + timedelta(days=1))
    assert get(client, STAR, catalog="tic")["n_visits"] == FRAMES
    assert get(client, STAR, catalog="gaia")["n_visits"] == 2
    assert len(get(client, f"{STAR}/stamps", catalog="gaia")["items"]) == 2
    assert get(client, f"{STAR}/lightcurve", catalog="gaia")["total"] == 2


@pytest.mark.parametrize("picid", ["x", "1.5", "1e3", "0x10", "٣", "--1", "9" * 20])
def test_what_is_no_number(client: FlaskClient, picid: str) -> None:
    for name in ("", "/stamps", "/lightcurve"):
        assert problem(client, f"/sources/{picid}{name}", 400)["parameter"] == "picid"


@pytest.mark.parametrize(
    "picid", ["7", "-7", "0", str(2**63 - 1), str(2**63), "-" + "9" * 19, "000012"]
)
def test_a_star_that_is_not_known(client: FlaskClient, picid: str) -> None:
    for name in ("", "/stamps", "/lightcurve"):
        assert "there is no star" in problem(client, f"/sources/{picid}{name}", 404)["detail"]


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        (STAR, "catalog", "hip"),
        (STAR, "limit", "501"),
        (STAR, "limit", "0"),
        (f"{STAR}/stamps", "limit", "1001"),
        (f"{STAR}/stamps", "cursor", "nonsense"),
        (f"{STAR}/stamps", "cursor", "MjAxOC0xMC0xMVQxMzo0MzozMyAx"),
        (f"{STAR}/stamps", "sequence_id", "a\0b"),
        (f"{STAR}/stamps", "format", "xml"),
        (f"{STAR}/lightcurve", "limit", "-1"),
        (f"{STAR}/lightcurve", "catalog", "TIC"),
        (f"{STAR}/lightcurve", "format", "jpeg"),
    ],
)
def test_parameters_that_cannot_be_read(
    client: FlaskClient, db: Engine, path: str, name: str, value: str
) -> None:
    with rows(db) as session:
        add_catalog_star(session, 1000)
    assert problem(client, path, 400, **{name: value})["parameter"] == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "20001"),
        ("min_snr", "nan"),
        ("min_snr", "inf"),
        ("min_snr", "-1"),
        ("matched", "perhaps"),
        ("cursor", "-1"),
        ("cursor", "9" * 30),
    ],
)
def test_source_parameters_that_cannot_be_read(client: FlaskClient, name: str, value: str) -> None:
    path = "/images/PAN001_14d3bd_20181011T134333/sources"
    assert problem(client, path, 400, **{name: value})["parameter"] == name


@pytest.mark.parametrize("image_id", ["PAN999_14d3bd_20181011T134202", "'; DROP", "☄"])
def test_sources_of_an_unknown_image(client: FlaskClient, image_id: str) -> None:
    problem(client, f"/images/{image_id}/sources", 404)


def test_fits_by_the_accept_header(client: FlaskClient, image_ids: list[str]) -> None:
    for name in ("stamps", "lightcurve"):
        answer = client.get(f"{STAR}/{name}", headers={"Accept": "application/fits"})
        assert answer.mimetype == "application/fits"
        assert client.get(f"{STAR}/{name}", headers={"Accept": "*/*"}).is_json


def test_sources_and_stamps_as_tables(client: FlaskClient, image_ids: list[str]) -> None:
    document = client.get(f"/images/{image_ids[0]}/sources?format=votable").data
    table = parse_single_table(io.BytesIO(document)).to_table()
    assert len(table) == 41
    assert table["picid"].mask.sum() == 1
    written = client.get(f"/images/{image_ids[0]}/sources?format=parquet").data
    picids = pd.read_parquet(io.BytesIO(written))["picid"]
    assert str(picids.dtype) == "Int64"
    assert (picids.isna().sum(), picids.min()) == (1, 1000)
    as_csv = client.get(f"/images/{image_ids[0]}/sources?format=csv").text
    assert as_csv.splitlines()[-1].startswith("40,,,")
    assert client.get(f"{STAR}/stamps?format=parquet").data.startswith(b"PAR1")
    visits = client.get(f"{STAR}?format=csv").text.splitlines()
    assert visits[1].startswith("PAN001_14d3bd_20181011T134202,M42,PAN001,14d3bd")
