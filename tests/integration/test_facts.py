"""The facts of units and sequences: the newest trustworthy one wins, whatever the order."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from panoptes_network.database.engine import run_transaction
from panoptes_network.database.images import record_image
from panoptes_network.frames.metadata import identify
from panoptes_network.ids import ObjectPath, format_time
from panoptes_network.storage import StoredObject

START = datetime(2018, 10, 11, 13, 42, 2, tzinfo=UTC)
WRONG = {"LAT-OBS": 19.54, "LONG-OBS": -155.58, "ELEV-OBS": 3400.0}
RIGHT = {"LAT-OBS": 48.1, "LONG-OBS": 11.6, "ELEV-OBS": 520.0}

TABLES = "units, cameras, sequences, facts, fact_changes, images, image_events"

Upload = tuple[int, int, str, dict[str, Any]]
"""Minute of the exposure, generation, field, header."""


def _receive(upload: Upload) -> None:
    minute, generation, field, headers = upload
    stem = format_time(START + timedelta(minutes=minute))
    path = ObjectPath("PAN311", "fff311", START, stem, ".fits", field)
    identity = identify(path, headers)
    stored = StoredObject("panoptes-raw", path.path, generation, 1)
    run_transaction(lambda s: record_image(s, identity, headers, stored, "cf-header-to-db"))


def _empty(db: Engine) -> None:
    with db.begin() as connection:
        connection.execute(text(f"TRUNCATE {TABLES} CASCADE"))


def _rows(db: Engine, query: str) -> list[Any]:
    with db.connect() as connection:
        return list(connection.execute(text(query)).all())


def _site(db: Engine) -> tuple[Any, ...]:
    [row] = _rows(db, "SELECT latitude_deg, longitude_deg, elevation_m FROM units")
    return tuple(row)


def _of_sequence(db: Engine) -> tuple[Any, ...]:
    [row] = _rows(db, "SELECT field, exptime_s FROM sequences")
    return tuple(row)


def test_a_wrong_site_is_corrected_by_the_next_image(db: Engine) -> None:
    _receive((0, 1, "M42", WRONG))
    _receive((1, 2, "M42", RIGHT))
    assert _site(db) == tuple(RIGHT.values())
    _receive((0, 1, "M42", WRONG))  # delivered again
    _receive((-5, 3, "M42", WRONG))  # an old frame that arrives late
    assert _site(db) == tuple(RIGHT.values())
    changes = _rows(
        db, "SELECT name, old_value, new_value, image_id, changed_by FROM fact_changes ORDER BY 1"
    )
    assert [tuple(row) for row in changes] == [
        ("elevation_m", 3400.0, 520.0, "PAN311_fff311_20181011T134302", "cf-header-to-db"),
        ("latitude_deg", 19.54, 48.1, "PAN311_fff311_20181011T134302", "cf-header-to-db"),
        ("longitude_deg", -155.58, 11.6, "PAN311_fff311_20181011T134302", "cf-header-to-db"),
    ]


def test_an_upload_under_the_right_field_corrects_the_sequence(db: Engine) -> None:
    _receive((0, 1, "Wrong Field", {"EXPTIME": 1.0}))
    _receive((0, 2, "M42", {"EXPTIME": 120.0}))
    _receive((0, 1, "Wrong Field", {"EXPTIME": 1.0}))
    assert _of_sequence(db) == ("M42", 120.0)


@pytest.mark.parametrize(
    "untrusted",
    [
        {**WRONG, "LAT-OBS": 120.0},
        {**WRONG, "LONG-OBS": 181.0},
        {"LAT-OBS": 0.0, "LONG-OBS": 0.0, "ELEV-OBS": 0.0},
        {"LAT-OBS": 12.0},
        {"LAT-OBS": "north", "LONG-OBS": True},
        {"EXPTIME": -1.0},
        {"EXPTIME": 0},
        {},
    ],
)
def test_what_cannot_be_true_changes_nothing(db: Engine, untrusted: dict[str, Any]) -> None:
    _receive((0, 1, "M42", {**RIGHT, "EXPTIME": 120.0}))
    _receive((1, 2, "M42", untrusted))
    assert _site(db) == tuple(RIGHT.values())
    assert _of_sequence(db) == ("M42", 120.0)
    assert _rows(db, "SELECT * FROM fact_changes") == []


headers = st.fixed_dictionaries(
    {},
    optional={
        "LAT-OBS": st.sampled_from([19.5, 48.1, 99.0, 0.0]),
        "LONG-OBS": st.sampled_from([-155.58, 11.6, 0.0]),
        "EXPTIME": st.sampled_from([1.0, 120.0, -1.0]),
        "OBSERVER": st.sampled_from(["Mauna Loa", "Munich"]),
    },
)
uploads = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["M42", "Wrong Field"]), headers),
    min_size=2,
    max_size=3,
)


@given(uploads, st.booleans())
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_of_the_same_images_gives_the_same_facts(
    db: Engine, drawn: list[tuple[int, str, dict[str, Any]]], twice: bool
) -> None:
    received = [(minute, n + 1, field, header) for n, (minute, field, header) in enumerate(drawn)]
    found = set()
    for order in permutations(received):
        _empty(db)
        for upload in [*order, *(order if twice else ())]:
            _receive(upload)
        found.add((*_site(db), *_of_sequence(db)))
    assert len(found) == 1


def test_two_writers_at_once_end_with_the_newest(db: Engine) -> None:
    received = [
        (n % 7, n + 1, f"Field {n % 3}", {**(RIGHT if n % 2 else WRONG), "EXPTIME": 1.0 + n})
        for n in range(24)
    ]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(_receive, received))
    at_once = (*_site(db), *_of_sequence(db))
    _empty(db)
    for upload in received:
        _receive(upload)
    assert (*_site(db), *_of_sequence(db)) == at_once
