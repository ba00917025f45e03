"""Take the pictures of the explorer that the documentation shows.

``python docs/images/make_screenshots.py http://127.0.0.1:8080`` writes ``explorer.png``,
``observation.png``, the page of the newest observation that has a film, ``image.png`` of its first
image, ``star.png`` of its brightest star that is not saturated, and ``night.png``, the report of
its night, beside this file.
"""

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).parent
CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking")
LOADED_MS = 1500
"""Time for pictures and the film's first frame."""
UNSATURATED_ADU = 8000
"""Above black, in the brightest pixel of a star whose stamps are whole."""


def main(explorer_url: str) -> None:
    """Write the pictures of the explorer at `explorer_url`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(explorer_url)
        _take(page, "explorer")
        page.click("tbody tr:has-text('14d3bd') th a")
        _take(page, "observation")
        page.click(".strip a")
        page.get_by_label("Catalog stars").check()
        _take(page, "image")
        page.goto(explorer_url + _star(page, explorer_url))
        _take(page, "star")
        page.goto(f"{explorer_url}/units/PAN001/nights/last")
        _take(page, "night")
        browser.close()


def _star(page: Page, explorer_url: str) -> str:
    """Return the address of a star of the image that is shown."""
    image_id = page.url.rpartition("/")[2]
    query = "matched=true&limit=2000"
    answer = page.request.get(f"{explorer_url}/api/images/{image_id}/sources?{query}").json()
    unsaturated = (star for star in answer["items"] if star["peak_adu"] < UNSATURATED_ADU)
    return f"/sources/{next(unsaturated)['picid']}"


def _take(page: Page, name: str) -> None:
    page.wait_for_timeout(LOADED_MS)
    page.screenshot(path=FOLDER / f"{name}.png")


if __name__ == "__main__":
    main(sys.argv[1])
