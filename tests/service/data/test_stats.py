"""What observations-data tells of the network as a whole."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, text

from panoptes_network.database.models import CatalogLoad, Unit
from tests.service.support.web_services import (
    START,
    add_observation,
    create_app,
    get,
    problem,
    rows,
)

SEEN: dict[str, Any] = {
    "state": "sources_extracted",
    "exptime_s": 120.0,
    "n_sources": 5000,
    "n_matched": 4000,
    "files": {"picture": 300, "thumbnail": 20, "cr2": 1000},
}
HIDDEN: dict[str, Any] = {"state": "unsolved", "exptime_s": 30.0}


@pytest.fixture
def client(db: Engine) -> FlaskClient:
    return create_app("observations-data").test_client()


def test_an_empty_network(client: FlaskClient) -> None:
    found = get(client, "/stats")
    assert found["totals"] == {
        "n_sequences": 0,
        "n_images": 0,
        "n_sources": 0,
        "n_matched": 0,
        "exposure_s": 0.0,
        "n_files": 0,
        "n_bytes": 0,
    }
    assert (found["states"], found["newest_image"], found["nights"]) == ({}, None, [])
    assert (found["files"], found["catalog"], found["units"]) == ([], [], [])


def test_totals_are_those_of_all_images_and_files(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, images=[SEEN, SEEN, HIDDEN])
        add_observation(session, unit_id="PAN002", camera_id="f5a6b7", images=[SEEN])
        for number in range(2):
            session.add(
                CatalogLoad(
                    load_id=str(number), catalog="tic", file_name="f", limits="", stars_done=7
                )
            )
    found = get(client, "/stats")
    assert found["totals"] == {
        "n_sequences": 2,
        "n_images": 4,
        "n_sources": 15000,
        "n_matched": 12000,
        "exposure_s": 390.0,
        "n_files": 9,
        "n_bytes": 3960,
    }
    assert found["states"] == {"sources_extracted": 3, "unsolved": 1}
    assert found["files"][1] == {"kind": "picture", "n_files": 3, "n_bytes": 900}
    assert found["catalog"] == [{"catalog": "tic", "n_stars": 14}]
    assert [(unit["unit_id"], unit["n_images"]) for unit in found["units"]] == [
        ("PAN001", 3),
        ("PAN002", 1),
    ]
    assert found["newest_image"]["image_id"] == "PAN001_14d3bd_20181011T134753"


def test_nights_are_those_of_each_units_own_place(client: FlaskClient, db: Engine) -> None:
    evening, morning = datetime(2018, 10, 11, 5, tzinfo=UTC), datetime(2018, 10, 11, 23, tzinfo=UTC)
    with rows(db) as session:
        # Mauna Loa's night of the 10th begins at 22:22 UTC; without a place, it is noon UTC.
        for unit_id, camera_id in (("PAN001", "14d3bd"), ("PAN002", "f5a6b7")):
            for start in (evening, morning):
                add_observation(
                    session, unit_id=unit_id, camera_id=camera_id, start=start, images=[SEEN]
                )
        unit = session.scalars(select(Unit).where(Unit.unit_id == "PAN001")).one()
        unit.longitude_deg = -155.58
    nights = get(client, "/stats")["nights"]
    assert [(night["night"], night["unit_id"], night["exposure_s"]) for night in nights] == [
        ("2018-10-11", "PAN001", 120.0),
        ("2018-10-11", "PAN002", 120.0),
        ("2018-10-10", "PAN001", 120.0),
        ("2018-10-10", "PAN002", 120.0),
    ]
    listed = get(client, "/units/PAN001/nights")["items"]
    assert [night["date"] for night in listed] == ["2018-10-11", "2018-10-10"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ["2018-10-11", "2018-08-01"]),
        ({"after": "2018-10-11"}, ["2018-10-11"]),
        ({"before": "2018-10-10"}, ["2018-08-01"]),
        ({"before": "2018-01-01"}, ["2018-01-01"]),
        ({"after": "2017-12-31", "before": "2018-08-01"}, ["2018-08-01", "2018-01-01"]),
        ({"after": "2019-01-01"}, []),
        ({"before": "1900-01-01"}, []),
        ({"after": "9000-12-31"}, []),
    ],
)
def test_which_nights(
    client: FlaskClient, db: Engine, asked: dict[str, str], expected: list[str]
) -> None:
    with rows(db) as session:
        for day in (
            START,
            datetime(2018, 8, 1, 13, tzinfo=UTC),
            datetime(2018, 1, 1, 13, tzinfo=UTC),
        ):
            add_observation(session, start=day, images=[SEEN])
    assert [night["night"] for night in get(client, "/stats", **asked)["nights"]] == expected


@pytest.mark.parametrize(
    ("parameter", "asked"),
    [
        ("after", {"after": "yesterday"}),
        ("before", {"before": "2018-02-30"}),
        ("after", {"after": "2016-01-01", "before": "2018-01-01"}),
        ("before", {"before": "'; DROP TABLE images; --"}),
    ],
)
def test_bad_nights(client: FlaskClient, parameter: str, asked: dict[str, str]) -> None:
    assert problem(client, "/stats", 400, **asked)["parameter"] == parameter


def test_the_nights_are_a_table(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, images=[SEEN])
    lines = client.get("/stats", query_string={"format": "csv"}).text.splitlines()
    assert lines[0].split(",")[:2] == ["night", "unit_id"]
    assert lines[1].startswith("2018-10-11,PAN001,1,1,5000,4000,120")


def test_nothing_is_counted_but_figures(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, images=[SEEN, SEEN])
    before = get(client, "/stats")["totals"]
    with db.begin() as connection:  # behind the triggers' back
        for table in ("images", "image_files"):
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        connection.execute(text("DELETE FROM image_files"))
        connection.execute(text("UPDATE images SET n_sources = 1"))
        for table in ("images", "image_files"):
            connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))
    assert get(client, "/stats")["totals"] == before
    assert before["n_sources"] == 10000


def test_an_exposure_that_goes_on_into_a_new_night_counts_for_the_first(
    client: FlaskClient, db: Engine
) -> None:
    noon = datetime(2018, 10, 12, 12, tzinfo=UTC)
    with rows(db) as session:
        add_observation(session, start=noon - timedelta(seconds=100), images=[SEEN, SEEN])
    [night] = get(client, "/stats")["nights"]
    assert (night["night"], night["n_images"]) == ("2018-10-11", 2)
