"""observations-data over a real database."""

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, delete
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from observations_data import database as read_database
from panoptes_network import config
from panoptes_network.database import engine as database
from panoptes_network.database.models import Sequence
from panoptes_network.states import ImageState
from tests.conftest import free_port
from tests.service.support.web_services import (
    START,
    add_observation,
    create_app,
    get,
    problem,
    rows,
)

SOLVED: dict[str, Any] = {
    "state": ImageState.SOURCES_EXTRACTED,
    "ra_deg": 83.8,
    "dec_deg": -5.4,
    "pixel_scale_arcsec": 10.29,
    "rms_arcsec": 2.1,
    "n_sources": 9000,
    "footprint_deg": [76.3, -10.4, 91.3, -0.4],
}


@pytest.fixture
def client(db: Engine) -> FlaskClient:
    return create_app("observations-data").test_client()


def test_empty_network_has_no_observations(client: FlaskClient) -> None:
    assert get(client, "/observations") == {
        "items": [],
        "total": 0,
        "next": None,
        "sort": "time",
        "order": "desc",
    }


def test_observation_sums_up_its_images(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        images = [SOLVED, SOLVED, {"state": ImageState.UNSOLVED, "reason_code": "blank_frame"}]
        sequence_id = add_observation(session, images=images)
    [item] = get(client, "/observations")["items"]
    assert item["sequence_id"] == sequence_id == "PAN001_14d3bd_20181011T134202"
    assert item["start_time"] == "2018-10-11T13:42:02Z"
    assert (item["unit_id"], item["camera_id"], item["field"]) == ("PAN001", "14d3bd", "M42")
    assert item["n_images"] == 3
    assert item["states"] == {"sources_extracted": 2, "unsolved": 1}
    # Given to the microdegree; the sum of two equal vectors is exact to far less.
    assert (item["ra_deg"], item["dec_deg"]) == pytest.approx((83.8, -5.4), abs=1e-6)
    assert item["updated_at"].endswith("Z")


def test_observation_without_images_is_listed(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session)
    [item] = get(client, "/observations")["items"]
    assert (item["n_images"], item["states"], item["ra_deg"]) == (0, {}, None)
    assert item["updated_at"] == item["created_at"]


@pytest.mark.parametrize(
    ("centres", "expected"),
    [
        ([(359.5, 10.0), (0.5, 10.0)], 0.0),
        ([(359.0, 0.0), (360.0, 0.0)], 359.5),
        ([(10.0, -20.0), (math.nan, -20.0), (math.inf, 5.0)], 10.0),
    ],
)
def test_mean_centre_across_0h_and_beside_nan(
    client: FlaskClient, db: Engine, centres: list[tuple[float, float]], expected: float
) -> None:
    with rows(db) as session:
        images = [{**SOLVED, "ra_deg": ra, "dec_deg": dec} for ra, dec in centres]
        add_observation(session, images=images)
    [item] = get(client, "/observations")["items"]
    assert item["ra_deg"] == pytest.approx(expected, abs=1e-6)


def test_mean_centre_at_the_pole(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        centres = [{**SOLVED, "ra_deg": ra, "dec_deg": 89.0} for ra in (0, 90, 180, 270)]
        add_observation(session, images=centres)
    assert get(client, "/observations")["items"][0]["dec_deg"] == pytest.approx(90, abs=1e-5)


def test_pages_hold_each_observation_once_newest_first(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        # Pairs of equal start times: the cursor must tell them apart.
        added = [
            add_observation(session, camera_id=camera, start=START + timedelta(hours=hour))
            for hour in range(5)
            for camera in ("14d3bd", "f5a6b7")
        ]
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = get(client, "/observations", limit="3", cursor=cursor)
        assert page["total"] == 10
        seen += [item["sequence_id"] for item in page["items"]]
        cursor = page["next"]
    assert seen == added[::-1]


def test_new_observation_does_not_shift_the_next_page(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        oldest = add_observation(session)
        add_observation(session, start=START + timedelta(hours=1))
    cursor = get(client, "/observations", limit="1")["next"]
    with rows(db) as session:
        add_observation(session, start=START + timedelta(hours=2))
    page = get(client, "/observations", cursor=cursor)
    assert [item["sequence_id"] for item in page["items"]] == [oldest]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"unit": "PAN002"}, ["100% \\ dark_sky"]),
        ({"unit": "pan002"}, ["100% \\ dark_sky"]),
        ({"field": "m42"}, ["M42"]),
        ({"field": "%"}, ["100% \\ dark_sky"]),
        ({"field": "_"}, ["100% \\ dark_sky"]),
        ({"field": "\\"}, ["100% \\ dark_sky"]),
        ({"field": "' OR 1=1 --"}, []),
        ({"unit": "PAN001", "field": "sky"}, []),
        ({"field": "  M42 "}, ["M42"]),
    ],
)
def test_filters(
    client: FlaskClient, db: Engine, parameters: dict[str, str], expected: list[str]
) -> None:
    with rows(db) as session:
        add_observation(session)
        day_before = START - timedelta(days=1)
        add_observation(
            session,
            unit_id="PAN002",
            camera_id="f5a6b7",
            start=day_before,
            field="100% \\ dark_sky",
        )
    page = get(client, "/observations", **parameters)
    assert [item["field"] for item in page["items"]] == expected
    assert page["total"] == len(expected)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        *(("limit", value) for value in ("0", "501", "-1", "ten", "1.5", "1e2", "١٢", "9" * 999)),
        *(("cursor", value) for value in ("x", "!!", "=", "é", "MjAxOA", "A" * 5000)),
        ("field", "M\x0042"),
        ("unit", "PAN001\n"[:-1] + "\x07"),
    ],
)
def test_bad_parameter_is_named(client: FlaskClient, parameter: str, value: str) -> None:
    said = problem(client, "/observations", 400, **{parameter: value})
    assert said["parameter"] == parameter
    assert parameter in said["detail"]


def test_one_observation_has_images_and_files(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        extracted = {**SOLVED, "solved_path": "PAN001/M42/14d3bd/20181011T134202/a b.fits.fz"}
        unsolved = {
            "state": ImageState.UNSOLVED,
            "reason_code": "too_few_sources",
            "reason": "only 3 stars were found",
            "rms_arcsec": math.nan,
            "footprint_deg": [math.inf, 1.0],
        }
        sequence_id = add_observation(session, images=[extracted, unsolved])
    found = get(client, f"/observations/{sequence_id}")
    first, second = found["images"]
    assert first["image_id"] == "PAN001_14d3bd_20181011T134333"
    assert first["footprint_deg"] == SOLVED["footprint_deg"]
    assert first["n_events"] == 3
    assert first["files"]["processed"]["url"] == (
        "/files/processed/PAN001/M42/14d3bd/20181011T134202/a%20b.fits.fz"
    )
    assert (second["reason_code"], second["reason"]) == (
        "too_few_sources",
        "only 3 stars were found",
    )
    assert (second["rms_arcsec"], second["footprint_deg"]) == (None, [None, 1.0])
    assert [file["name"] for file in found["files"]["raw"]] == [
        "20181011T134333.fits.fz",
        "20181011T134543.fits.fz",
    ]
    assert len(found["files"]["processed"]) == 1


def test_history_of_an_observation(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, images=[SOLVED])
        add_observation(session, start=START + timedelta(days=1), images=[SOLVED])
    events = get(client, f"/observations/{sequence_id}/events")
    assert events["total"] == 3
    assert [event["state"] for event in events["items"]] == [
        "metadata_received",
        "solving",
        "sources_extracted",
    ]
    assert {event["image_id"] for event in events["items"]} == {"PAN001_14d3bd_20181011T134333"}


def test_one_image_has_header_and_history(client: FlaskClient, db: Engine) -> None:
    headers = {"FIELD": "<script>alert(1)</script>", "ISO": 100, "NAME": "Köln ☄"}
    with rows(db) as session:
        add_observation(session, images=[{**SOLVED, "headers": headers}])
    found = get(client, "/images/PAN001_14d3bd_20181011T134333")
    assert found["headers"] == headers
    assert found["pixel_scale_arcsec"] == 10.29
    assert found["events"][0]["service"] == "cf-header-to-db"


@pytest.mark.parametrize("sequence_id", ["PAN999_14d3bd_20181011T134202", "'; DROP", "☄"])
def test_unknown_ids(client: FlaskClient, sequence_id: str) -> None:
    problem(client, f"/observations/{sequence_id}", 404)
    problem(client, f"/images/{sequence_id}", 404)
    assert get(client, "/", sequence_id=sequence_id) == {"items": [], "total": 0}
    assert get(client, f"/observations/{sequence_id}/events")["total"] == 0


@pytest.mark.parametrize("path", ["/nowhere", "/files/secret/a", "/observations/a/b"])
def test_unknown_addresses(client: FlaskClient, path: str) -> None:
    problem(client, path, 404)


@pytest.mark.parametrize(
    "ask",
    [
        lambda client, key: client.get("/", query_string={"sequence_id": key}),
        lambda client, key: client.post("/", json={"sequence_id": key}),
    ],
)
def test_simple_way(
    client: FlaskClient, db: Engine, ask: Callable[[FlaskClient, str], Any]
) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, images=[SOLVED, SOLVED])
    answer = ask(client, sequence_id).get_json()
    assert answer["total"] == 2
    assert [item["sequence_id"] for item in answer["items"]] == [sequence_id] * 2


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_simple_way_without_a_sequence_lists_observations(
    client: FlaskClient, db: Engine, body: bytes
) -> None:
    with rows(db) as session:
        add_observation(session)
    answer = client.post("/", data=body, content_type="application/json").get_json()
    assert (answer["total"], answer["items"][0]["field"]) == (1, "M42")


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_sequence_id_counts_as_none(client: FlaskClient, db: Engine, empty: str) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, images=[SOLVED, SOLVED])
    listed = get(client, "/observations")["items"]
    assert get(client, "/", sequence_id=empty)["items"] == listed
    assert client.post("/", json={"sequence_id": empty}).get_json()["items"] == listed
    address = f"/?sequence_id={sequence_id}"
    assert client.post(address, json={"sequence_id": empty}).get_json()["total"] == 2


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"sequence_id": }', b"[]", b'"sequence_id"'])
def test_what_is_no_json_is_refused(client: FlaskClient, body: bytes) -> None:
    answer = client.post("/", data=body, content_type="application/json")
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")


def _delete_all(session: Session) -> dict[str, Any]:
    session.execute(delete(Sequence))
    return {}


def test_reading_cannot_write(db: Engine) -> None:
    with pytest.raises(DBAPIError, match="read-only"):
        read_database.read(_delete_all)


def test_database_away(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    away = f"postgresql+pg8000://panoptes@127.0.0.1:{free_port()}/metadata"
    monkeypatch.setenv("DATABASE_URL", away)
    config.settings.cache_clear()
    database.engine.cache_clear()
    for path in ("/ready", "/observations"):
        problem(client, path, 503)
        assert client.get(path).headers["Retry-After"] == "10"


def test_healthy(client: FlaskClient) -> None:
    assert get(client, "/health") == {"status": "ok"}


def test_strict_headers_with_errors_too(client: FlaskClient) -> None:
    for path in ("/observations", "/nowhere"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
