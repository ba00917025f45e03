"""Take the pictures of the explorer that the documentation shows.

``python docs/images/make_screenshots.py http://127.0.0.1:8080`` writes these beside this file:
``home.png``, ``explorer.png``, ``observation.png``, the page of the newest observation that has a
film, ``image.png`` of its first image, ``star.png`` of one of its stars that are not saturated, and
``night.png``, the report of its night.
"""

import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).parent
CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking")
LOADED_MS = 1500
"""Time for pictures and the film's first frame."""
COLOURS = 256
"""Colours in a picture's palette, which takes a quarter of the bytes of full colour."""
SATURATED = 4
"""The bit that source-extractor sets in the flags of a star with saturated pixels."""


def main(explorer_url: str) -> None:
    """Write the pictures of the explorer at `explorer_url`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(explorer_url)
        _take(page, "home")
        page.goto(f"{explorer_url}/observations")
        _take(page, "explorer")
        page.click("tbody tr:has-text('14d3bd') th a")
        _take(page, "observation")
        night = page.locator("a[href*='/nights/']").first.get_attribute("href")
        page.click(".strip a")
        page.get_by_role("checkbox", name="Catalog stars").check()
        _take(page, "image")
        page.goto(explorer_url + _star(page, explorer_url))
        _take(page, "star")
        page.goto(f"{explorer_url}{night}")
        _take(page, "night")
        browser.close()


def _star(page: Page, explorer_url: str) -> str:
    """Return the address of a star of the image that is shown, with its observation chosen."""
    api = f"{explorer_url}/api/images/{page.url.rpartition('/')[2]}"
    sequence_id = page.request.get(api).json()["sequence"]["sequence_id"]
    stars = page.request.get(f"{api}/sources?matched=true&limit=2000").json()["items"]
    unsaturated = [star for star in stars if not star["flags"] & SATURATED]
    middle = unsaturated[len(unsaturated) // 2]
    return f"/sources/{middle['picid']}?sequence_id={sequence_id}"


def _take(page: Page, name: str) -> None:
    page.wait_for_timeout(LOADED_MS)
    picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
    # Few pixels of the pages' own colours are worth as much as many of the sky.
    few = picture.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1)
    few.save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])
