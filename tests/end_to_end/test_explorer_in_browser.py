"""The explorer's pages in a real Chromium, over both services under gunicorn."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Request, sync_playwright
from sqlalchemy import Engine, select

from panoptes_network.database.models import FileKind, ImageFile, ImageState
from tests.conftest import free_port, serving
from tests.service.web_services import (
    START,
    add_observation,
    gunicorn_command,
    gunicorn_environment,
    is_healthy,
    rows,
    storage_at,
    store,
)

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking")
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=1</script>'
EXTRACTED: dict[str, Any] = {
    "state": ImageState.SOURCES_EXTRACTED,
    "ra_deg": 83.822,
    "dec_deg": -5.391,
    "pixel_scale_arcsec": 10.29,
    "rms_arcsec": 2.058,
    "n_sources": 9012,
    "fwhm_px": 2.1,
}
UNSOLVED = {
    "state": ImageState.UNSOLVED,
    "reason_code": "too_few_sources",
    "reason": "only 3 stars were found",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}: install Debian's chromium to test the pages")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def explorer_url(database_url: str, storage_port: int) -> Iterator[str]:
    """Address of the explorer, with observations-data behind it."""
    data_port, port = free_port(), free_port()
    environment = gunicorn_environment(
        DATABASE_URL=database_url,
        STORAGE_EMULATOR_HOST=f"http://127.0.0.1:{storage_port}",
        OBSERVATIONS_DATA_URL=f"http://127.0.0.1:{data_port}",
    )
    data = gunicorn_command("observations-data", data_port)
    explorer = gunicorn_command("observations-explorer", port)
    with (
        serving(data, lambda: is_healthy(data_port), env=environment),
        serving(explorer, lambda: is_healthy(port), env=environment),
    ):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def observation_id(db: Engine) -> str:
    """Id of an observation whose field tries to be HTML."""
    with rows(db) as session:
        return add_observation(session, field=HOSTILE, images=[EXTRACTED, UNSOLVED, EXTRACTED])


@pytest.fixture
def film_and_pictures(db: Engine, storage_port: int, tmp_path: Path) -> str:
    """Id of an observation with a film of a second and three pictures."""
    path = "PAN001/M31/14d3bd/20181012T134202/20181012T134202.mp4"
    pictured = {**EXTRACTED, "files": {FileKind.PICTURE: 1, FileKind.THUMBNAIL: 1}}
    with rows(db) as session:
        sequence_id = add_observation(
            session,
            start=START + timedelta(days=1),
            field="M31",
            images=[pictured] * 3,
            film_path=path,
            film_frames=12,
        )
        files = session.scalars(select(ImageFile)).all()
    picture = tmp_path / "picture.jpg"
    Image.new("RGB", (320, 214), "navy").save(picture)
    with storage_at(storage_port):
        store("panoptes-processed", path, film_of_a_second(tmp_path / "film.mp4"))
        for file in files:
            store(file.bucket, file.path, picture.read_bytes())
    return sequence_id


def film_of_a_second(path: Path) -> bytes:
    """Return an H.264 film of twelve frames, each brighter than the one before it."""
    size = (96, 64)
    options = ["-movflags", "+faststart"]
    writer = imageio_ffmpeg.write_frames(str(path), size, fps=12, output_params=options)
    writer.send(None)
    for grey in range(0, 240, 20):
        writer.send(bytes([grey]) * (3 * size[0] * size[1]))
    writer.close()
    return path.read_bytes()


@pytest.fixture(params=["light", "dark", "phone", "without JavaScript"])
def page(
    request: pytest.FixtureRequest, browser: Browser, explorer_url: str, observation_id: str
) -> Iterator[Page]:
    """A page that must stay on its own origin and out of trouble until the test ends."""
    width = 360 if request.param == "phone" else 1280
    context = browser.new_context(
        base_url=explorer_url,
        viewport={"width": width, "height": 800},
        color_scheme="dark" if request.param == "dark" else "light",
        java_script_enabled=request.param != "without JavaScript",
    )
    troubles: list[str] = []

    def check_origin(asked: Request) -> None:
        if not asked.url.startswith(explorer_url):
            troubles.append(f"a foreign request: {asked.url}")

    opened = context.new_page()
    opened.on("console", lambda message: troubles.append(message.text))
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on(
        "request", lambda r: None if r.url.startswith(explorer_url) else troubles.append(r.url)
    )
    yield opened
    assert troubles == []
    context.close()


def has_no_sideways_scroll(page: Page) -> bool:
    viewport = page.viewport_size
    assert viewport is not None
    # A link that was clicked has led on, but the stylesheet may still be on its way.
    page.wait_for_load_state("load")
    contents_px = page.evaluate("document.documentElement.scrollWidth")
    return bool(contents_px <= viewport["width"])


def test_from_the_list_to_an_observation(page: Page, observation_id: str) -> None:
    page.goto("/")
    assert page.get_by_role("heading", level=1).inner_text() == "Observations"
    assert page.locator("caption").inner_text() == "1 observation, newest first"
    assert has_no_sideways_scroll(page)
    page.get_by_role("link", name=HOSTILE).click()
    assert page.url.endswith(f"/observations/{observation_id}")
    assert page.get_by_role("heading", level=1).inner_text() == HOSTILE
    assert page.title() == f"{HOSTILE} · PANOPTES Network"
    assert page.get_by_text("only 3 stars were found").first.is_visible()
    assert page.get_by_role("img", name="Star width").is_visible()
    assert has_no_sideways_scroll(page)


def test_history_opens(page: Page, observation_id: str) -> None:
    page.goto(f"/observations/{observation_id}")
    first = page.locator("ol.history").first
    assert not first.is_visible()
    page.locator("tbody summary").first.press("Enter")
    assert first.is_visible()
    assert "gce-plate-solver" in first.inner_text()


def test_film_and_pictures_load(page: Page, film_and_pictures: str) -> None:
    page.goto("/")
    assert page.locator(".preview img").evaluate("image => image.decode().then(() => true)")
    page.goto(f"/observations/{film_and_pictures}")
    film = page.locator("video")
    page.wait_for_function("document.querySelector('video').readyState >= 1")
    assert film.evaluate("film => film.duration") == pytest.approx(1, abs=0.1)
    assert page.locator(".strip img").count() == 3
    assert has_no_sideways_scroll(page)


def test_from_the_units_to_a_night(page: Page, observation_id: str) -> None:
    page.goto("/")
    page.get_by_role("link", name="Units").click()
    page.get_by_role("link", name="PAN001").click()
    assert page.get_by_role("heading", level=1).inner_text() == "PAN001"
    assert has_no_sideways_scroll(page)
    page.get_by_role("link", name="3 images on 11 October 2018").click()
    assert page.url.endswith("/units/PAN001/nights/2018-10-11")
    assert page.get_by_role("heading", level=1).inner_text().startswith("Night of 11 October 2018")
    assert page.get_by_role("heading", name="What to look at").is_visible()
    assert has_no_sideways_scroll(page)


def test_marks_of_a_night_lead_to_their_images(page: Page, observation_id: str) -> None:
    page.goto("/units/PAN001/nights/2018-10-11")
    marks = page.locator("svg .mark")
    boxes = [mark.bounding_box() for mark in marks.all()]
    assert len(boxes) == 3
    lefts = [box["x"] for box in boxes if box]
    assert lefts == sorted(lefts)
    # Colours are those of the states, in light and in dark.
    colours = [mark.evaluate("mark => getComputedStyle(mark).fill") for mark in marks.all()]
    assert colours[0] == colours[2] != colours[1]
    assert page.locator("svg circle").first.is_visible()
    marks.nth(1).click()
    page.wait_for_url(f"**/observations/{observation_id}#PAN001_14d3bd_20181011T134543")


def test_an_empty_night(page: Page, observation_id: str) -> None:
    page.goto("/units/PAN001/nights/2018-10-14")
    assert page.get_by_text("Was it clear?").is_visible()
    assert has_no_sideways_scroll(page)
    page.get_by_role("link", name="11 October 2018").click()
    page.wait_for_url("**/units/PAN001/nights/2018-10-11")


def test_search_and_pages_by_links_alone(page: Page, db: Engine) -> None:
    with rows(db) as session:
        for hour in range(1, 60):
            add_observation(session, start=START - timedelta(hours=hour))
    page.goto("/")
    page.get_by_label("Unit").fill("pan001")
    page.get_by_label("Field").fill("m42")
    page.get_by_role("button", name="Search").click()
    assert page.locator("caption").inner_text() == "59 observations found, newest first"
    assert page.locator("tbody tr").count() == 50
    page.get_by_role("link", name="Older").click()
    assert page.locator("tbody tr").count() == 9
    page.get_by_role("link", name="Newest").click()
    assert page.locator("tbody tr").count() == 50


def test_first_tab_skips_to_the_content(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**#content")


def test_unknown_observation(browser: Browser, explorer_url: str, db: Engine) -> None:
    page = browser.new_page()
    answer = page.goto(f"{explorer_url}/observations/PAN001_14d3bd_20000101T000000")
    assert answer is not None
    assert answer.status == 404
    assert page.get_by_role("heading", level=1).inner_text() == "Not Found"
    page.close()
