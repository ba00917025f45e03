"""Notices of finished nights and of silent units, over a real observations-data."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network.database.models import ImageEvent, Unit
from panoptes_network.states import ImageState
from tests.conftest import free_port
from tests.service.support.functions import Network, create_function
from tests.service.support.operations import ask, change
from tests.service.support.operations import rows as rows_of
from tests.service.support.web_services import START, add_observation, rows

DONE: dict[str, Any] = {"state": ImageState.SOURCES_EXTRACTED, "exptime_s": 120.0}
CLOUDS: dict[str, Any] = {
    "state": ImageState.UNSOLVED,
    "reason_code": "too_few_sources",
    "reason": "3 stars",
    "headers": {"DATE-OBS": "2018-10-11T15:43:33"},
}
SetEnv = Callable[..., None]


@pytest.fixture
def operations(network: Network, data_port: int, set_env: SetEnv) -> FlaskClient:
    """cf-operations, for which a night is quiet at once."""
    set_env(OBSERVATIONS_DATA_URL=f"http://127.0.0.1:{data_port}", NIGHT_QUIET_S=0.001)
    return create_function("cf-operations").test_client()


def tell(client: FlaskClient) -> list[str]:
    titles: list[str] = ask(client, "/notices")["notices"]
    return titles


def notices(db: Engine) -> list[dict[str, Any]]:
    return rows_of(db, "SELECT * FROM notices ORDER BY notice_id")


def test_a_night_is_told_once_in_the_words_of_its_report(
    operations: FlaskClient, db: Engine
) -> None:
    with rows(db) as session:
        add_observation(session, images=[DONE, DONE, CLOUDS])
    assert tell(operations) == ["PAN001, night of 2018-10-11: 3 images, with problems"]
    assert tell(operations) == []
    [notice] = notices(db)
    said = [finding["what"] for finding in notice["findings"]]
    assert any(words.startswith("1 image unsolved: ") for words in said)
    assert "Camera 14d3bd: the camera's clock is wrong, 1 h 56 min ahead, on 1 image." in said
    assert (notice["unit_id"], notice["kind"], notice["n_images"]) == ("PAN001", "night", 3)


def test_a_night_is_not_told_while_files_arrive_or_images_are_in_work(
    operations: FlaskClient, db: Engine, set_env: SetEnv
) -> None:
    with rows(db) as session:
        add_observation(session, images=[DONE, {}])
    assert tell(operations) == []  # an image waits for the plate solver
    change(db, "UPDATE images SET state = 'sources_extracted'")
    set_env(NIGHT_QUIET_S=3600)
    assert tell(operations) == []  # one may still come
    change(db, "UPDATE images SET received_at = now() - interval '61 minutes'")
    assert tell(operations) == ["PAN001, night of 2018-10-11: 2 images, all well"]


def test_a_stuck_image_does_not_keep_the_night_from_being_told(
    operations: FlaskClient, db: Engine
) -> None:
    with rows(db) as session:
        add_observation(session, images=[DONE, {}])
    for column in ("received_at", "updated_at"):
        change(db, f"UPDATE images SET {column} = now() - interval '2 hours'")  # noqa: S608
    assert tell(operations) == ["PAN001, night of 2018-10-11: 2 images, with problems"]


@pytest.mark.parametrize(("hours_after_noon", "is_told"), [(19, False), (21, True)])
def test_a_night_is_told_in_the_morning(
    operations: FlaskClient, db: Engine, hours_after_noon: int, is_told: bool
) -> None:
    now = datetime.now(UTC)
    # Where it is so many hours after noon now.
    hours_east = (12 + hours_after_noon - now.hour - now.minute / 60) % 24
    longitude_deg = ((hours_east * 15 + 180) % 360) - 180
    with rows(db) as session:
        session.add(Unit(unit_id="PAN001", longitude_deg=longitude_deg))
        session.flush()
        add_observation(session, start=now - timedelta(hours=hours_after_noon - 10), images=[DONE])
    assert bool(tell(operations)) == is_told


def test_a_night_of_refused_files_is_told(operations: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        session.add(
            ImageEvent(
                bucket_path="PAN002/M42/14d3bd/20181011T134202/20181011T134333.txt",
                service="cf-image-received",
                message_id="generation 7",
                state="error",
                reason_code="unknown_file_type",
                reason="no image",
            )
        )
    assert tell(operations) == ["PAN002, night of 2018-10-11: 0 images, with problems"]
    assert tell(operations) == []


def test_without_the_data_service_it_is_told_later(
    operations: FlaskClient, db: Engine, data_port: int, set_env: SetEnv
) -> None:
    with rows(db) as session:
        add_observation(session, images=[DONE])
    set_env(OBSERVATIONS_DATA_URL=f"http://127.0.0.1:{free_port()}")
    answer = operations.post("/notices", json={})
    assert answer.status_code == 503, answer.text
    assert notices(db) == []
    set_env(OBSERVATIONS_DATA_URL=f"http://127.0.0.1:{data_port}")
    assert tell(operations) == ["PAN001, night of 2018-10-11: 1 image, all well"]


def add_nights(db: Engine, unit_id: str, camera_id: str, *days_ago: int) -> datetime:
    """Add nights, which are reported already; return the start of the last one."""
    starts = [datetime.now(UTC) - timedelta(days=days) for days in days_ago]
    with rows(db) as session:
        for start in starts:
            add_observation(
                session, unit_id=unit_id, camera_id=camera_id, start=start, images=[DONE]
            )
    change(db, "UPDATE images SET received_at = time")
    return max(starts)


def test_silence_is_told_once_until_images_come_again(operations: FlaskClient, db: Engine) -> None:
    last = add_nights(db, "PAN001", "14d3bd", 7, 6, 5)
    [title] = tell(operations)
    assert title.startswith("PAN001: no images since the night of ")
    assert str((last - timedelta(hours=12)).date()) in title
    assert tell(operations) == []
    [notice] = notices(db)
    assert notice["findings"][0]["what"] == "Was the sky clear?"
    add_nights(db, "PAN001", "14d3bd", 4)  # it came back, and went silent again
    told = [title for title in tell(operations) if "no images" in title]
    assert len(told) == 1
    assert told != [title]


@pytest.mark.parametrize(
    "days_ago",
    [
        (3, 2, 1),  # not silent
        (6, 5),  # never sent much
        (9, 8, 40),  # nor this one: the third night is long ago
        (45, 44, 43),  # no news
    ],
)
def test_what_is_no_silence(operations: FlaskClient, db: Engine, days_ago: tuple[int, ...]) -> None:
    add_nights(db, "PAN001", "14d3bd", *days_ago)
    assert [title for title in tell(operations) if "no images" in title] == []


def test_nothing_to_tell(operations: FlaskClient, db: Engine) -> None:
    assert tell(operations) == []
    with rows(db) as session:
        add_observation(session, start=START, images=[])
    assert tell(operations) == []
