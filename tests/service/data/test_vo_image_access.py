"""Simple Image Access, DataLink and the coverage map over a real database."""

import io
import math
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io.votable import parse
from astropy.time import Time
from flask.testing import FlaskClient
from mocpy import MOC
from sqlalchemy import Engine, select, update

from observations_data.virtual_observatory import coverage, newest
from panoptes_network.database.models import Image
from panoptes_network.database.operation_models import GoneObject
from panoptes_network.states import FileKind, ImageState
from tests.service.support.sky_rows import footprint, solved
from tests.service.support.web_services import START, add_observation, create_app, problem, rows

QUERY = "/vo/sia/query"


@pytest.fixture
def client(db: Engine) -> FlaskClient:
    coverage.cells.cache_clear()
    return create_app("observations-data").test_client()


@pytest.fixture
def sky(db: Engine) -> None:
    """Images of Orion, of 0h, of the pole, of the south, and an unsolved one."""
    with rows(db) as session:
        add_observation(session, images=[solved((83.8, -5.4), fwhm_px=3.0)])
        add_observation(
            session,
            unit_id="PAN002",
            camera_id="ee04d1",
            start=START + timedelta(days=1),
            field="M31's <edge>",
            images=[solved((0.5, 20.0), 30, exptime_s=30.0)],
        )
        add_observation(
            session,
            camera_id="f5a6b7",
            start=START + timedelta(days=2),
            field=None,
            images=[
                solved((10.0, 88.0), exptime_s=math.nan, fwhm_px=None),
                solved((200.0, -70.0), exptime_s=None, headers={"NAXIS1": "many"}),
                {"state": ImageState.UNSOLVED, "footprint_deg": [math.inf, 1.0]},
            ],
        )


def found(client: FlaskClient, parameters: Any = (), *, level: int | None = 2) -> list[str]:
    """Return the places of the frames that are found, newest first."""
    pairs = list(parameters.items() if isinstance(parameters, dict) else parameters)
    pairs += [("CALIB", str(level))] if level else []
    answer = client.get(QUERY, query_string=pairs)
    assert answer.status_code == 200, answer.text
    table = parse(io.BytesIO(answer.data)).get_first_table()
    names = {83.8: "orion", 0.5: "zero", 10.0: "pole", 200.0: "south"}
    return [names.get(ra, "nowhere") for ra in table.array["s_ra"].filled(math.nan).tolist()]


@pytest.mark.usefixtures("sky")
@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, ["south", "pole", "zero", "orion"]),
        ({"POS": "CIRCLE 83.8 -5.4 0"}, ["orion"]),
        ({"POS": "circle 359 20 0.1"}, ["zero"]),
        ({"POS": "CIRCLE 200 89.99 1"}, ["pole"]),
        ({"POS": "CIRCLE 20 -90 16"}, ["south"]),
        ({"POS": "CIRCLE 20 -90 13"}, []),
        ({"POS": "CIRCLE 0 0 180"}, ["south", "pole", "zero", "orion"]),
        ({"POS": "RANGE 350 4 15 25"}, ["zero"]),
        ({"POS": "RANGE 0 360 -10 89.9"}, ["pole", "zero", "orion"]),
        ({"POS": "RANGE -Inf +Inf 88 +Inf"}, ["pole"]),
        ({"POS": "POLYGON 80 -8 88 -8 84 0"}, ["orion"]),
        ({"POS": "POLYGON 350 21 10 21 0 25"}, ["zero"]),
        ([("POS", "CIRCLE 83.8 -5.4 1"), ("pos", "CIRCLE 0 20 1")], ["zero", "orion"]),
        ({"BAND": "500e-9"}, ["south", "pole", "zero", "orion"]),
        ([("BAND", "1e-3 +Inf"), ("BAND", "-Inf 4e-7")], ["south", "pole", "zero", "orion"]),
        ({"BAND": "0.21"}, []),
        ({"TIME": "58402 58402.9"}, ["orion"]),
        ({"TIME": "-Inf 58403.9"}, ["zero", "orion"]),
        # Within the exposure that began at 13:43:33 for 30 s, and just behind its end.
        ({"TIME": str(Time("2018-10-12T13:44:02").mjd)}, ["zero"]),
        ({"TIME": str(Time("2018-10-12T13:44:04").mjd)}, []),
        ({"TIME": "-Inf Inf"}, ["zero", "orion"]),
        ({"POL": "I"}, []),
        ({"FOV": "17 19"}, ["south", "pole", "zero", "orion"]),
        ({"FOV": "-Inf 17"}, []),
        ({"SPATRES": "25 +Inf"}, ["orion"]),
        ({"SPATRES": "20 21"}, ["south", "zero"]),
        ({"SPECRP": "1 2"}, ["south", "pole", "zero", "orion"]),
        ({"SPECRP": "100"}, []),
        ({"EXPTIME": "60 +Inf"}, ["orion"]),
        ([("TIMERES", "30"), ("TIMERES", "120")], ["zero", "orion"]),
        ({"ID": "IVO://panoptes/Solved?pan001_14D3BD_20181011t134333"}, ["orion"]),
        ({"ID": "ivo://panoptes/raw?PAN001_14d3bd_20181011T134333"}, []),
        ({"ID": "ivo://else/x"}, []),
        ({"COLLECTION": "PANOPTES"}, ["south", "pole", "zero", "orion"]),
        ({"COLLECTION": "panoptes"}, []),
        ({"FACILITY": "PAN002"}, ["zero"]),
        ({"INSTRUMENT": "14d3bd"}, ["orion"]),
        ({"DPTYPE": "cube"}, []),
        ({"TARGET": "M31's <edge>"}, ["zero"]),
        ({"TARGET": "' OR 1=1 --"}, []),
        ({"FORMAT": "application/fits"}, ["south", "pole", "zero", "orion"]),
        ({"FORMAT": "text/html"}, []),
        ({"FACILITY": "PAN001", "EXPTIME": "120", "POS": "CIRCLE 84 -5 1"}, ["orion"]),
        ({"UNHEARD": "of"}, ["south", "pole", "zero", "orion"]),
    ],
)
def test_parameters(client: FlaskClient, parameters: Any, expected: list[str]) -> None:
    assert found(client, parameters) == expected


@pytest.mark.usefixtures("sky")
def test_each_frame_has_a_raw_row_too(client: FlaskClient) -> None:
    assert found(client, level=1) == ["nowhere", "south", "pole", "zero", "orion"]
    both = found(client, [("CALIB", "1"), ("CALIB", "2"), ("POS", "CIRCLE 0 0 90")], level=None)
    assert both == ["pole", "pole", "zero", "zero", "orion", "orion"]
    assert found(client, {"CALIB": "3"}, level=None) == []
    form = client.post(QUERY, data={"POS": "CIRCLE 83.8 -5.4 1", "CALIB": "2"})
    assert form.text.count("<TR>") == 1


@pytest.mark.usefixtures("sky")
def test_a_raw_frame_that_was_deleted_is_not_found(client: FlaskClient, db: Engine) -> None:
    before = found(client, level=1)
    with rows(db) as session:
        image = session.scalars(select(Image).order_by(Image.time.desc()).limit(1)).one()
        session.add(GoneObject(bucket=image.bucket, path=image.bucket_path))
    assert found(client, level=1) == before[1:]
    assert found(client) == found(client, level=2)


@pytest.mark.usefixtures("sky")
def test_a_row_is_what_obscore_says(client: FlaskClient) -> None:
    answer = client.get(QUERY, query_string={"TARGET": "M42", "CALIB": "2"})
    document = parse(io.BytesIO(answer.data))
    [row] = document.get_first_table().array
    assert row["obs_publisher_did"] == "ivo://panoptes/solved?PAN001_14d3bd_20181011T134333"
    assert row["access_url"].startswith("http://localhost/files/processed/PAN001/M42/")
    start = Time("2018-10-11T13:43:33")
    # A microsecond, of doubles that count days since 1858.
    assert row["t_min"] == pytest.approx(start.mjd, abs=2e-11)
    assert (row["t_max"] - row["t_min"]) * 86400 == pytest.approx(120, abs=1e-5)
    assert (row["s_xel1"], row["s_xel2"], row["t_exptime"]) == (5208, 3476, 120)
    shape, frame, *numbers = row["s_region"].split()
    assert (shape, frame) == ("POLYGON", "ICRS")
    assert [float(number) for number in numbers] == footprint((83.8, -5.4))
    corners = SkyCoord(np.array(numbers, dtype=float).reshape(4, 2), unit="deg")
    assert row["s_fov"] == pytest.approx(corners[0].separation(corners[2]).deg, rel=1e-9)
    [service] = [one for one in document.resources if one.utype == "adhoc:service"]
    assert service.groups[0].entries[0].ref == "obs_publisher_did"


@pytest.mark.usefixtures("sky")
def test_what_is_not_known_is_left_empty(client: FlaskClient) -> None:
    answer = client.get(QUERY, query_string={"POS": "CIRCLE 200 -70 1", "CALIB": "2"})
    [row] = parse(io.BytesIO(answer.data)).get_first_table().array
    unknown = ("t_max", "t_exptime", "s_xel1", "s_xel2", "access_estsize")
    assert all(np.ma.is_masked(row[name]) for name in unknown)


@pytest.mark.usefixtures("sky")
def test_pieces_that_are_looked_at_make_one_answer(
    client: FlaskClient, db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newest, "CHUNKS", [1] * 5)
    with db.begin() as connection:  # equal times: the pieces must tell them apart
        connection.execute(update(Image).values(time=START))
    assert sorted(found(client, {"POS": "CIRCLE 0 0 180"})) == ["orion", "pole", "south", "zero"]
    assert len(found(client, {"POS": "CIRCLE 0 0 180", "MAXREC": "2"})) == 2


@pytest.mark.usefixtures("sky")
def test_a_search_that_looked_at_too_many_says_so(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newest, "CHUNKS", [1, 1])
    for shape, is_cut in (("CIRCLE 0 0 180", True), ("CIRCLE 83.8 -5.4 1", False)):
        answer = client.get(QUERY, query_string={"POS": shape})
        assert ("OVERFLOW" in answer.text) is is_cut


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"POS": "CIRCLE"}, "POS CIRCLE has"),
        ({"POS": "SQUARE 1 2 3"}, "POS must be"),
        ({"POS": "CIRCLE nan 0 1"}, "must have only numbers"),
        ({"POS": "CIRCLE 361 0 1"}, "right ascension"),
        ({"POS": "CIRCLE 0 -91 1"}, "declination"),
        ({"POS": "CIRCLE 0 0 -1"}, "radius"),
        ({"POS": "CIRCLE 0 Inf 1"}, "declination"),
        ({"POS": "RANGE 0 1 5 4"}, "lower declination"),
        ({"POS": "RANGE 0 400 4 5"}, "end of a range"),
        ({"POS": "POLYGON 1 1 2 2"}, "POLYGON has 3"),
        ({"POS": "POLYGON 0 0 90 0 180 0 270 0"}, "half of the sky"),
        ({"POS": "POLYGON " + "1 " * 202}, "POLYGON has 3"),
        ({"BAND": "5 4"}, "BAND must have its lower bound first"),
        ({"TIME": "yesterday"}, "TIME must have only numbers"),
        ({"TIME": "1 2 3"}, "TIME must have 1 or 2 numbers"),
        ({"FOV": "1/2"}, "FOV"),
        ({"CALIB": "two"}, "CALIB"),
        ({"MAXREC": "many"}, "MAXREC"),
        ({"RESPONSEFORMAT": "text/csv"}, "RESPONSEFORMAT"),
        ([("ID", "x")] * 101, "ID has too many"),
        ({"TARGET": "x" * 4001}, "TARGET has too many"),
        ({"X" * 500: "x" * 4001}, "XXX"),
    ],
)
def test_a_usage_fault_is_a_document(client: FlaskClient, parameters: Any, words: str) -> None:
    answer = client.get(QUERY, query_string=parameters)
    assert (answer.status_code, answer.mimetype) == (400, "application/x-votable+xml")
    [info] = parse(io.BytesIO(answer.data)).resources[0].infos
    assert (info.name, info.value) == ("QUERY_STATUS", "ERROR")
    assert info.content.startswith("UsageFault: ")
    assert words in info.content


def test_an_absent_database_is_a_passing_fault(client: FlaskClient, database_away: Any) -> None:
    database_away()
    for path in (QUERY, "/vo/scs/images?RA=1&DEC=1&SR=1", "/vo/datalink/links?ID=x"):
        answer = client.get(path)
        assert (answer.status_code, answer.mimetype) == (503, "application/x-votable+xml")
        assert "TransientFault: " in answer.text
        assert answer.headers["Retry-After"] == "10"
    availability = client.get("/vo/sia/availability")
    assert availability.status_code == 200
    assert "available>false<" in availability.text


def test_links_of_a_frame_say_what_each_file_is(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, images=[solved((1, 1), files={FileKind.PICTURE: 15843})])
    image_id = "PAN001_14d3bd_20181011T134333"
    asked = [("ID", f"ivo://panoptes/{kind}?{image_id}") for kind in ("solved", "raw")]
    answer = client.get("/vo/datalink/links", query_string=[*asked, ("ID", "nothing")])
    assert answer.headers["Content-Type"] == "application/x-votable+xml;content=datalink"
    links = parse(io.BytesIO(answer.data)).get_first_table().array
    said = [(row["ID"][15:20], row["semantics"], row["content_type"]) for row in links]
    assert said == [
        ("solve", "#progenitor", "application/fits"),
        ("solve", "#this", "application/fits"),
        ("solve", "#preview", "image/jpeg"),
        ("raw?P", "#this", "application/fits"),
        ("raw?P", "#derivation", "application/fits"),
        ("raw?P", "#preview", "image/jpeg"),
        ("", "#this", ""),
    ]
    assert links["content_length"][2] == 15843
    assert links["error_message"][6].startswith("NotFoundFault: ")
    assert links["access_url"][6] == ""


@pytest.mark.parametrize(
    "text",
    ["nothing", "ivo://panoptes/solved?", "ivo://panoptes/solved?x", "ivo://panoptes/raw?__",
     "ivo://panoptes/raw?PAN001_14d3bd_20181011T134333_2", "ivo://panoptes/film?a_b_c",
     "ivo://other/raw?PAN001_14d3bd_20181011T134333"],
)  # fmt: skip
def test_what_names_no_frame_is_not_found(client: FlaskClient, text: str) -> None:
    answer = client.get("/vo/datalink/links", query_string={"ID": text})
    [link] = parse(io.BytesIO(answer.data)).get_first_table().array
    assert link["error_message"].startswith("NotFoundFault: ")
    assert (link["access_url"], link["semantics"]) == ("", "#this")
    assert found(client, {"ID": text}) == []


def test_links_of_nothing_are_none(client: FlaskClient) -> None:
    answer = client.get("/vo/datalink/links")
    assert answer.status_code == 200
    assert len(parse(io.BytesIO(answer.data)).get_first_table().array) == 0


def test_of_too_many_frames_the_first_ones_have_all_their_links(
    client: FlaskClient, db: Engine
) -> None:
    with rows(db) as session:
        add_observation(session, images=[solved((1, 1), files={FileKind.PICTURE: 15843})])
    known = "ivo://panoptes/solved?PAN001_14d3bd_20181011T134333"
    asked = [known, known, *(f"ivo://panoptes/solved?{'x' * 50}{number}" for number in range(9998))]
    answer = client.post("/vo/datalink/links", data={"ID": asked})
    assert answer.status_code == 200, answer.text
    assert answer.text.count("OVERFLOW") == 1
    links = parse(io.BytesIO(answer.data)).get_first_table().array
    assert list(dict.fromkeys(links["ID"])) == asked[1:101]
    assert len(links) == 3 + 99


def covered(client: FlaskClient, **parameters: str) -> MOC:
    answer = client.get("/vo/moc", query_string={"format": "ascii", **parameters})
    assert answer.status_code == 200, answer.text
    return MOC.from_string(answer.text)


def test_the_map_is_that_of_all_footprints(client: FlaskClient, db: Engine) -> None:
    assert covered(client).empty()
    with rows(db) as session:
        add_observation(session, images=[solved((360.0, 89.0), 20)])
        bad = {"footprint_deg": [math.nan, *[1.0] * 7]}
        add_observation(session, camera_id="ee04d1", images=[{**solved((3, 3)), **bad}])
    corners = np.array(footprint((360.0, 89.0), 20)).reshape(4, 2)
    expected = MOC.from_polygon_skycoord(SkyCoord(corners, unit="deg"), max_depth=8)
    assert covered(client) == expected
    assert covered(client, order="5") == expected.degrade_to_order(5)


def test_the_map_follows_changes(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, images=[solved((10, 10))])
    first = covered(client)
    with rows(db) as session:
        add_observation(session, camera_id="ee04d1", images=[solved((15, 10))])
    both = covered(client)
    assert first.intersection(both) == first
    assert both.sky_fraction > first.sky_fraction
    with rows(db) as session:
        session.execute(
            update(Image)
            .where(Image.image_id.like("PAN001_14d3bd%"))
            .values(footprint_deg=footprint((200, -30)))
        )
    moved = covered(client)
    assert moved.contains_skycoords(SkyCoord([200, 15, 4], [-30, 10, 10], unit="deg")).tolist() == [
        True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"), [("order", "9"), ("order", "-1"), ("order", "x"), ("format", "png")]
)
def test_the_map_refuses_by_name(client: FlaskClient, name: str, value: str) -> None:
    assert problem(client, "/vo/moc", 400, **{name: value})["parameter"] == name
