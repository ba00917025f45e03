"""Names over the picture of a full frame, in a real Chromium."""

import io
import os
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image
from playwright.sync_api import Browser, Page
from sqlalchemy import Engine, select

from panoptes_network.database.models import ImageFile
from panoptes_network.states import FileKind, ImageState
from simulator.optics import field_wcs
from tests.end_to_end.browsing import DARK, LIGHT, NO_SCRIPT, PHONE, guarded_page, in_modes
from tests.service.support.web_services import add_observation, rows, storage_at, store

WIDTH, HEIGHT = 5208, 3476
IMAGE_ID = "PAN001_14d3bd_20181011T134333"
PATH = "PAN001/Orion/14d3bd/20181011T134202/solved.fits.fz"
LABEL_BOXES = """() => [...document.querySelectorAll(".named text")]
  .filter((label) => label.checkVisibility({ visibilityProperty: true }))
  .map((label) => [label.textContent, label.getBoundingClientRect()])
  .map(([words, box]) => [words, box.left, box.top, box.right, box.bottom])"""


@pytest.fixture(scope="module")
def orion(module_db: Engine, storage_port: int) -> None:
    """Add a solved image of Orion with a black picture."""
    with rows(module_db) as session:
        column = {"state": ImageState.SOLVED, "solved_path": PATH, "files": {FileKind.PICTURE: 1}}
        add_observation(session, images=[column])
        [file] = session.scalars(select(ImageFile)).all()
    wcs = field_wcs(83.8, -5.4, 20.0, WIDTH, HEIGHT)
    header = wcs.to_header(relax=True)
    for axis in (1, 2):
        for other in (1, 2):
            header.remove(f"PC{axis}_{other}", ignore_missing=True)
            header[f"CD{axis}_{other}"] = wcs.wcs.cd[axis - 1, other - 1]
    solved, picture = io.BytesIO(), io.BytesIO()
    hdu = fits.CompImageHDU(np.zeros((HEIGHT, WIDTH), np.uint16), header)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(solved)
    Image.new("RGB", (WIDTH // 2, HEIGHT // 2), (12, 14, 20)).save(picture, "JPEG")
    with storage_at(storage_port):
        store("panoptes-processed", PATH, solved.getvalue())
        store(file.bucket, file.path, picture.getvalue())


@pytest.fixture
def page(
    request: pytest.FixtureRequest, browser: Browser, explorer_url: str, orion: None
) -> Iterator[Page]:
    """A page in the mode that the test asks for; it must stay out of trouble."""
    with guarded_page(browser, explorer_url, request.param) as opened:
        yield opened


@in_modes(LIGHT, DARK, PHONE, NO_SCRIPT)
def test_names_are_beside_their_stars_and_apart(page: Page) -> None:
    page.goto(f"/images/{IMAGE_ID}")
    page.locator(".sheet img").scroll_into_view_if_needed()
    if shots := os.environ.get("SHOTS"):
        page.screenshot(path=Path(shots) / f"names_{page.viewport_size}.png", full_page=True)
    labels = page.evaluate(LABEL_BOXES)
    names = [label[0] for label in labels]
    assert {"Alnilam", "M42", "Orion"} <= set(names)
    for (one, *box), (other, *second) in combinations(labels, 2):
        apart_x = min(box[2], second[2]) - max(box[0], second[0])
        apart_y = min(box[3], second[3]) - max(box[1], second[1])
        assert apart_x <= 0 or apart_y <= 0, (one, other)
    picture = page.locator(".sheet img").bounding_box()
    assert picture is not None
    star = page.locator(".named g", has_text="Alnilam").locator("use").bounding_box()
    assert star is not None
    # As astropy's projection has it, from the middle of the frame's first pixel.
    wcs = field_wcs(83.8, -5.4, 20.0, WIDTH, HEIGHT)
    x, y = (float(at) for at in wcs.all_world2pix(84.05339, -1.20192, 0))
    scale = picture["width"] / WIDTH
    assert star["x"] + star["width"] / 2 - picture["x"] == pytest.approx((x + 0.5) * scale, abs=2)
    below = (HEIGHT - y - 0.5) * scale
    assert star["y"] + star["height"] / 2 - picture["y"] == pytest.approx(below, abs=2)


@in_modes(LIGHT, NO_SCRIPT)
def test_names_can_be_hidden_and_are_listed(page: Page) -> None:
    page.goto(f"/images/{IMAGE_ID}")
    page.get_by_label("Names", exact=True).uncheck()
    assert page.evaluate(LABEL_BOXES) == []
    page.get_by_label("Names", exact=True).check()
    assert page.evaluate(LABEL_BOXES)
    listed = page.locator(".in-picture")
    assert listed.get_by_role("link", name="Alnilam").count() == 1
    assert "planet b" in listed.inner_text()
    listed.get_by_role("link", name="Great Orion Nebula").click()
    assert "near=M42" in page.url
