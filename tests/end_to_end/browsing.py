"""A page in a browser that must stay on its own origin and out of trouble."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, Request

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking")


@contextmanager
def guarded_page(browser: Browser, explorer_url: str, mode: str) -> Iterator[Page]:
    """Open a page that is light, dark, a phone's, or without JavaScript, as `mode` says.

    At the end nothing may have been asked of another origin, and the console must be empty.
    """
    context = browser.new_context(
        base_url=explorer_url,
        viewport={"width": 360 if mode == "phone" else 1280, "height": 800},
        color_scheme="dark" if mode == "dark" else "light",
        java_script_enabled=mode != "without JavaScript",
    )
    troubles: list[str] = []

    def check_origin(asked: Request) -> None:
        if not asked.url.startswith(explorer_url):
            troubles.append(f"a foreign request: {asked.url}")

    page = context.new_page()
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", check_origin)
    yield page
    assert troubles == []
    context.close()
