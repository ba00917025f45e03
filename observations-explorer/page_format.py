"""How values look on a page: times, positions, figures, states. A missing value is a dash."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

MISSING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


class State(NamedTuple):
    """A state of an image as a page says it: one word, and what it means."""

    word: str
    meaning: str


STATES = {
    "metadata_received": State("received", "recorded, and waiting for the plate solver"),
    "solving": State("solving", "the plate solver has it now"),
    "solved": State("solved", "its place on the sky is known"),
    "sources_detected": State("detected", "its stars are found"),
    "sources_extracted": State("complete", "its stars are matched and their stamps kept"),
    "skipped": State("skipped", "left out on purpose, such as a pointing image"),
    "unsolved": State("unsolved", "its sky could not be recognised"),
    "error": State("error", "its file could not be processed"),
}


def utc(text: str | None, pattern: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Write an ISO 8601 time in UTC."""
    if text is None:
        return MISSING
    return datetime.fromisoformat(text).astimezone(UTC).strftime(pattern)


def figure(value: float | None, digits: int = 0) -> str:
    """Write a number with so many digits behind the point and thousands apart."""
    if value is None:
        return MISSING
    return f"{value:,.{digits}f}".replace(",", "\N{NARROW NO-BREAK SPACE}").replace("-", MINUS)


def hms(ra_deg: float | None) -> str:
    """Write a right ascension as hours, minutes and seconds to the tenth."""
    if ra_deg is None:
        return MISSING
    minutes, tenths = divmod(round(ra_deg / 15 * 36_000) % (24 * 36_000), 600)
    return f"{minutes // 60:02d}h {minutes % 60:02d}m {tenths / 10:04.1f}s"


def dms(dec_deg: float | None) -> str:
    """Write a declination as degrees, minutes and seconds."""
    if dec_deg is None:
        return MISSING
    minutes, seconds = divmod(round(abs(dec_deg) * 3600), 60)
    sign = MINUS if dec_deg < 0 else "+"
    arcminute, arcsecond = "\N{PRIME}", "\N{DOUBLE PRIME}"
    return f"{sign}{minutes // 60:02d}° {minutes % 60:02d}{arcminute} {seconds:02d}{arcsecond}"


def in_pixels(angle_arcsec: float | None, scale_arcsec: float | None) -> float | None:
    """Return an angle in pixels of so many arcsec; None where either is missing."""
    return angle_arcsec / scale_arcsec if angle_arcsec is not None and scale_arcsec else None


FILTERS: dict[str, Callable[..., Any]] = {
    "utc": utc,
    "figure": figure,
    "hms": hms,
    "dms": dms,
    "in_pixels": in_pixels,
}
