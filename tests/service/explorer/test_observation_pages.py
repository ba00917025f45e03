"""observations-explorer over a real observations-data, as a reader of its HTML sees it."""
# ruff: noqa: RUF001 - a page writes real minus signs, primes and dashes

import html as html_text
import re
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from panoptes_network import config
from panoptes_network.states import FileKind, ImageState
from tests.conftest import free_port
from tests.service.support.web_services import (
    FORBIDDEN,
    START,
    add_observation,
    create_app,
    rows,
    storage_at,
    store,
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
ALL_FILES = {
    FileKind.CR2: 24_123_456,
    FileKind.RED: 9_870_000,
    FileKind.GREEN: 9_880_000,
    FileKind.BLUE: 9_890_000,
    FileKind.PICTURE: 1_440_000,
    FileKind.THUMBNAIL: 15_800,
}
FILM_PATH = f"PAN001/{HOSTILE.replace('/', '')}/14d3bd/20181011T134202/20181011T134202.mp4"
CONTENT = bytes(range(256)) * 4000


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
    html = page(client, "/observations")
    assert "No observations yet" in html
    assert 'bucket("panoptes-raw")' in html


def test_list_shows_what_an_observation_is(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        images = [EXTRACTED, EXTRACTED, {"state": ImageState.ERROR}]
        sequence_id = add_observation(session, images=images)
    html = page(client, "/observations")
    assert f'href="/observations/{sequence_id}"' in html
    assert ">2018-10-11</span> <span>13:42:02<" in html
    assert 'data-label="Exposure" class="number">120 s<' in html
    assert '<span class="n-images">3</span>' in html
    assert "<b>2</b> complete" in html
    assert "<b>1</b> error" in html
    # 83.822° = 5 h 35 m 17.28 s and 5.391° = 5° 23' 27.6", by hand.
    assert "05h 35m 17.3s" in html
    assert "−05° 23′ 28″" in html
    assert "83.8220° −5.3910°" in html


def test_hostile_field_stays_text(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, field=HOSTILE, images=[EXTRACTED])
    searched = "/observations?field=%3Cscript%3E%22%27"
    for path in ("/observations", f"/observations/{sequence_id}", searched):
        html = page(client, path)
        assert not re.search(FORBIDDEN, html)
        assert "&lt;script&gt;" in html
    assert "Köln ☄" in page(client, "/observations")


def test_search_and_pages_keep_each_other(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        for hour in range(60):
            add_observation(session, start=START + timedelta(hours=hour), field="M 42 & M 43")
        add_observation(session, camera_id="f5a6b7", field="other")
    html = page(client, "/observations?field=m+42+%26&unit=PAN001")
    assert "60 observations found" in html
    assert html.count('<th scope="row">') == 50
    assert 'value="m 42 &amp;"' in html
    following = re.search(r'rel="next" href="([^"]+)"', html)
    assert following is not None
    html = page(client, "/observations" + following[1].replace("&amp;", "&"))
    assert html.count('<th scope="row">') == 10
    assert "Newest" in html
    assert 'rel="next"' not in html
    assert "Nothing found" in page(client, "/observations?field=nowhere")


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


def test_list_shows_a_picture_of_each_observation(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, images=[{"files": ALL_FILES}, {"files": ALL_FILES}, {}])
        add_observation(session, start=START - timedelta(days=1), images=[{}])
    pictured, bare = page(client, "/observations").split('<td class="preview">')[1:]
    thumbnail = "PAN001/M42/14d3bd/20181011T134202/20181011T134543_thumb.jpg"
    assert f'<img class="thumbnail" src="/files/processed/{thumbnail}" alt=""' in pictured
    assert 'width="320" height="214" loading="lazy"' in pictured
    assert "<img" not in bare
    assert "No picture" in bare


def test_observation_shows_its_film(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        sequence_id = add_observation(
            session,
            field=HOSTILE.replace("/", ""),
            images=[{}, {"files": ALL_FILES}],
            film_path=FILM_PATH,
            film_frames=12,
        )
    html = page(client, f"/observations/{sequence_id}")
    assert "<script>" not in html
    film = html.split('<figure class="film">')[1].split("</figure>")[0]
    poster, source, link = re.findall(' (?:src|poster|href)="([^"]+)"', film)
    assert unquote(html_text.unescape(source)) == f"/files/processed/{FILM_PATH}"
    assert poster == source.replace("20181011T134202.mp4", "20181011T134543.jpg")
    assert link == source
    assert 'controls loop playsinline preload="metadata" width="1920" height="1320"' in film
    assert "12 frames" in film
    assert 'download="20181011T134202.mp4"' in film


def test_observation_says_why_it_has_no_film(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        waiting = add_observation(session)
        given_up = add_observation(
            session, start=START - timedelta(days=1), film_reason="only 2 <frames>"
        )
    html = page(client, f"/observations/{waiting}")
    assert "once uploads have stopped for a while" in html
    assert "at least three frames" in html
    html = page(client, f"/observations/{given_up}")
    assert '<p class="reason">only 2 &lt;frames&gt;</p>' in html
    assert "<video" not in html


def test_film_of_earlier_images_stays(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, film_path=FILM_PATH, film_reason="only 1 frame")
    html = page(client, f"/observations/{sequence_id}")
    assert "<video" in html
    assert "The film could not be updated after images changed: only 1 frame" in html


def test_observation_shows_its_pictures_in_time_order(client: FlaskClient, db: Engine) -> None:
    without_preview: dict[str, Any] = {"files": {FileKind.PICTURE: 1}}
    with rows(db) as session:
        sequence_id = add_observation(session, images=[{"files": ALL_FILES}, {}, without_preview])
    html = page(client, f"/observations/{sequence_id}")
    strip = html.split('<ol class="strip frames"')[1].split("</ol>")[0]
    first, second, third = strip.split("<li>")[1:]
    folder = "/files/processed/PAN001/M42/14d3bd/20181011T134202"
    assert 'href="/images/PAN001_14d3bd_20181011T134333"' in first
    assert f'src="{folder}/20181011T134333_thumb.jpg"' in first
    assert 'width="320" height="214" loading="lazy"' in first
    for frame in (second, third):
        assert ("<img" in frame, "No picture" in frame) == (False, True)
    # Each has its state, and a link that says when it was taken.
    assert "13:45:43</time></a>" in second
    assert '<span class="badge metadata_received">received</span>' in third


def test_image_links_to_all_its_files(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        images = [{"solved_path": "PAN001/solved.fits.fz", "files": ALL_FILES}]
        sequence_id = add_observation(session, images=images)
    html = page(client, f"/observations/{sequence_id}")
    files = html.split('<ul class="files"')[1].split("</ul>")[0]
    words = [re.sub(r"<span class=.hidden.*?</span>|<[^>]+>", "", f) for f in files.split("<li>")]
    assert [" ".join(word.split()) for word in words[1:]] == [
        "Raw FITS",
        "Solved FITS",
        "CR2 24.1 MB",
        "Red FITS 9.9 MB",
        "Green FITS 9.9 MB",
        "Blue FITS 9.9 MB",
        "Picture 1.4 MB",
        "Thumbnail 16 kB",
    ]
    assert 'href="/files/raw/PAN001/M42/14d3bd/20181011T134202/20181011T134333.cr2"' in files


def test_observation_without_pictures_or_files(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, images=[{"bucket_path": None}])
    html = page(client, f"/observations/{sequence_id}")
    assert ("<img class=" in html, 'class="files"' in html) == (False, False)


def test_observation_without_images(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, field=None)
    html = page(client, f"/observations/{sequence_id}")
    assert "No images of this observation yet" in html
    assert "<svg" not in html


@pytest.mark.parametrize(
    "path",
    [
        "/observations/PAN999_14d3bd_20181011T134202",
        "/observations/..%2f..%2fhealth",
        "/observations/☄",
        "/nowhere",
        "/files/raw/PAN001/none.fits",
        "/files/raw/..%2f..%2fhealth",
        "/files/secret/x",
    ],
)
def test_unknown_pages(client: FlaskClient, path: str) -> None:
    assert "Not Found" in page(client, path, 404)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("cursor=nonsense", "cursor must be"),
        ("unit=%00", "unit must be"),
        ("field=%07", "“Field” must be text of up to 200 characters"),
        ("near=Nowhere+at+all", "“Near” must be a field of the network"),
        ("near=400+5", "The right ascension in “Near” must be degrees from 0 to 360"),
        ("near=40+95", "The declination in “Near” must be degrees from -90 to 90"),
        ("near=M42&radius=x", "“Within” must be a number from 0 to"),
        ("min_images=many", "“Images at least” must be a whole number"),
        ("max_exptime=-1", "“Exposure at most” must be a number from 0 to"),
        ("after=yesterday", "“From” must be a date like 2018-10-11"),
        ("state=lost", "“With an image” must be one of"),
    ],
)
def test_a_wrong_value_is_explained_in_the_forms_words(
    client: FlaskClient, query: str, words: str
) -> None:
    assert words in page(client, f"/observations?{query}", 400)


def test_strict_headers_on_every_answer(client: FlaskClient) -> None:
    for path in ("/", "/nowhere", "/static/any/explorer.css", "/health"):
        with client.get(path) as answer:
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'self';")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "same-origin"


def test_pages_need_nothing_that_the_policy_forbids(client: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        pictured = {**EXTRACTED, "files": ALL_FILES}
        sequence_id = add_observation(session, images=[pictured, pictured], film_path=FILM_PATH)
    for path in ("/", "/observations", f"/observations/{sequence_id}", "/nowhere"):
        html = client.get(path).text
        assert not re.search(FORBIDDEN, html)
        loading = re.sub(r'<a href="https://[^"]*"', "<a", html)  # a link loads nothing
        assert not re.search(r'(src|href|action)="(https?:)?//', loading)


@pytest.mark.parametrize("field", ["M42", "KIC 8462852 #1? %20 ü"])
def test_file_comes_through(
    client: FlaskClient,
    db: Engine,
    storage_port: int,
    field: str,
) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, field=field, images=[EXTRACTED])
    href = re.search(r'href="(/files/raw/[^"]+)"', page(client, f"/observations/{sequence_id}"))
    assert href is not None
    path = f"PAN001/{field}/14d3bd/20181011T134202/20181011T134333.fits.fz"
    with storage_at(storage_port):
        store("panoptes-raw", path, CONTENT)
    whole = client.get(href[1])
    assert whole.data == CONTENT
    assert whole.headers["Content-Disposition"] == "attachment; filename=20181011T134333.fits.fz"
    part = client.get(href[1], headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.data) == (206, CONTENT[100:200])
    unchanged = client.get(href[1], headers={"If-None-Match": whole.headers["ETag"]})
    assert unchanged.status_code == 304
    changed = client.get(href[1], headers={"If-Match": '"other"', "Range": "bytes=100-199"})
    assert changed.status_code == 412
    beyond = client.get(href[1], headers={"Range": f"bytes={len(CONTENT)}-"})
    assert beyond.status_code == 416
    assert client.head(href[1]).headers["Content-Length"] == str(len(CONTENT))


def test_film_comes_through_as_one(client: FlaskClient, db: Engine, storage_port: int) -> None:
    with rows(db) as session:
        sequence_id = add_observation(session, film_path=FILM_PATH)
    source = re.search('source src="([^"]+)"', page(client, f"/observations/{sequence_id}"))
    assert source is not None
    href = html_text.unescape(source[1])
    with storage_at(storage_port):
        store("panoptes-processed", FILM_PATH, CONTENT)
    part = client.get(href, headers={"Range": "bytes=100-"})
    assert (part.status_code, part.data) == (206, CONTENT[100:])
    assert part.headers["Content-Type"] == "video/mp4"
    assert part.headers["Content-Disposition"] == "inline; filename=20181011T134202.mp4"
    assert part.headers["X-Content-Type-Options"] == "nosniff"


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
    for path in (
        "/",
        "/observations",
        f"/observations/PAN001_14d3bd_{START:%Y%m%dT%H%M%S}",
        "/files/raw/a",
    ):
        answer = client.get(path)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "10"
        assert "The data service is not reachable" in answer.text
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
