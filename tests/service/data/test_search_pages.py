"""Pages of observations: in every order, each row exactly once while others are added."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import count, pairwise
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from observations_data.observations.search.pagination import Sort
from observations_data.pagination import Direction
from tests.service.support.web_services import (
    START,
    add_observation,
    create_app,
    get,
    problem,
    rows,
)

PLACE = {"ra": "10", "dec": "20", "radius": "180"}
KEYS = {
    Sort.TIME: "start_time",
    Sort.FIELD: "field",
    Sort.UNIT: "unit_id",
    Sort.IMAGES: "n_images",
    Sort.EXPTIME: "exptime_s",
}
USUAL = {Sort.TIME: "desc", Sort.IMAGES: "desc", Sort.EXPTIME: "desc"}


@pytest.fixture
def client(db: Engine) -> FlaskClient:
    return create_app("observations-data").test_client()


def add(db: Engine, number: int) -> str:
    """Add an observation; each key repeats among them, and some are unknown."""
    solved = {"state": "solved", "ra_deg": 10.0 * (number % 5), "dec_deg": 20.0}
    field = (None, "M42", "m31", "été", "' OR 1=1 --", "a\tb")[number % 6]
    with rows(db) as session:
        sequence_id = add_observation(
            session,
            unit_id=f"PAN00{number % 3}",
            camera_id=f"14d3b{number % 2}",
            start=START + timedelta(hours=number // 3, seconds=number),
            field=field,
            images=[solved] * (1 + number % 4),
        )
        exptime_s = (None, 30.0, 120.0, 0.1)[number % 4]
        session.connection().exec_driver_sql(
            "UPDATE sequences SET exptime_s = %s, start_time = %s WHERE sequence_id = %s",
            (exptime_s, START + timedelta(hours=number // 3), sequence_id),
        )
    return sequence_id


def pages(client: FlaskClient, **parameters: str) -> Iterator[list[Any]]:
    cursor: str | None = ""
    while cursor is not None:
        page = get(client, "/observations", cursor=cursor, **parameters)
        assert len(page["items"]) <= int(parameters["limit"])
        yield page["items"]
        cursor = page["next"]


@pytest.mark.parametrize("order", [*Direction, None])
@pytest.mark.parametrize("sort", Sort)
def test_each_row_comes_once_in_order_while_others_are_added(
    client: FlaskClient, db: Engine, sort: Sort, order: Direction | None
) -> None:
    there = {add(db, number) for number in range(24)}
    asked = {"sort": str(sort), "limit": "5", **PLACE} | ({"order": str(order)} if order else {})
    seen: list[Any] = []
    numbers = count(24)
    for items in pages(client, **asked):
        seen += items
        if len(seen) < 24:
            add(db, next(numbers))
    ids = [item["sequence_id"] for item in seen]
    assert len(ids) == len(set(ids))
    assert there <= set(ids)
    if sort in KEYS:
        assert_sorted(seen, KEYS[sort], order or USUAL.get(sort, "asc"))


def assert_sorted(items: list[Any], key: str, order: str) -> None:
    """Known keys come in order, then the unknown; equal keys in the order of the ids."""
    known = [(item[key], item["sequence_id"]) for item in items if item[key] is not None]
    unknown = [item["sequence_id"] for item in items if item[key] is None]
    for group in (known, unknown):
        in_order = sorted(group, reverse=order == "desc")
        assert group == in_order
    assert [item[key] for item in items[: len(known)]] == [value for value, _ in known]


@pytest.mark.parametrize("sort", Sort)
def test_the_other_order_is_the_same_rows_backwards(
    client: FlaskClient, db: Engine, sort: Sort
) -> None:
    for number in range(12):
        add(db, number)
    rising, falling = (
        [
            item["sequence_id"]
            for item in get(client, "/observations", sort=sort, order=order, **PLACE)["items"]
        ]
        for order in Direction
    )
    assert sorted(rising) == sorted(falling)
    if sort not in {Sort.FIELD, Sort.EXPTIME}:
        assert rising == falling[::-1]


def test_the_answer_says_its_order(client: FlaskClient) -> None:
    page = get(client, "/observations")
    assert (page["sort"], page["order"]) == ("time", "desc")
    page = get(client, "/observations", sort="field")
    assert (page["sort"], page["order"]) == ("field", "asc")


def test_the_last_page_has_no_next_even_when_it_is_full(client: FlaskClient, db: Engine) -> None:
    for number in range(4):
        add(db, number)
    first, second = pages(client, limit="2")
    assert (len(first), len(second)) == (2, 2)


def test_filters_hold_on_every_page(client: FlaskClient, db: Engine) -> None:
    for number in range(12):
        add(db, number)
    found = [
        item for page in pages(client, limit="1", unit="PAN001", sort="field") for item in page
    ]
    assert {item["unit_id"] for item in found} == {"PAN001"}
    assert len(found) == 4
    assert all(a["sequence_id"] != b["sequence_id"] for a, b in pairwise(found))


def cursor_of(*said: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("sort", "cursor"),
    [
        ("time", cursor_of("field", "asc", "M42", "x")),
        ("time", cursor_of("time", "asc", START.isoformat(), "x")),
        ("unit", cursor_of("unit", "asc", None, "x")),
        ("time", cursor_of("time", "desc", "2018-10-11T13:42:02", "x")),
        ("time", cursor_of("time", "desc", "0001-01-01T00:00:00+23:59", "x")),
        ("time", cursor_of("time", "desc", 5, "x")),
        ("time", cursor_of("time", "desc", START.isoformat(), "\0")),
        ("time", cursor_of("time", "desc", START.isoformat(), "\ud800")),
        ("time", cursor_of("time", "desc", START.isoformat(), 7)),
        ("time", cursor_of("time", "desc", START.isoformat())),
        ("time", cursor_of()),
        ("time", base64.urlsafe_b64encode(b"[" * 100_000).decode()),
        ("time", base64.urlsafe_b64encode(b"\xff\xfe").decode()),
        ("images", cursor_of("images", "desc", 2**31, "x")),
        ("images", cursor_of("images", "desc", -1, "x")),
        ("images", cursor_of("images", "desc", True, "x")),
        ("images", cursor_of("images", "desc", 1.5, "x")),
        ("exptime", cursor_of("exptime", "desc", "30", "x")),
        ("exptime", cursor_of("exptime", "desc", 10**400, "x")),
        ("field", cursor_of("field", "asc", "a\0", "x")),
        ("field", cursor_of("field", "asc", ["M42"], "x")),
        ("unit", cursor_of("unit", "asc", {}, "x")),
    ],
)
def test_a_cursor_that_is_none_of_ours(client: FlaskClient, sort: str, cursor: str) -> None:
    said = problem(client, "/observations", 400, sort=sort, cursor=cursor)
    assert said["parameter"] == "cursor"


@pytest.mark.parametrize(
    ("sort", "key"), [("exptime", float("nan")), ("exptime", float("inf")), ("exptime", None)]
)
def test_a_cursor_with_a_strange_key_is_harmless(
    client: FlaskClient, db: Engine, sort: str, key: float | None
) -> None:
    there = add(db, 0)
    cursor = cursor_of(sort, "desc", key, "' OR 1=1 --")
    found = get(client, "/observations", sort=sort, cursor=cursor)
    # Its exposure time is unknown: it follows every known one, and stands before the cursor's id.
    assert [item["sequence_id"] for item in found["items"]] == ([] if key is None else [there])
