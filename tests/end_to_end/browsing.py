"""A page in a browser that must stay on its own origin and out of trouble."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking")

LIGHT, DARK, PHONE, NO_SCRIPT = "light", "dark", "phone", "without JavaScript"


def in_modes(*modes: str) -> pytest.MarkDecorator:
    """Have a test in these modes, by its fixture `page`.

    A test of layout needs `PHONE`, one of colours `DARK`, and one of what a page does with and
    without its scripts `NO_SCRIPT`. That each page has a sound layout and readable colours in
    every look is shown by test_explorer_accessibility.
    """
    return pytest.mark.parametrize("page", modes, indirect=True)


@contextmanager
def guarded_page(browser: Browser, explorer_url: str, mode: str) -> Iterator[Page]:
    """Open a page that is light, dark, a phone's, or without JavaScript, as `mode` says.

    At the end nothing may have been asked of another origin, and the console must be empty.
    """
    context = browser.new_context(
        base_url=explorer_url,
        viewport={"width": 360 if mode == PHONE else 1280, "height": 800},
        color_scheme="dark" if mode == DARK else "light",
        java_script_enabled=mode != NO_SCRIPT,
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
