"""Take the pictures of the explorer that the documentation shows.

``python docs/images/make_screenshots.py http://127.0.0.1:8080`` writes ``explorer.png`` and
``observation.png``, the page of the newest observation, beside this file.
"""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).parent
CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking")


def main(explorer_url: str) -> None:
    """Write both pictures of the explorer at `explorer_url`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(explorer_url)
        page.screenshot(path=FOLDER / "explorer.png")
        page.click("tbody th a")
        page.screenshot(path=FOLDER / "observation.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
