"""Simple Cone Search over a real database, its answers held against astropy's distances."""

import io
import math
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io.votable import parse
from astropy.io.votable.tree import TableElement
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from panoptes_network.states import ImageState
from tests.service.support.sky_rows import Place, add_sources, solved
from tests.service.support.web_services import START, add_observation, create_app, rows

RNG = np.random.default_rng(20181011)
PLACES: list[Place] = [
    *((float(ra), float(dec)) for ra in (0, 0.01, 90, 359.99, 360) for dec in (-90, -89.95, 0, 90)),
    *((float(ra), float(dec)) for ra in RNG.uniform(0, 360, 12) for dec in (-89.9, -60, 45, 89.8)),
    *zip(
        RNG.uniform(0, 360, 300).tolist(),
        np.degrees(np.arcsin(RNG.uniform(-1, 1, 300))).tolist(),
        strict=True,
    ),
]
SKY = SkyCoord(PLACES, unit="deg")


@pytest.fixture
def client(db: Engine) -> FlaskClient:
    return create_app("observations-data").test_client()


def table(client: FlaskClient, path: str, **parameters: object) -> TableElement:
    answer = client.get(path, query_string=parameters)
    assert answer.status_code == 200, answer.text
    return parse(io.BytesIO(answer.data)).get_first_table()


def refusal(client: FlaskClient, parameters: Any) -> str:
    answer = client.get("/vo/scs/sources", query_string=parameters)
    assert (answer.status_code, answer.mimetype) == (200, "application/x-votable+xml")
    [info] = parse(io.BytesIO(answer.data)).infos
    assert (info.ID, info.name) == ("Error", "Error")
    return str(info.value)


@pytest.mark.parametrize(
    "centre", [(0, 90), (360, -90), (0, 0), (360, 0), (0.005, 0), (359.995, 0.001), (90, 89.9),
               (180, -89.93), (123.4, 45), (300, -59.99)],
)  # fmt: skip
def test_the_cone_holds_what_astropy_finds_in_it(
    client: FlaskClient, db: Engine, centre: Place
) -> None:
    with rows(db) as session:
        add_sources(session, PLACES)
    separations = SKY.separation(SkyCoord(*centre, unit="deg")).deg
    for radius_deg in (0.0213, 0.1517, 3.0171, 30.0123, 90.3217, 150.7717, 180):
        # Off the nearest distances by far more than they are rounded.
        assert np.abs(separations - radius_deg).min() > 1e-7 or radius_deg == 180
        found = table(client, "/vo/scs/sources", RA=centre[0], DEC=centre[1], SR=radius_deg, VERB=3)
        expected = np.flatnonzero(separations <= radius_deg)
        assert sorted(found.array["number"]) == expected.tolist()


def test_sources_come_with_the_ucds_of_the_standard(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        image_id = add_sources(session, [(10.5, -20.25)])
    found = table(client, "/vo/scs/sources", ra=10.5, dec=-20.25, sr=0.1, verb=1)
    main = {field.ucd: (field.name, field.datatype) for field in found.fields}
    assert main == {
        "ID_MAIN": ("source_id", "char"),
        "POS_EQ_RA_MAIN": ("ra_deg", "double"),
        "POS_EQ_DEC_MAIN": ("dec_deg", "double"),
    }
    assert tuple(found.array[0]) == (f"{image_id}/0", 10.5, -20.25)
    verbosities = [
        len(table(client, "/vo/scs/sources", RA=0, DEC=0, SR=0, VERB=verb).fields)
        for verb in (1, 2, 3)
    ]
    assert verbosities == sorted(set(verbosities))


@pytest.mark.parametrize("asked", [{"SR": "0"}, {"SR": "1", "MAXREC": "0"}])
def test_no_rows_are_asked_for(client: FlaskClient, db: Engine, asked: dict[str, str]) -> None:
    with rows(db) as session:
        add_sources(session, [(10, 10)])
    answer = client.get("/vo/scs/sources", query_string={"RA": "10", "DEC": "10", **asked})
    assert b"OVERFLOW" not in answer.data
    assert len(parse(io.BytesIO(answer.data)).get_first_table().array) == 0


def test_more_than_are_wanted_are_left_out_and_said(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_sources(session, [(10, 10 + number / 1e4) for number in range(5)])
    for maxrec, overflows in ((4, 1), (5, 0), (10**17, 0)):
        query = {"RA": 10, "DEC": 10, "SR": 1, "MAXREC": maxrec}
        answer = client.get("/vo/scs/sources", query_string=query)
        assert len(parse(io.BytesIO(answer.data)).get_first_table().array) == min(maxrec, 5)
        assert answer.text.count("OVERFLOW") == overflows


def test_images_are_found_by_their_centres_newest_first(client: FlaskClient, db: Engine) -> None:
    nowhere = {"ra_deg": math.nan, "dec_deg": math.nan, "state": ImageState.UNSOLVED}
    with rows(db) as session:
        images = [solved((0.2, 10)), solved((359.9, 10)), solved((5, 10)), nowhere, {}]
        add_observation(session, images=images, field="M33 <b>")
    found = table(client, "/vo/scs/images", RA=0, DEC=10, SR=1, VERB=3)
    assert found.array["ra_deg"].tolist() == [359.9, 0.2]
    assert found.array["field"].tolist() == ["M33 <b>"] * 2
    assert found.array["obs_publisher_did"][0].startswith("ivo://panoptes/solved?PAN001_14d3bd_")
    assert len(table(client, "/vo/scs/images", RA=0, DEC=0, SR=180).array) == 3


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, "SR is missing"),
        ({"RA": "1", "DEC": "1"}, "SR is missing"),
        ({"RA": "nan", "DEC": "1", "SR": "1"}, "RA must have only numbers"),
        ({"RA": "Inf", "DEC": "1", "SR": "1"}, "RA must be from 0 to 360"),
        ({"RA": "1", "DEC": "90.0001", "SR": "1"}, "DEC must be from -90 to 90"),
        ({"RA": "1", "DEC": "1", "SR": "-1"}, "SR must be from 0 to 180"),
        ({"RA": "1", "DEC": "1", "SR": "1e9"}, "SR must be from 0 to 180"),
        ({"RA": "1 2", "DEC": "1", "SR": "1"}, "RA must have 1 numbers"),
        ({"RA": "1_0", "DEC": "1", "SR": "1"}, "RA must have only numbers"),
        ({"RA": "\u0661", "DEC": "1", "SR": "1"}, "RA must have only numbers"),
        ({"RA": "' OR 1=1 --", "DEC": "1", "SR": "1"}, "RA"),
        ({"RA": "1", "DEC": "1", "SR": "1", "VERB": "4"}, "VERB"),
        ({"RA": "1", "DEC": "1", "SR": "1", "MAXREC": "-1"}, "MAXREC"),
        ({"RA": "1", "DEC": "1", "SR": "1", "RESPONSEFORMAT": "\x01<x>"}, "RESPONSEFORMAT"),
        (
            [("RA", "1"), ("ra", "2"), ("DEC", "1"), ("SR", "1")],
            "RA must be given once, not 2 times",
        ),
        ([("RA", "1")] * 101, "RA has too many values"),
        ({"RA": "1" * 5000, "DEC": "1", "SR": "1"}, "RA has too many values"),
    ],
)
def test_what_is_wrong_is_said(client: FlaskClient, parameters: Any, words: str) -> None:
    assert words in refusal(client, parameters)


def test_every_month_of_sources_has_the_index(db: Engine) -> None:
    with db.begin() as connection:
        connection.execute(text("SELECT ensure_sources_partition(:at)"), {"at": START})
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = connection.scalars(
            text(
                "EXPLAIN SELECT FROM sources WHERE floor(dec_deg * 10) = ANY ('{1,2}'::float8[])"
                " AND ra_deg BETWEEN 1 AND 2"
            )
        ).all()
    assert any("sources_201810_floor_ra_deg_idx" in line for line in plan), plan
