"""observations-explorer over a real observations-data, as a reader of its HTML sees it."""
# ruff: noqa: RUF001 - a page writes real minus signs, primes and dashes

import re
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from astropy.coordinates import Angle
from flask.testing import FlaskClient
from sqlalchemy import Engine

import page_format
import sequence_plots
from panoptes_network import config, storage
from panoptes_network.database.models import ImageState
from tests.conftest import free_port, serving
from tests.service.web_services import (
    START,
    add_observation,
    create_app,
    gunicorn_command,
    gunicorn_environment,
    is_healthy,
    rows,
)

HOSTILE = "<script>alert(1)</script> \"quoted\" 'too' & Köln ☄ ../../etc"
EXTRACTED: dict[str, Any] = {
    "state": ImageState.SOURCES_EXTRACTED,
    "ra_deg": 83.822,
    "dec_deg": -5.391,
    "pixel_scale_arcsec": 10.29,
    "rms_arcsec": 2.058,
    "n_sources": 9012,
    "fwhm_px": 2.1,
}
CONTENT = bytes(range(256)) * 4000


@pytest.fixture(scope="module")
def data_port(database_url: str, storage_port: int) -> Iterator[int]:
    """Port of observations-data under gunicorn."""
    port = free_port()
    environment = gunicorn_environment(
        DATABASE_URL=database_url, STORAGE_EMULATOR_HOST=f"http://127.0.0.1:{storage_port}"
    )
    command = gunicorn_command("observations-data", port)
    with serving(command, lambda: is_healthy(port), env=environment):
        yield port


def explorer(monkeypatch: pytest.MonkeyPatch, data_url: str) -> FlaskClient:
    monkeypatch.setenv("OBSERVATIONS_DATA_URL", data_url)
    config.settings.cache_clear()
    return create_app("observations-explorer").test_client()


@pytest.fixture
def client(db: Engine, data_port: int, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    return explorer(monkeypatch, f"http://127.0.0.1:{data_port}/")


def page(client: FlaskClient, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    return answer.text


def test_empty_network_says_how_to_upload(client: FlaskClient) -> None:
    html = page(client, "/")
    assert "No observations yet" in html
    assert 'bucket("panoptes-raw")' in html


def test_list_shows_what_an_observation_is(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        images = [EXTRACTED, EXTRACTED, {"state": ImageState.ERROR}]
        sequence_id = add_observation(session, images=images)
    html = page(client, "/")
    assert f'href="/observations/{sequence_id}"' in html
    assert "2018-10-11 13:42:02" in html
    assert "3 × 120 s" in html
    assert "<b>2</b> complete" in html
    assert "<b>1</b> error" in html
    # 83.822° = 5 h 35 m 17.28 s and 5.391° = 5° 23' 27.6", by hand.
    assert "05h 35m 17.3s" in html
    assert "−05° 23′ 28″" in html
    assert "83.8220° −5.3910°" in html


def test_hostile_field_stays_text(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, field=HOSTILE, images=[EXTRACTED])
    for path in ("/", f"/observations/{sequence_id}", "/?field=%3Cscript%3E%22%27"):
        html = page(client, path)
        assert "<script" not in html
        assert "&lt;script&gt;" in html
    assert "Köln ☄" in page(client, "/")


def test_search_and_pages_keep_each_other(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        for hour in range(60):
            add_observation(session, start=START + timedelta(hours=hour), field="M 42 & M 43")
        add_observation(session, camera_id="f5a6b7", field="other")
    html = page(client, "/?field=m+42+%26&unit=PAN001")
    assert "60 observations found" in html
    assert html.count('<th scope="row">') == 50
    assert 'value="m 42 &amp;"' in html
    following = re.search(r'rel="next" href="([^"]+)"', html)
    assert following is not None
    html = page(client, "/" + following[1].replace("&amp;", "&"))
    assert html.count('<th scope="row">') == 10
    assert "Newest" in html
    assert 'rel="next"' not in html
    assert "Nothing found" in page(client, "/?field=nowhere")


def test_observation_shows_images_reasons_and_history(client: FlaskClient, db: Engine) -> None:
    unsolved = {
        "state": ImageState.UNSOLVED,
        "reason_code": "too_few_sources",
        "reason": "only 3 stars were found <here>",
    }
    with rows(db) as session:
        images = [{**EXTRACTED, "solved_path": "PAN001/a b/x.fits.fz"}, unsolved, EXTRACTED]
        sequence_id = add_observation(session, images=images)
    html = page(client, f"/observations/{sequence_id}")
    assert "only 3 stars were found &lt;here&gt;" in html
    assert "too_few_sources" in html
    assert "2.06" in html
    # 2.058 arcsec at 10.29 arcsec a pixel.
    assert "(0.20)" in html
    assert 'href="/files/processed/PAN001/a%20b/x.fits.fz"' in html
    history = html.split('<ol class="history">')[1].split("</ol>")[0]
    assert re.findall(r'class="badge (\w+)"', history) == [
        "metadata_received",
        "solving",
        "sources_extracted",
    ]
    assert 'aria-label="Sources: from 9\N{NARROW NO-BREAK SPACE}012' in html


def test_observation_without_images(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, field=None)
    html = page(client, f"/observations/{sequence_id}")
    assert "No image of this observation has arrived yet" in html
    assert "<svg" not in html


@pytest.mark.parametrize(
    "path",
    [
        "/observations/PAN999_14d3bd_20181011T134202",
        "/observations/..%2f..%2fhealth",
        "/observations/%00",
        "/observations/☄",
        "/nowhere",
        "/files/raw/PAN001/none.fits",
        "/files/raw/..%2f..%2fhealth",
        "/files/secret/x",
    ],
)
def test_unknown_pages(client: FlaskClient, path: str) -> None:
    assert "Not Found" in page(client, path, 404)


@pytest.mark.parametrize("query", ["cursor=nonsense", "field=%07", "unit=%00"])
def test_bad_parameter_is_told(client: FlaskClient, query: str) -> None:
    html = page(client, f"/?{query}", 400)
    assert query.partition("=")[0] + " must be" in html


def test_strict_headers_on_every_answer(client: FlaskClient) -> None:
    for path in ("/", "/nowhere", "/static/explorer.css", "/health"):
        with client.get(path) as answer:
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'self';")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "same-origin"


def test_pages_need_nothing_that_the_policy_forbids(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, images=[EXTRACTED, EXTRACTED])
    for path in ("/", f"/observations/{sequence_id}", "/nowhere"):
        html = client.get(path).text
        assert not re.search(r"<style|<script|\sstyle=|\son\w+=", html)
        assert not re.search(r'(src|href|action)="(https?:)?//', html)


@pytest.mark.parametrize("field", ["M42", "KIC 8462852 #1? %20 ü"])
def test_file_comes_through(
    client: FlaskClient,
    db: Engine,
    storage_port: int,
    monkeypatch: pytest.MonkeyPatch,
    field: str,
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{storage_port}")
    with rows(db) as session:
        sequence_id = add_observation(session, field=field, images=[EXTRACTED])
    href = re.search(r'href="(/files/raw/[^"]+)"', page(client, f"/observations/{sequence_id}"))
    assert href is not None
    storage.client.cache_clear()
    bucket = storage.client().bucket("panoptes-raw")
    if not bucket.exists():
        bucket.create()
    path = f"PAN001/{field}/14d3bd/20181011T134202/20181011T134333.fits.fz"
    bucket.blob(path).upload_from_string(CONTENT)
    storage.client.cache_clear()
    whole = client.get(href[1])
    assert whole.data == CONTENT
    assert whole.headers["Content-Disposition"] == "attachment; filename=20181011T134333.fits.fz"
    part = client.get(href[1], headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.data) == (206, CONTENT[100:200])
    unchanged = client.get(href[1], headers={"If-None-Match": whole.headers["ETag"]})
    assert unchanged.status_code == 304
    assert client.head(href[1]).headers["Content-Length"] == str(len(CONTENT))


# --- when observations-data fails


@pytest.fixture
def upstream(request: pytest.FixtureRequest) -> Iterator[int]:
    """Port of a server that answers each request with the status and body of the parameter."""
    status, body = request.param

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Keep the tests' output clean."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_data_service_away(monkeypatch: pytest.MonkeyPatch) -> None:
    client = explorer(monkeypatch, f"http://127.0.0.1:{free_port()}")
    for path in ("/", f"/observations/PAN001_14d3bd_{START:%Y%m%dT%H%M%S}", "/files/raw/a"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "10"
        assert "The data service does not answer" in answer.text
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize(
    ("upstream", "expected"),
    [
        ((200, b"<html>"), 502),
        ((200, b"[]"), 502),
        ((200, b"\xff\xfe"), 502),
        ((500, b"oh"), 502),
        ((503, b"{}"), 503),
        ((400, b"not json"), 400),
        ((404, b'{"detail": "<b>nothing</b>"}'), 404),
    ],
    indirect=["upstream"],
)
def test_data_service_answers_something_else(
    upstream: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = explorer(monkeypatch, f"http://127.0.0.1:{upstream}")
    assert "<b>nothing" not in page(client, "/", expected)


# --- how values look


@pytest.mark.parametrize("ra_deg", [0.0, 83.822, 303.211, 359.9997, 15.0])
def test_hms_as_astropy_writes_it(ra_deg: float) -> None:
    words = page_format.hms(ra_deg).translate({ord("h"): ":", ord("m"): ":", ord("s"): " "})
    expected = Angle(ra_deg, "deg").to_string(unit="hour", sep=":", precision=1, pad=True)
    assert words.replace(" ", "") == expected


@pytest.mark.parametrize("dec_deg", [0.0, -5.391, 46.02, -0.0042, 89.9999, -90.0])
def test_dms_as_astropy_writes_it(dec_deg: float) -> None:
    words = page_format.dms(dec_deg).translate({ord("°"): ":", ord("′"): ":", ord("″"): " "})
    expected = Angle(dec_deg, "deg").to_string(sep=":", precision=0, pad=True, alwayssign=True)
    assert words.replace(" ", "").replace("−", "-") == expected


def test_right_ascension_never_shows_24h() -> None:
    assert page_format.hms(359.99999) == "00h 00m 00.0s"


def test_missing_values_are_dashes() -> None:
    texts = [page_format.utc(None), page_format.figure(None), page_format.hms(None)]
    assert [*texts, page_format.dms(None)] == ["–"] * 4
    assert page_format.in_pixels(None, 10.29) is None
    assert page_format.in_pixels(2.0, None) is None


def test_figures_group_thousands_and_keep_the_sign() -> None:
    assert page_format.figure(-1234567.891, 1) == "−1\u202f234\u202f567.9"


def test_time_is_shown_in_utc() -> None:
    assert page_format.utc("2018-10-11T03:42:02-10:00") == "2018-10-11 13:42:02"


def _images(values: list[float | None]) -> list[dict[str, object]]:
    columns = dict.fromkeys(quantity.column for quantity in sequence_plots.QUANTITIES)
    times = [(START + timedelta(minutes=2 * i)).isoformat() for i in range(len(values))]
    return [
        {**columns, "time": time, "fwhm_px": value}
        for time, value in zip(times, values, strict=True)
    ]


def test_plot_leaves_out_what_was_not_measured() -> None:
    [plot] = sequence_plots.plots(_images([2.0, None, 3.0, 2.5]))
    xs, ys = [p.x for p in plot.points], [p.y for p in plot.points]
    left, right = sequence_plots.LEFT, sequence_plots.WIDTH - sequence_plots.RIGHT
    # The second image keeps its place in time: the third lies two thirds of the way.
    assert xs == pytest.approx([left, left + (right - left) * 2 / 3, right])
    assert ys[1] < ys[2] < ys[0]
    assert (plot.low, plot.high) == ("2.00", "3.00")


@pytest.mark.parametrize("values", [[], [2.0], [None, 2.0]])
def test_no_plot_of_less_than_two_points(values: list[float | None]) -> None:
    assert sequence_plots.plots(_images(values)) == []


def test_equal_values_lie_in_the_middle() -> None:
    [plot] = sequence_plots.plots(_images([2.0, 2.0]))
    middle = (sequence_plots.TOP + sequence_plots.HEIGHT - sequence_plots.BOTTOM) / 2
    assert [point.y for point in plot.points] == [middle, middle]
