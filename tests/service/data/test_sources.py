"""Sources of images, stars, stamps and light curves of observations-data, over a real database."""

import io
import math
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.io.votable import parse, parse_single_table
from astropy.time import Time
from flask.testing import FlaskClient
from pyarrow import parquet
from sqlalchemy import Engine, text

from panoptes_network.frames.bayer import stamp_corner
from tests.service.support.star_fields import (
    DIP_FRAMES,
    SATURATED_STAR,
    WCS,
    StarField,
    add_catalog_star,
    add_stars,
    mosaic,
)
from tests.service.support.web_services import (
    START,
    add_observation,
    create_app,
    get,
    problem,
    rows,
)

FRAMES = 12
EXTRACTED: dict[str, Any] = {"state": "sources_extracted", "exptime_s": 120.4}
STAR = "/sources/1000"
FIELD = StarField(dip=0.2)


@pytest.fixture
def client(db: Engine) -> FlaskClient:
    return create_app("observations-data").test_client()


@pytest.fixture
def image_ids(db: Engine) -> list[str]:
    """A sequence of frames with stars in them; the first star dips."""
    return add_sequence(db, FIELD)


def add_sequence(db: Engine, stars: StarField, frames: int = FRAMES, **columns: Any) -> list[str]:
    with rows(db) as session:
        sequence_id = add_observation(session, images=[EXTRACTED] * frames, **columns)
        return add_stars(session, sequence_id, stars)


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


def test_the_light_curve_goes_on_where_a_star_was_not_detected(
    client: FlaskClient, db: Engine, image_ids: list[str]
) -> None:
    """And no star is compared with it there, nor called crowded by it."""
    before = get(client, f"/sources/{FIELD.first_picid + 1}/lightcurve")
    picid = hide(db, image_ids)
    own = get(client, f"/sources/{picid}/lightcurve")
    assert own["total"] == FRAMES
    after = get(client, f"/sources/{FIELD.first_picid + 1}/lightcurve")
    assert picid in before["comparison"]
    assert picid not in after["comparison"]
    assert set(before["comparison"]) - {picid} <= set(after["comparison"])


def hide(db: Engine, image_ids: list[str]) -> str:
    """Make star 2 one that was not detected in some images."""
    picid = FIELD.first_picid + 2
    with db.begin() as connection:
        connection.execute(
            text(
                "UPDATE sources SET is_detected = false, fwhm_px = NULL, ellipticity = NULL,"
                " separation_arcsec = NULL, neighbour_flux = 1.5 WHERE picid = :picid"
                " AND image_key IN (SELECT image_key FROM images WHERE image_id = ANY(:images))"
            ),
            {"picid": picid, "images": image_ids},
        )
    return str(picid)


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


def open_fits(client: FlaskClient, path: str, **parameters: str) -> fits.HDUList:
    answer = client.get(path, query_string={"format": "fits", **parameters})
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "application/fits"
    assert ".fits" in answer.headers["Content-Disposition"]
    hdus = fits.open(io.BytesIO(answer.data))
    hdus.verify("exception")
    return hdus


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


def test_a_dip_in_the_light_curve(client: FlaskClient, image_ids: list[str]) -> None:
    found = get(client, f"{STAR}/lightcurve")
    assert [item["image_id"] for item in found["items"]] == image_ids
    assert found["total"] == FRAMES
    assert "Raw photometry" in found["method"]
    assert found["aperture"]["radius_px"] == 3
    [sequence] = found["sequences"]
    used = [star["picid"] for star in sequence["comparison"]]
    assert used == found["comparison"]
    assert len(used) == 30
    assert not {"1000", str(1000 + SATURATED_STAR)} & set(used)
    for colour in "rgb":
        relative = np.array([item[f"relative_{colour}"] for item in found["items"]])
        error = np.array([item[f"relative_err_{colour}"] for item in found["items"]])
        depth = 1 - np.median(relative[DIP_FRAMES]) / np.median(np.delete(relative, DIP_FRAMES))
        # The field's stars have sigma 1.5 px, wide enough that the Bayer pattern tells little.
        assert depth == pytest.approx(FIELD.dip, abs=4 * np.median(error) / np.sqrt(3) + 0.01)
        assert np.median(relative) == pytest.approx(1)
        flux = np.array([item[f"flux_{colour}"] for item in found["items"]])
        true_flux = np.array([FIELD.fluxes(frame)[0] for frame in range(FRAMES)])
        # Of such a star's light, 0.865 lies within 3 px = 2 sigma (1 - exp(-2)); what the
        # border's median takes of it is some 0.03.
        fraction = flux * {"r": 4, "g": 2, "b": 4}[colour] / true_flux
        assert np.median(fraction) == pytest.approx(0.835, abs=0.04)
    assert {item["n_comparison"] for item in found["items"]} == {30}
    assert {item["flags"] for item in found["items"]} == {0}


def test_times_are_the_middle_of_exposures(client: FlaskClient, image_ids: list[str]) -> None:
    item = get(client, f"{STAR}/lightcurve")["items"][3]
    start = Time(datetime.fromisoformat(item["time"]), scale="utc")
    # To the millisecond that the answer is given to.
    assert item["mjd"] == pytest.approx(start.mjd + 60.2 / 86400, abs=1.2e-8)


def test_a_saturated_star_is_flagged(client: FlaskClient, image_ids: list[str]) -> None:
    found = get(client, f"/sources/{1000 + SATURATED_STAR}/lightcurve")
    assert {item["flags"] for item in found["items"]} == {4}


def test_frames_that_a_star_is_not_in(
    client: FlaskClient, db: Engine, image_ids: list[str]
) -> None:
    with db.begin() as connection:
        # The star itself lacks a frame; ten stars lack three of twelve, a quarter.
        connection.execute(
            text(
                "DELETE FROM sources USING images WHERE sources.image_key = images.image_key"
                " AND (image_id = :first AND picid = 1000"
                "      OR image_id = ANY(:later) AND picid BETWEEN 1010 AND 1019)"
            ),
            {"first": image_ids[0], "later": image_ids[3:6]},
        )
    found = get(client, f"{STAR}/lightcurve")
    assert [item["image_id"] for item in found["items"]] == image_ids[1:]
    used = set(found["comparison"])
    assert used
    assert not used & set(range(1010, 1020))


def test_too_few_stars_to_compare_with(client: FlaskClient, db: Engine) -> None:
    add_sequence(db, StarField(number=4), frames=3)
    found = get(client, f"{STAR}/lightcurve")
    assert found["comparison"] == []
    assert found["sequences"][0]["scatter"] == {"r": None, "g": None, "b": None}
    for item in found["items"]:
        assert (item["n_comparison"], item["relative_g"], item["relative_err_g"]) == (0, None, None)
        assert item["flux_g"] > 1000


def test_each_sequence_is_measured_for_itself(
    client: FlaskClient, db: Engine, image_ids: list[str]
) -> None:
    fainter = StarField(number=30)
    add_sequence(db, fainter, start=START + timedelta(days=30), frames=5)
    found = get(client, f"{STAR}/lightcurve")
    assert [said["n_frames"] for said in found["sequences"]] == [FRAMES, 5]
    times = [item["time"] for item in found["items"]]
    assert times == sorted(times)
    assert len(times) == FRAMES + 5
    for said in found["sequences"]:
        own = [
            item["relative_g"]
            for item in found["items"]
            if item["sequence_id"] == said["sequence_id"]
        ]
        assert np.median(own) == pytest.approx(1)
    newest = get(client, f"{STAR}/lightcurve", limit="7")
    assert [item["time"] for item in newest["items"]] == times[-7:]


def test_light_curve_as_tables(client: FlaskClient, image_ids: list[str]) -> None:
    items = get(client, f"{STAR}/lightcurve")["items"]
    lines = client.get(f"{STAR}/lightcurve?format=csv").text.splitlines()
    assert lines[0].startswith("image_id,sequence_id,time,mjd,exptime_s,flux_r")
    assert len(lines) == 1 + FRAMES
    document = client.get(f"{STAR}/lightcurve?format=votable").data
    table = parse_single_table(io.BytesIO(document)).to_table()
    assert table["flux_g"].tolist() == [item["flux_g"] for item in items]
    assert str(table["flux_g"].unit) == "adu"
    with open_fits(client, f"{STAR}/lightcurve") as hdus:
        curve = hdus[1]
        assert curve.data["relative_b"].tolist() == [item["relative_b"] for item in items]
        assert curve.data["n_comparison"].tolist() == [30] * FRAMES
        assert curve.columns["flux_err_r"].unit == "adu"
        assert "Raw photometry" in "".join(hdus[0].header["COMMENT"])


def test_the_tables_of_a_light_curve_say_how_it_was_measured(
    client: FlaskClient, image_ids: list[str]
) -> None:
    method = get(client, f"{STAR}/lightcurve")["method"]
    document = parse(io.BytesIO(client.get(f"{STAR}/lightcurve?format=votable").data))
    [resource] = document.resources
    assert {info.name: info.value for info in resource.infos} == {"method": method}
    origins = {system.ID: system.timeorigin for system in resource.time_systems}
    assert origins[document.get_field_by_id("mjd").ref] == "MJD-origin"
    written = io.BytesIO(client.get(f"{STAR}/lightcurve?format=parquet").data)
    assert parquet.read_schema(written).metadata[b"method"].decode() == method


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
