"""One visit of a page by Chromium: what came over the wire, and when it was seen."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, CDPSession, ViewportSize, sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking")
VIEWPORT: ViewportSize = {"width": 1280, "height": 800}
KINDS = {"Document": "document", "Stylesheet": "style", "Script": "script", "Image": "image"}
OTHER = "other"

_NOTE_PAINTS = """
window.seen = {largest_paint_ms: 0, shift: 0};
new PerformanceObserver((list) => {
  seen.largest_paint_ms = list.getEntries().at(-1).startTime;
}).observe({type: "largest-contentful-paint", buffered: true});
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) seen.shift += one.value;
}).observe({type: "layout-shift", buffered: true});
"""
_TELL_PAINTS = """() => {
  const [page] = performance.getEntriesByType("navigation");
  const parts = performance.getEntriesByType("resource");
  return {
    answer_ms: page.responseStart,
    first_paint_ms: performance.getEntriesByName("first-contentful-paint")[0].startTime,
    ...seen,
    load_ms: page.loadEventEnd,
    complete_ms: Math.max(page.responseEnd, ...parts.map((part) => part.responseEnd)),
  };
}"""


@dataclass(frozen=True, slots=True)
class Line:
    """A reader's line and processor, as Chromium emulates them."""

    words: str
    bits_per_s: float
    round_trip_ms: float
    cpu_slowdown: float


SCHOOL = Line("1.6 Mbit/s, 150 ms round trip, a processor 4 times slower", 1.6e6, 150, 4)
"""What Lighthouse takes for a slow connection and a modest computer."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What one visit took.

    Attributes
    ----------
    times : dict
        Milliseconds since the visit began, by name; `shift`, the layout shift, has no unit.
    requests, n_bytes : Counter
        By kind, of what came over the wire: compressed as it came, with its headers.
    addresses : list of str
        Whatever the page loaded, from the cache too, itself first.
    """

    times: dict[str, float]
    requests: Counter[str] = field(default_factory=Counter)
    n_bytes: Counter[str] = field(default_factory=Counter)
    addresses: list[str] = field(default_factory=list)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield a browser that shows nothing and asks nobody of its own accord."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def visits(browser: Browser, address: str, line: Line | None) -> tuple[Visit, Visit]:
    """Visit a page with an empty cache, and once more with what the first visit left in it."""
    context = browser.new_context(viewport=VIEWPORT)
    first, again = (_visit(context, address, line) for _ in range(2))
    context.close()
    return first, again


def _visit(context: BrowserContext, address: str, line: Line | None) -> Visit:
    page = context.new_page()
    page.add_init_script(_NOTE_PAINTS)
    session = context.new_cdp_session(page)
    visit = Visit({})
    _note_wire(session, visit)
    if line:
        _slow_down(session, line)
    page.goto(address)
    page.wait_for_load_state("networkidle")  # pictures that load later, too
    visit.times.update(page.evaluate(_TELL_PAINTS))
    page.close()
    return visit


def _note_wire(session: CDPSession, visit: Visit) -> None:
    kinds: dict[str, str] = {}

    def note_kind(event: dict[str, Any]) -> None:
        kinds[event["requestId"]] = KINDS.get(event["type"], OTHER)
        if event["response"]["url"].startswith("http"):  # not an icon within a style
            visit.addresses.append(event["response"]["url"])

    def note_end(event: dict[str, Any]) -> None:
        if event["encodedDataLength"]:  # nothing, where the cache had it
            kind = kinds[event["requestId"]]
            visit.requests[kind] += 1
            visit.n_bytes[kind] += int(event["encodedDataLength"])

    session.send("Network.enable")
    session.on("Network.responseReceived", note_kind)
    session.on("Network.loadingFinished", note_end)


def _slow_down(session: CDPSession, line: Line) -> None:
    bytes_per_s = line.bits_per_s / 8
    conditions = {
        "offline": False,
        "latency": line.round_trip_ms,
        "downloadThroughput": bytes_per_s,
        "uploadThroughput": bytes_per_s,
    }
    session.send("Network.emulateNetworkConditions", conditions)
    session.send("Emulation.setCPUThrottlingRate", {"rate": line.cpu_slowdown})
