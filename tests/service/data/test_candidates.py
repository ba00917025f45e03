"""Candidates of observations-data, over a real database."""

import io
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from flask.testing import FlaskClient
from pyarrow import parquet
from sqlalchemy import Engine

from panoptes_network.database.light_curve_models import LightCurveSet
from tests.service.support.light_curve_rows import transit
from tests.service.support.web_services import (
    START,
    add_observation,
    create_app,
    get,
    problem,
    rows,
)

SINGLE = "PAN001_14d3bd_20181011T134202"


@pytest.fixture
def client(db: Engine) -> FlaskClient:
    return create_app("observations-data").test_client()


@pytest.fixture
def candidates(db: Engine) -> None:
    """Of two units: transits of three stars, one of all nights, and a variable."""
    with rows(db) as session:
        ids = [
            add_observation(session),
            add_observation(session, unit_id="PAN002", camera_id="ee04d1", start=START),
        ]
        session.add_all(LightCurveSet(sequence_id=sequence_id) for sequence_id in ids)
        session.flush()
        session.add_all(
            [
                transit(ids[0], 1000),
                transit(ids[1], 1001, significance=9.0, gaia_mag=10.5, depth=0.02, ra_deg=90.0),
                transit(
                    *(None, 1002),
                    significance=15.0,
                    false_alarm_probability=0.0001,
                    gaia_mag=None,
                    period_d=3.5,
                    n_nights=4,
                    found_at=datetime(2018, 10, 13, tzinfo=UTC),
                ),
                transit(
                    *(ids[0], 5_853_498_713_190_525_696),
                    catalog="gaia",
                    kind="variable",
                    significance=30.0,
                    depth=None,
                    duration_h=None,
                    mid_bjd_tdb=None,
                    amplitude=0.3,
                    known_name="RR Lyr",
                    known_kind="variable",
                ),
            ]
        )


def picids(client: FlaskClient, **parameters: str) -> list[str]:
    return [item["picid"] for item in get(client, "/candidates", **parameters)["items"]]


VARIABLE = "5853498713190525696"


def test_the_most_significant_comes_first(client: FlaskClient, candidates: None) -> None:
    found = get(client, "/candidates")
    assert [item["picid"] for item in found["items"]] == [VARIABLE, "1002", "1000", "1001"]
    assert (found["total"], found["next"], found["sort"]) == (4, None, "significance")
    transit_row = found["items"][2]
    assert transit_row["kind"] == "transit"
    assert (transit_row["depth"], transit_row["duration_h"]) == (0.01, 2.5)
    assert transit_row["vetting"] == {"colours_agree": 3, "odd_even_sigma": None}
    assert transit_row["star_url"] == "/sources/1000?catalog=tic"
    assert found["items"][0]["known_name"] == "RR Lyr"


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({"kind": "variable"}, [VARIABLE]),
        ({"kind": "transit"}, ["1002", "1000", "1001"]),
        ({"min_significance": "12"}, [VARIABLE, "1002", "1000"]),
        ({"max_false_alarm": "0.001"}, ["1002"]),
        ({"min_mag": "10"}, ["1001"]),
        ({"max_mag": "10", "kind": "transit"}, ["1000"]),
        ({"sequence_id": SINGLE.lower()}, [VARIABLE, "1000"]),
        ({"unit": "pan002"}, ["1001"]),
        ({"known": "true"}, [VARIABLE]),
        ({"known": "false", "unit": "PAN001"}, ["1000"]),
        ({"ra": "90", "dec": "-5.4", "radius": "1"}, ["1001"]),
        ({"unit": "PAN009"}, []),
    ],
)
def test_filters(
    client: FlaskClient, candidates: None, filters: dict[str, str], wanted: list[str]
) -> None:
    assert picids(client, **filters) == wanted


@pytest.mark.parametrize(
    ("sort", "order", "wanted"),
    [
        ("false_alarm", "", ["1002", "1000", "1001", VARIABLE]),
        ("depth", "", ["1001", "1002", "1000", VARIABLE]),
        ("mag", "", ["1000", VARIABLE, "1001", "1002"]),
        ("mag", "desc", ["1001", VARIABLE, "1000", "1002"]),
        ("found", "asc", ["1002", "1000", "1001", VARIABLE]),
    ],
)
def test_orders_hold_from_page_to_page(
    client: FlaskClient, candidates: None, sort: str, order: str, wanted: list[str]
) -> None:
    found: list[str] = []
    cursor: Any = ""
    while cursor is not None:
        page = get(client, "/candidates", sort=sort, order=order, limit="1", cursor=cursor)
        found += [item["picid"] for item in page["items"]]
        assert page["total"] == 4
        cursor = page["next"]
    assert found == wanted


def test_one_candidate(client: FlaskClient, candidates: None) -> None:
    first = get(client, "/candidates")["items"][0]
    assert get(client, first["url"]) == first
    for missing in ("999999", "1" * 25, "x"):
        assert "candidate" in problem(client, f"/candidates/{missing}", 404)["detail"]


def test_tables_have_whole_ids(client: FlaskClient, candidates: None) -> None:
    csv = client.get("/candidates", query_string={"format": "csv"})
    assert pd.read_csv(io.StringIO(csv.text), dtype={"picid": "Int64"})["picid"].max() == int(
        VARIABLE
    )
    raw = client.get("/candidates", query_string={"format": "parquet"}).data
    table = parquet.read_table(io.BytesIO(raw))
    assert max(table["picid"].to_pylist()) == int(VARIABLE)
    assert client.get("/candidates", query_string={"format": "votable"}).status_code == 200


def test_none_are_an_empty_list(client: FlaskClient, db: Engine) -> None:
    found = get(client, "/candidates")
    assert (found["items"], found["total"], found["next"]) == ([], 0, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "planet"),
        ("min_significance", "-1"),
        ("max_false_alarm", "2"),
        ("known", "yes"),
        ("sort", "beauty"),
        ("cursor", "W10"),
        ("limit", "501"),
        ("radius", "200"),
    ],
)
def test_what_cannot_be_read_is_named(
    client: FlaskClient, db: Engine, name: str, value: str
) -> None:
    assert problem(client, "/candidates", 400, **{name: value})["parameter"] == name


def test_a_misspelt_filter_gets_a_hint(client: FlaskClient, db: Engine) -> None:
    assert "min_significance" in problem(client, "/candidates", 400, significance="5")["detail"]
