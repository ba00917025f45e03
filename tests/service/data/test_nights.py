"""Units, their nights and the night report of observations-data, over a real database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator, FormatChecker
from sqlalchemy import Engine, update

from panoptes_network.database.models import ImageEvent, Unit
from panoptes_network.database.operation_models import DeadLetter
from panoptes_network.states import FileKind, ImageState
from tests.service.support.web_services import (
    START,
    add_file,
    add_observation,
    create_app,
    get,
    problem,
    rows,
)

NIGHT = "/units/PAN001/nights/2018-10-11"
SOLVED: dict[str, Any] = {
    "state": ImageState.SOURCES_EXTRACTED,
    "ra_deg": 83.8,
    "dec_deg": -5.4,
    "rms_arcsec": 2.1,
    "fwhm_px": 2.2,
    "exptime_s": 120.0,
}
UNSOLVED = {
    "state": ImageState.UNSOLVED,
    "reason_code": "too_few_sources",
    "reason": "only 3 stars were found",
}
HAWAII_DEG = -155.58


@pytest.fixture
def client(db: Engine) -> FlaskClient:
    return create_app("observations-data").test_client()


def stand_in_hawaii(db: Engine) -> None:
    with rows(db) as session:
        session.execute(update(Unit).values(longitude_deg=HAWAII_DEG))


def refuse(db: Engine, path: str, code: str = "bad_path", at: datetime = START) -> None:
    with rows(db) as session:
        session.add(
            ImageEvent(
                at=at,
                bucket_path=path,
                service="cf-bucket-upload",
                state="error",
                reason_code=code,
                reason=f"{path} will not do",
            )
        )


# --- units


def test_no_units(client: FlaskClient) -> None:
    assert get(client, "/units") == {"items": [], "total": 0}
    problem(client, "/units/PAN001/nights", 404)
    problem(client, NIGHT, 404)


def test_units_with_images_and_nights(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, images=[SOLVED] * 3)
        add_observation(session, start=START + timedelta(days=2), images=[SOLVED])
        add_observation(session, unit_id="PAN002", camera_id="f5a6b7")
    first, second = get(client, "/units")["items"]
    assert (first["unit_id"], first["n_images"], first["n_nights"]) == ("PAN001", 4, 2)
    assert first["first_image"] == "2018-10-11T13:43:33Z"
    assert first["last_image"] == "2018-10-13T13:43:33Z"
    assert first["last_night"] == "2018-10-13"
    assert (second["n_images"], second["n_nights"], second["last_image"]) == (0, 0, None)


# --- nights


def test_nights_with_their_states(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, images=[SOLVED, SOLVED, UNSOLVED])
        add_observation(session, start=START + timedelta(days=1), images=[SOLVED])
    found = get(client, "/units/PAN001/nights")
    assert found["unit"]["unit_id"] == "PAN001"
    assert [(night["date"], night["states"]) for night in found["items"]] == [
        ("2018-10-12", {"sources_extracted": 1}),
        ("2018-10-11", {"sources_extracted": 2, "unsolved": 1}),
    ]
    assert found["next"] is None


def test_a_night_is_named_by_its_evening_where_the_unit_stands(
    client: FlaskClient, db: Engine
) -> None:
    # 13:43 UTC is 3:20 in the night on Hawaii, whose evening was on the day before.
    with rows(db) as session:
        sequence_id = add_observation(session, images=[SOLVED])
    assert get(client, f"/observations/{sequence_id}")["night"] == "2018-10-11"
    stand_in_hawaii(db)
    [night] = get(client, "/units/PAN001/nights")["items"]
    assert night["date"] == "2018-10-10"
    assert get(client, f"/observations/{sequence_id}")["night"] == "2018-10-10"
    [unit] = get(client, "/units")["items"]
    assert (unit["last_night"], unit["n_nights"]) == ("2018-10-10", 1)
    report = get(client, "/units/PAN001/nights/2018-10-10")
    assert report["n_images"] == 1
    # By hand: 155.58 / 15 h = 10 h 22 min 19.2 s behind.
    assert report["night"] == {
        "start": "2018-10-10T22:22:19Z",
        "end": "2018-10-11T22:22:19Z",
        "bounds": "local_noon",
        "longitude_deg": HAWAII_DEG,
    }


@pytest.mark.parametrize("longitude_deg", [-180.0, -155.58, -0.004, 33.3, 149.07, 180.0, 204.42])
def test_the_list_and_the_report_agree_on_each_nights_bounds(
    client: FlaskClient, db: Engine, longitude_deg: float
) -> None:
    with rows(db) as session:
        for hour in range(26):
            add_observation(session, start=START + timedelta(hours=hour), images=[{}])
        session.execute(update(Unit).values(longitude_deg=longitude_deg))
    nights = get(client, "/units/PAN001/nights")["items"]
    assert sum(night["n_images"] for night in nights) == 26
    assert len(nights) == get(client, "/units")["items"][0]["n_nights"]
    for night in nights:
        report = get(client, f"/units/PAN001/nights/{night['date']}")
        assert report["n_images"] == night["n_images"]
        assert report["first_image"] == night["first_image"]


def test_an_observation_that_goes_on_over_noon_counts_in_both_nights(
    client: FlaskClient, db: Engine
) -> None:
    third_at_noon = datetime(2018, 10, 12, 12, tzinfo=UTC) - timedelta(seconds=91 + 2 * 130)
    with rows(db) as session:
        images = [SOLVED, UNSOLVED, SOLVED, SOLVED]
        add_observation(session, start=third_at_noon, images=images)
        add_observation(session, start=START, images=[SOLVED])
    new, old = get(client, "/units/PAN001/nights")["items"]
    assert new == {
        "date": "2018-10-12",
        "n_images": 2,
        "first_image": "2018-10-12T12:00:00Z",
        "last_image": "2018-10-12T12:02:10Z",
        "states": {"sources_extracted": 2},
    }
    assert (old["date"], old["n_images"]) == ("2018-10-11", 3)
    assert old["states"] == {"sources_extracted": 2, "unsolved": 1}
    assert get(client, "/units/PAN001/nights", before="2018-10-12")["items"] == [old]


def test_pages_of_nights(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        for day in range(5):
            add_observation(session, start=START + timedelta(days=day), images=[SOLVED])
    seen: list[str] = []
    before: str | None = ""
    while before is not None:
        page = get(client, "/units/PAN001/nights", limit="2", before=before)
        seen += [night["date"] for night in page["items"]]
        before = page["next"]
    assert seen == [f"2018-10-{day}" for day in (15, 14, 13, 12, 11)]


@pytest.mark.parametrize(
    ("parameter", "value"), [("before", "yesterday"), ("before", "2018-02-30"), ("limit", "0")]
)
def test_bad_parameter_of_nights(client: FlaskClient, parameter: str, value: str) -> None:
    said = problem(client, "/units/PAN001/nights", 400, **{parameter: value})
    assert said["parameter"] == parameter


# --- the report


def test_report_of_a_night(client: FlaskClient, db: Engine) -> None:
    pictured = {**SOLVED, "files": {FileKind.CR2: 1, FileKind.PICTURE: 1, FileKind.THUMBNAIL: 1}}
    with rows(db) as session:
        images = [pictured, SOLVED, UNSOLVED, {"headers": {"DATE-OBS": "2018-10-11T03:00:00"}}]
        filmed = add_observation(session, images=images, film_path="PAN001/film.mp4", film_frames=3)
        add_observation(session, camera_id="f5a6b7", start=START + timedelta(hours=1), images=[{}])
        add_observation(session, start=START + timedelta(days=1), images=[SOLVED])
    report = get(client, NIGHT)
    assert (report["unit_id"], report["date"]) == ("PAN001", "2018-10-11")
    assert report["states"] == {"metadata_received": 2, "sources_extracted": 2, "unsolved": 1}
    assert report["solved_share"] == pytest.approx(2 / 3)
    assert [(camera["camera_id"], camera["n_images"]) for camera in report["cameras"]] == [
        ("14d3bd", 4),
        ("f5a6b7", 1),
    ]
    first, second = report["sequences"]
    assert (first["sequence_id"], first["film"]["n_frames"]) == (filmed, 3)
    assert (first["n_fits"], first["n_cr2"], second["film"]) == (4, 1, None)
    [failure] = report["failures"]
    assert (failure["reason_code"], failure["count"]) == ("too_few_sources", 1)
    assert failure["example"] == "only 3 stars were found"
    assert report["clocks"][0]["offset_s"] == -(10 * 3600 + 50 * 60 + 3)
    assert report["products"] == {"n_pictures": 1, "n_images": 5, "n_films": 1, "n_sequences": 2}
    assert (report["previous_night"], report["next_night"]) == (None, "2018-10-12")
    assert list(report["images"][0]["files"]) == ["picture", "thumbnail"]
    assert report["delays"]["done_s"]["n"] == 3


def test_empty_night(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, images=[SOLVED])
    report = get(client, "/units/PAN001/nights/2018-10-14")
    assert (report["verdict"], report["n_images"], report["images"]) == ("empty", 0, [])
    assert (report["previous_night"], report["next_night"]) == ("2018-10-11", None)
    assert report["findings"]


def test_last_night_is_the_one_that_began(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, start=datetime.now(UTC).replace(microsecond=0), images=[SOLVED])
    before = datetime.now(UTC) - timedelta(hours=18)
    report = get(client, "/units/PAN001/nights/last")
    assert report["date"] in {f"{before:%Y-%m-%d}", f"{before + timedelta(hours=1):%Y-%m-%d}"}


def test_files_refused_before_they_became_an_image(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, images=[SOLVED])
    night, later = START + timedelta(hours=1), START + timedelta(days=30)
    mine = [
        # By the time in the path, whenever it arrived.
        ("PAN001/M42/14d3bd/20181011T134202/20181011T140000.txt", later),
        ("PAN001/M42/14D3BD/20181011T134202/20181012T030000.cr2", later),
        # Without one, by the arrival.
        ("PAN001/autosave.jpg", night),
        ("pan001/M42/99999999T999999/x.fits", night),
        ("/PAN001/x", night),
    ]
    others = [
        ("PAN001/M42/14D3BD/20181012T134202/20181012T140000.cr2", night),
        ("PAN001/other.jpg", later),
        ("PAN0011/x.fits", night),
        ("PAN002/PAN001/x.fits", night),
        ("x", night),
    ]
    for path, at in [*mine, *mine[:1], *others]:
        refuse(db, path, at=at)
    [group] = get(client, NIGHT)["refused"]
    assert {file["bucket_path"] for file in group["files"]} == {path for path, _ in mine}
    assert (group["count"], group["reason_code"]) == (5, "bad_path")
    assert "unit/field/camera" in group["action"]


def test_what_was_refused_and_then_taken_in(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, images=[SOLVED])
    path = "PAN001/M42/14d3bd/20181011T134202/20181011T134333.fits.fz"
    refuse(db, path, "truncated")
    assert len(get(client, NIGHT)["refused"]) == 1
    taken_in = {"image_id": "PAN001_14d3bd_20181011T134333", "state": "metadata_received"}
    with rows(db) as session:
        session.add(ImageEvent(bucket_path=path, service="cf-header-to-db", **taken_in))
    assert get(client, NIGHT)["refused"] == []


def test_what_waits_and_what_was_given_up(client: FlaskClient, db: Engine) -> None:
    image_id = "PAN001_14d3bd_20181011T134333"
    with rows(db) as session:
        add_observation(session, images=[{}, {}])
        add_file(session, "PAN001_14d3bd_20181011T150000", FileKind.CR2, "PAN001/x.cr2")
        add_file(session, "PAN001_14d3bd_20181012T150000", FileKind.CR2, "PAN001/y.cr2")
        for number, replayed_at in enumerate((None, START)):
            session.add(
                DeadLetter(
                    message_id=str(number),
                    topic="image-pipeline",
                    subscription="gce-plate-solver",
                    data=b"{}",
                    image_id=image_id if replayed_at is None else "PAN001_14d3bd_20181011T134543",
                    replayed_at=replayed_at,
                )
            )
    waits = get(client, NIGHT)["waiting"]
    assert (waits["count"], waits["n_given_up"], waits["n_cr2_only"]) == (2, 1, 1)
    assert waits["image_ids"][-1] == "PAN001_14d3bd_20181011T150000"


@pytest.mark.parametrize(
    "date", ["yesterday", "2018-13-01", "20181011", "0000-01-01", "9999-12-31", "1000-01-01"]
)
def test_no_such_date(client: FlaskClient, db: Engine, date: str) -> None:
    with rows(db) as session:
        add_observation(session)
    assert problem(client, f"/units/PAN001/nights/{date}", 400)["parameter"] == "date"


@pytest.mark.parametrize("unit_id", ["PAN999", "'; DROP", "☄"])
def test_unknown_unit(client: FlaskClient, db: Engine, unit_id: str) -> None:
    problem(client, f"/units/{unit_id}/nights", 404)
    problem(client, f"/units/{unit_id}/nights/2018-10-11", 404)


def test_the_report_is_as_the_document_describes_it(client: FlaskClient, db: Engine) -> None:
    refuse(db, "PAN001/M42/14d3bd/20181011T134202/notes.pdf")
    wide = {**SOLVED, "fwhm_px": 30.0}
    with rows(db) as session:
        add_observation(session, images=[SOLVED, wide, UNSOLVED, {}], film_path="a.mp4")
    paths = get(client, "/openapi.json")["paths"]
    described = paths["/units/{unit_id}/nights/{date}"]["get"]["responses"]["200"]
    schema = described["content"]["application/json"]["schema"]
    report = get(client, NIGHT)
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(report)
    assert report.keys() == set(schema["required"])
    [camera] = report["cameras"]
    assert camera.keys() == schema["properties"]["cameras"]["items"]["properties"].keys()
    broken = {**report, "cameras": [{**camera, "n_images": "four"}]}
    assert not Draft202012Validator(schema).is_valid(broken)
