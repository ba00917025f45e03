"""What observations are found by, and how many of each kind there are."""

from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, text

from panoptes_network.database.models import Sequence
from tests.service.support.web_services import (
    START,
    add_observation,
    create_app,
    get,
    problem,
    rows,
)

PARAMETERS = (
    *("unit", "camera", "field", "after", "before", "min_exptime", "max_exptime", "min_images"),
    *("max_images", "state", "tag", "ra", "dec", "radius", "name", "sort", "order", "facets"),
    *("limit", "cursor"),
)
HOSTILE = (
    "' OR 1=1 --",
    "'; DROP TABLE sequences; --",
    "1) UNION SELECT headers FROM images --",
    "\\",
    "%",
    "\0",
    "a\0b",
    "\ud800",
    "\u202e",
    "<img src=x onerror=alert(1)>",
    "nan",
    "-inf",
    "1e999",
    "-1",
    "9" * 400,
    "-" + "9" * 400,
    "1e-400",
    "٣",
    "0x10",
    "[]",
    "null",
    "a" * 3000,
)


@pytest.fixture
def client(db: Engine) -> FlaskClient:
    return create_app("observations-data").test_client()


@pytest.fixture
def network(db: Engine) -> None:
    """Three observations: a to c, each a year later, with other figures."""
    solved = {"state": "sources_extracted", "ra_deg": 83.8, "dec_deg": -5.4}
    failed = {"state": "error"}
    with rows(db) as session:
        first = add_observation(session, field="a M42", images=[solved])
        second = add_observation(
            session,
            unit_id="PAN002",
            camera_id="f5a6b7",
            start=datetime(2019, 12, 31, 23, 59, 59, tzinfo=UTC),
            field="b m42",
            images=[solved, failed, failed],
        )
        add_observation(
            session,
            unit_id="PAN002",
            camera_id="ee04d1",
            start=datetime(2020, 1, 1, tzinfo=UTC),
            field="c Wasp 33",
        )
        for sequence_id, exptime_s, tags in ((first, 30.0, ["x"]), (second, None, ["x", "y"])):
            row = session.scalars(select(Sequence).where(Sequence.sequence_id == sequence_id)).one()
            row.exptime_s, row.tags = exptime_s, tags


def found(client: FlaskClient, **parameters: str) -> str:
    """Return the first letters of the fields that are found, oldest first."""
    page = get(client, "/observations", sort="time", order="asc", **parameters)
    assert page["total"] == len(page["items"])
    return "".join(str(item["field"])[0] for item in page["items"])


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"unit": "pan002"}, "bc"),
        ({"camera": "F5A6B7"}, "b"),
        ({"camera": "f5a6b"}, ""),
        ({"field": "m42"}, "ab"),
        ({"after": "2019-12-31"}, "bc"),
        ({"after": "2020-01-01"}, "c"),
        ({"after": "2019-12-31T23:59:59.9999999999Z"}, "c"),
        ({"before": "2019-12-31T23:59:59.123456789+00:00"}, "ab"),
        ({"before": "2019-12-31"}, "ab"),
        ({"before": "2019-12-30"}, "a"),
        ({"after": "2019-12-31", "before": "2019-12-31"}, "b"),
        ({"after": "2020-01-01", "before": "2019-12-31"}, ""),
        ({"min_exptime": "30"}, "ac"),
        ({"max_exptime": "30.0"}, "a"),
        ({"min_exptime": "30.1", "max_exptime": "120"}, "c"),
        ({"min_images": "1"}, "ab"),
        ({"max_images": "1"}, "ac"),
        ({"min_images": "2", "max_images": "3"}, "b"),
        ({"min_images": "0"}, "abc"),
        ({"state": "error"}, "b"),
        ({"state": "sources_extracted"}, "ab"),
        ({"state": "solving"}, ""),
        ({"tag": "X"}, "ab"),
        ({"tag": " y "}, "b"),
        ({"tag": "z"}, ""),
        ({"tag": "x,y"}, ""),
        ({"ra": "83.8", "dec": "-5.4"}, "ab"),
        ({"unit": "PAN002", "tag": "x", "state": "error", "ra": "83", "dec": "-5"}, "b"),
        (dict.fromkeys(PARAMETERS, "") | {"sort": "time", "order": "asc"}, "abc"),
    ],
)
@pytest.mark.usefixtures("network")
def test_filters(client: FlaskClient, parameters: dict[str, str], expected: str) -> None:
    given = {name: value for name, value in parameters.items() if name not in {"sort", "order"}}
    assert found(client, **given) == expected


@pytest.mark.usefixtures("network")
def test_what_is_said_of_an_observation(client: FlaskClient) -> None:
    [item] = get(client, "/observations", camera="f5a6b7")["items"]
    assert (item["tags"], item["n_images"]) == (["x", "y"], 3)
    assert item["states"] == {"sources_extracted": 1, "error": 2}
    assert (item["ra_deg"], item["dec_deg"], item["footprint_deg"]) == (83.8, -5.4, None)
    assert item["exptime_s"] is None


@pytest.mark.usefixtures("network")
def test_facets_count_under_all_other_filters(client: FlaskClient) -> None:
    def counts(**parameters: str) -> dict[str, dict[str, int]]:
        facets = get(client, "/observations", facets="true", **parameters)["facets"]
        return {
            name: {one["value"]: one["count"] for one in values} for name, values in facets.items()
        }

    everything = counts()
    assert everything == {
        "unit": {"PAN002": 2, "PAN001": 1},
        "camera": {"14d3bd": 1, "ee04d1": 1, "f5a6b7": 1},
        "year": {"2018": 1, "2019": 1, "2020": 1},
        "tag": {"x": 2, "y": 1},
        "state": {"sources_extracted": 2, "error": 1},
    }
    narrowed = counts(unit="PAN001")
    assert narrowed["unit"] == everything["unit"]
    assert (narrowed["camera"], narrowed["year"]) == ({"14d3bd": 1}, {"2018": 1})
    assert counts(tag="y")["tag"] == {"x": 2, "y": 1}
    assert counts(state="error")["state"] == everything["state"]
    assert counts(after="2020-01-01", before="2020-12-31")["year"] == everything["year"]
    both = counts(unit="PAN002", state="error")
    assert (both["unit"], both["state"]) == ({"PAN002": 1}, {"sources_extracted": 1, "error": 1})
    assert counts(ra="263", dec="5") == {name: {} for name in everything}


@pytest.mark.usefixtures("network")
def test_the_most_frequent_values_come_first(client: FlaskClient) -> None:
    facets = get(client, "/observations", facets="true")["facets"]
    assert facets["unit"][0] == {"value": "PAN002", "count": 2}
    assert [one["value"] for one in facets["camera"]] == ["14d3bd", "ee04d1", "f5a6b7"]


@pytest.mark.parametrize("year", [1969, 9999])
def test_no_year_is_counted_that_cannot_be_searched_for(
    client: FlaskClient, db: Engine, year: int
) -> None:
    with rows(db) as session:
        add_observation(session)
        add_observation(session, start=START.replace(year=year))
    facets = get(client, "/observations", facets="true")["facets"]
    assert facets["year"] == [{"value": "2018", "count": 1}]
    assert facets["unit"] == [{"value": "PAN001", "count": 2}]


def test_a_facet_has_a_hundred_values_at_most(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session)
        add_observation(session, start=START + timedelta(days=1))
        session.execute(
            text(
                "UPDATE sequences SET tags = (SELECT array_agg('t' || n) FROM"
                " generate_series(1, 101) AS n)"
            )
        )
        add_observation(session, camera_id="ee04d1", tags=["often"])
        session.execute(text("UPDATE sequences SET tags = tags || '{often}'"))
    tags = get(client, "/observations", facets="true")["facets"]["tag"]
    assert len(tags) == 100
    assert tags[0]["value"] == "often"


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        *(("after", value) for value in ("2018", "2018-13-01", "2018-02-30", "0001-01-01", "x")),
        *(("before", value) for value in ("20181011", "9999-12-31", "2018-10-11T00")),
        *(("min_exptime", value) for value in ("nan", "inf", "-1", "x", "1e9", "1_0" * 99)),
        *(("max_exptime", value) for value in ("NaN", "-Infinity", "86401")),
        *(("min_images", value) for value in ("-1", "1.5", "99999999999", "٣", "1e3")),
        *(("max_images", value) for value in ("nan", "0x1")),
        *(("state", value) for value in ("SOLVED", "none", "'")),
        *(("sort", value) for value in ("field desc", "exptime_s", "distance")),
        *(("order", value) for value in ("down", "ASC")),
        *(("facets", value) for value in ("yes", "1")),
        *(("unit", value) for value in ("\0", "a" * 201)),
        *((name, "\0") for name in ("camera", "field", "tag", "name", "ra", "dec")),
    ],
)
def test_bad_parameter_is_named(client: FlaskClient, parameter: str, value: str) -> None:
    said = problem(client, "/observations", 400, **{parameter: value})
    assert said["parameter"] == parameter
    assert said["detail"].startswith(parameter)


@pytest.mark.parametrize("parameter", PARAMETERS)
@pytest.mark.usefixtures("network")
def test_hostile_values_find_nothing_else_and_break_nothing(
    client: FlaskClient, parameter: str
) -> None:
    for value in HOSTILE:
        query = {parameter: value.encode("utf-8", "surrogatepass"), "facets": "true"}
        answer = client.get("/observations", query_string=query)
        assert answer.status_code in {200, 400}, (parameter, value, answer.text)
        if answer.status_code == 400:
            assert answer.json is not None
            assert answer.json["parameter"] in {parameter, "name", "ra", "dec"}
    assert found(client) == "abc"
