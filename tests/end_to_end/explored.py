"""Images for the explorer's pages, and a check of their width."""

from typing import Any

from playwright.sync_api import Page

from panoptes_network.states import ImageState

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


def has_no_sideways_scroll(page: Page) -> bool:
    viewport = page.viewport_size
    assert viewport is not None
    # A link that was clicked has led on, but the stylesheet may still be on its way.
    page.wait_for_load_state("load")
    contents_px = page.evaluate("document.documentElement.scrollWidth")
    return bool(contents_px <= viewport["width"])
