"""Films and pictures of an observation in a real Chromium."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import imageio_ffmpeg
import pytest
from PIL import Image as Picture
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import Engine, select

from panoptes_network.database.models import ImageFile
from panoptes_network.states import FileKind
from tests.end_to_end.browsing import LIGHT, NO_SCRIPT, PHONE, guarded_page, in_modes
from tests.end_to_end.explored import EXTRACTED, HOSTILE, UNSOLVED, has_no_sideways_scroll
from tests.service.support.web_services import (
    START,
    add_observation,
    rows,
    storage_at,
    store,
)

GREY_SHOWN = """film => {
  const pen = new OffscreenCanvas(1, 1).getContext("2d");
  pen.drawImage(film, 0, 0, 1, 1);
  return pen.getImageData(0, 0, 1, 1).data[0];
}"""


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
    Picture.new("RGB", (320, 214), "navy").save(picture)
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


@pytest.fixture
def page(
    request: pytest.FixtureRequest, browser: Browser, explorer_url: str, observation_id: str
) -> Iterator[Page]:
    """A page that must stay on its own origin and out of trouble until the test ends."""
    with guarded_page(browser, explorer_url, request.param) as opened:
        yield opened


@in_modes(LIGHT, PHONE, NO_SCRIPT)
def test_film_and_pictures_load(page: Page, film_and_pictures: str) -> None:
    page.goto("/observations")
    assert page.locator(".preview img").evaluate("image => image.decode().then(() => true)")
    page.goto(f"/observations/{film_and_pictures}")
    film = page.locator("video")
    page.wait_for_function("document.querySelector('video').readyState >= 1")
    assert film.evaluate("film => film.duration") == pytest.approx(1, abs=0.1)
    expect(page.locator(".strip img")).to_have_count(3)
    assert has_no_sideways_scroll(page)


@in_modes(LIGHT)
def test_film_is_stepped_frame_by_frame(page: Page, film_and_pictures: str) -> None:
    page.goto(f"/observations/{film_and_pictures}")
    film = page.locator("video")
    page.wait_for_function("document.querySelector('video').readyState >= 2")
    back, forward = (page.get_by_role("button", name=f"Frame {way}") for way in ("back", "forward"))
    for frame, button in [(1, forward), (2, forward), (3, forward), (2, back), (1, back)]:
        button.click()
        # Each frame is brighter by 20 than the one before it, but for what H.264 leaves of that.
        expect_grey(page, film, 20 * frame)
    for _ in range(3):
        back.click()
    expect_grey(page, film, 0)
    page.get_by_label("Speed").select_option("½")
    assert film.evaluate("film => film.playbackRate") == 0.5


@in_modes(NO_SCRIPT)
def test_a_film_without_scripts_has_no_buttons(page: Page, film_and_pictures: str) -> None:
    page.goto(f"/observations/{film_and_pictures}")
    assert page.locator("video").is_visible()
    assert not page.locator(".film-tools").is_visible()


def expect_grey(page: Page, film: Locator, grey: int) -> None:
    """Wait until a film shows a frame of this grey."""
    for _ in range(50):
        shown = film.evaluate(GREY_SHOWN)
        if abs(shown - grey) < 8:
            return
        page.wait_for_timeout(50)
    pytest.fail(f"{shown} is shown, not {grey}")
