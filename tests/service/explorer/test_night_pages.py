"""The explorer's pages of units and nights, over a real observations-data."""
# ruff: noqa: RUF001 - a page writes real apostrophes and dashes

import re
from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, delete

from observations_explorer import formatting
from observations_explorer.charts import calendar, night
from panoptes_network import config
from panoptes_network.database.models import Image, ImageEvent
from panoptes_network.figures import TRENDS
from panoptes_network.states import FileKind, ImageState
from tests.conftest import free_port, serving
from tests.service.support.web_services import (
    FORBIDDEN,
    START,
    add_observation,
    create_app,
    is_healthy,
    rows,
    web_command,
    web_environment,
)

HOSTILE = "<script>alert(1)</script> \"quoted\" 'too' & Köln ☄"
NIGHT = "/units/PAN001/nights/2018-10-11"
DONE: dict[str, Any] = {
    "state": ImageState.SOURCES_EXTRACTED,
    "exptime_s": 120.0,
    "fwhm_px": 2.1,
    "rms_arcsec": 2.0,
    "files": {FileKind.PICTURE: 1, FileKind.THUMBNAIL: 1},
}
CLOUDS = {"state": ImageState.UNSOLVED, "reason_code": "too_few_sources", "reason": "only 3 stars"}


@pytest.fixture
def client(db: Engine, data_port: int, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    return explorer(monkeypatch, data_port)


def explorer(monkeypatch: pytest.MonkeyPatch, data_port: int) -> FlaskClient:
    monkeypatch.setenv("OBSERVATIONS_DATA_URL", f"http://127.0.0.1:{data_port}")
    config.settings.cache_clear()
    return create_app("observations-explorer").test_client()


def page(client: FlaskClient, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    return answer.text


def test_from_units_to_a_night(client: FlaskClient, db: Engine) -> None:
    assert "No units yet" in page(client, "/units")
    with rows(db) as session:
        sequence_id = add_observation(session, images=[DONE, DONE, CLOUDS])
    html = page(client, "/units")
    assert 'href="/units/PAN001"' in html
    assert f'href="{NIGHT}"' in html
    html = page(client, "/units/PAN001")
    assert "October 2018" in html
    assert "2 complete, 1 unsolved" in html
    assert f'class="night" href="{NIGHT}"' in html
    html = page(client, f"/observations/{sequence_id}")
    assert f'href="{NIGHT}">11 October 2018</a>' in html


def test_report_of_a_night(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, images=[*[DONE] * 9, CLOUDS], field=HOSTILE)
        session.add(
            ImageEvent(
                at=START,
                bucket_path=f"PAN001/{HOSTILE}",
                service="cf-bucket-upload",
                state="error",
                reason_code="bad_path",
                reason="not like a path",
            )
        )
    with rows(db) as session:
        session.execute(delete(Image).where(Image.image_id.in_([_image_id(3), _image_id(4)])))
    html = page(client, NIGHT)
    assert "<script" not in html
    assert "with problems" in html
    assert html.count('class="tone mark sources_extracted"') == 7
    assert html.count('class="tone mark unsolved"') == 1
    assert "13:47 to 13:54: 2 missing" in html
    assert "Too few stars: clouds, dew, daylight, or a closed cover." in html
    assert "dew needs a heater" in html
    assert "Message: only 3 stars" in html
    assert "PAN001/&lt;script&gt;" in html
    assert f'href="/observations/PAN001_14d3bd_20181011T134202#{_image_id(9)}"' in html
    assert html.count('class="thumbnail"') == 7
    assert "noon to noon UTC, as the unit’s longitude is unknown" in html


def _image_id(number: int) -> str:
    return f"PAN001_14d3bd_{START + timedelta(seconds=91 + 130 * number):%Y%m%dT%H%M%S}"


def test_empty_night(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, images=[DONE])
    html = page(client, "/units/PAN001/nights/2018-10-13")
    assert "No images from this night" in html
    assert "Was the sky clear?" in html
    assert f'href="{NIGHT}">11 October 2018</a>' in html
    assert "no images" in page(client, "/units/PAN001/nights/last")


def test_pages_of_nights(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        for days in range(130):
            add_observation(session, start=START - timedelta(days=days), images=[{}])
    html = page(client, "/units/PAN001")
    assert html.count('class="night"') == 120
    following = re.search(r'rel="next" href="([^"]+)"', html)
    assert following is not None
    html = page(client, following[1])
    assert html.count('class="night"') == 10
    assert "Newest" in html
    assert "That was the last page" in page(client, "/units/PAN001?before=2000-01-01")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/units/PAN999", 404),
        ("/units/PAN999/nights/2018-10-11", 404),
        ("/units/PAN001/nights/tomorrow", 400),
        ("/units/PAN001/nights/2018-02-30", 400),
        ("/units/PAN001?before=x", 400),
        ("/units/%2e%2e/nights/2018-10-11", 404),
    ],
)
def test_what_there_is_not(client: FlaskClient, db: Engine, path: str, status: int) -> None:
    with rows(db) as session:
        add_observation(session)
    page(client, path, status)


def test_pages_need_nothing_that_the_policy_forbids(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, images=[DONE, CLOUDS])
    for path in ("/units", "/units/PAN001", NIGHT, "/units/PAN001/nights/2018-01-01"):
        html = page(client, path)
        assert not re.search(FORBIDDEN, html)
        assert not re.search(r'(src|href|action)="(https?:)?//', html)


def test_ready_as_long_as_the_data_service_is(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (client.get("/ready").status_code, client.get("/ready").json) == (200, {"status": "ok"})
    away = explorer(monkeypatch, free_port())
    answer = away.get("/ready")
    assert answer.status_code == 503
    assert answer.json == {"status": "not ready", "missing": "observations-data is not reachable"}
    assert away.get("/health").status_code == 200


def test_not_ready_where_the_data_service_is_not(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    environment = web_environment(
        DATABASE_URL=database_url, STORAGE_EMULATOR_HOST=f"http://127.0.0.1:{free_port()}"
    )
    command = web_command("observations-data", port)
    with serving(command, lambda: is_healthy(port), env=environment):
        answer = explorer(monkeypatch, port).get("/ready")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["missing"] == "observations-data: not available: storage"


# --- how a night is laid out


def _shown(minutes: list[int], **columns: Any) -> Any:
    values = dict.fromkeys(TRENDS)
    images = [
        {
            **values,
            "time": (START + timedelta(minutes=minute)).isoformat(),
            "exptime_s": 60.0,
            "state": "solved",
            "reason_code": None,
            "camera_id": "14d3bd",
            "sequence_id": "s",
            "image_id": "i",
            **columns,
        }
        for minute in minutes
    ]
    return {"images": images, "cameras": [{"camera_id": "14d3bd"}], "sequences": []}


def test_marks_lie_in_time_order_within_the_chart() -> None:
    charts = night.charts(_shown([0, 60, 120]))
    assert charts is not None
    [lane] = charts.lanes
    xs = [mark.x for mark in lane.marks]
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1])
    assert xs[0] > 0
    assert xs[2] + lane.marks[2].width < 100
    assert [words for _, words in charts.ticks] == [
        "14:00", "14:30", "15:00", "15:30"
    ]  # fmt: skip


@pytest.mark.parametrize("minutes", [[0], [0, 1], [0, 1439], list(range(0, 1440, 2))])
@pytest.mark.parametrize("exptime_s", [None, 0.0, 120.0, 1e9])
def test_any_night_fits(minutes: list[int], exptime_s: float | None) -> None:
    charts = night.charts(_shown(minutes, exptime_s=exptime_s, fwhm_px=2.0))
    assert charts is not None
    assert all(0 <= mark.x < mark.x + mark.width <= 101 for mark in charts.lanes[0].marks)
    assert all(0 < dot.y < 100 for chart in charts.quantities for dot in chart.dots)
    assert 1 <= len(charts.ticks) <= 14


def test_no_charts_of_an_empty_night() -> None:
    assert night.charts(_shown([])) is None


def test_a_month_has_whole_weeks() -> None:
    nights: Any = [{"date": "2018-10-11", "states": {"error": 1, "solved": 3}, "n_images": 4}]
    [month] = calendar.months(nights, None, date(2018, 10, 20))
    days = [day for week in month.weeks for day in week]
    assert len(days) % 7 == 0
    assert days[0].day.isoweekday() == 1
    [shown] = [day for day in days if day.night]
    assert shown.bar == [("solved", 0.0, 75.0), ("error", 75.0, 25.0)]
    assert [day.day.day for day in days if day.is_open and day.is_of_month] == [*range(1, 21)]


@pytest.mark.parametrize(
    ("share", "words"),
    [(None, "–"), (0.0, "0 %"), (0.001, "1 %"), (0.5, "50 %"), (0.999, "99 %"), (1.0, "100 %")],
)
def test_percent(share: float | None, words: str) -> None:
    assert formatting.percent(share).replace("\u202f", " ") == words


def test_days_and_spans() -> None:
    assert formatting.day("2018-10-01") == formatting.day(date(2018, 10, 1)) == "1 October 2018"
    assert (formatting.span(None), formatting.span(300)) == ("–", "5 min")
