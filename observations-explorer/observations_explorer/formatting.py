"""Formats of values on pages: times, positions, sizes, states, files. A missing value is a dash."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import NamedTuple

from panoptes_network.figures import Figure
from panoptes_network.nights.findings import duration
from panoptes_network.states import FileKind, ImageState

MISSING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


class State(NamedTuple):
    """A state of an image on a page: one word, and its meaning."""

    word: str
    meaning: str


STATES: dict[str, State] = {
    ImageState.METADATA_RECEIVED: State("received", "waiting for the plate solver"),
    ImageState.SOLVING: State("solving", "being solved by the plate solver"),
    ImageState.SOLVED: State("solved", "its position on the sky is known"),
    ImageState.SOURCES_DETECTED: State("detected", "its stars were detected"),
    ImageState.SOURCES_EXTRACTED: State(
        "complete", "its stars were matched to the catalog, and their stamps stored"
    ),
    ImageState.SKIPPED: State("skipped", "not meant to be processed, such as a pointing image"),
    ImageState.UNSOLVED: State("unsolved", "its stars could not be recognised"),
    ImageState.ERROR: State("error", "its file could not be processed"),
}


class FileWords(NamedTuple):
    """A kind of file on a page: its link text, and its description."""

    label: str
    meaning: str


_PLANE = "the {} pixels, with interpolated ones in between: not for photometry"
FILE_KINDS: dict[str, FileWords] = {
    FileKind.CR2: FileWords("CR2", "the camera's own file, with every raw pixel"),
    "raw": FileWords("Raw FITS", "the same pixels as FITS, which are measured"),
    "processed": FileWords("Solved FITS", "the raw frame with its plate solution in the header"),
    FileKind.RED: FileWords("Red FITS", _PLANE.format("red")),
    FileKind.GREEN: FileWords("Green FITS", _PLANE.format("green")),
    FileKind.BLUE: FileWords("Blue FITS", _PLANE.format("blue")),
    FileKind.PICTURE: FileWords(
        "Picture", "for display: in colour, with enhanced contrast, half the frame's size"
    ),
    FileKind.PREVIEW: FileWords("Preview", "the picture at 1280 pixels wide"),
    FileKind.THUMBNAIL: FileWords("Thumbnail", "a small version of the picture"),
}


def utc(text: str | None, pattern: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Format an ISO 8601 time in UTC."""
    if text is None:
        return MISSING
    at = datetime.fromisoformat(text).astimezone(UTC)
    # %Y alone does not pad years before 1000 to four digits.
    return at.strftime(pattern.replace("%Y", f"{at.year:04}"))


def utc_of(time_s: float, pattern: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Format a time in Unix seconds in UTC."""
    return datetime.fromtimestamp(time_s, UTC).strftime(pattern)


def figure(value: float | None, digits: int = 0) -> str:
    """Format a number with a number of decimals and a thousands separator."""
    if value is None:
        return MISSING
    return f"{value:,.{digits}f}".replace(",", "\N{NARROW NO-BREAK SPACE}").replace("-", MINUS)


def symbol(measured: Figure) -> str:
    """Write the unit of an image's figure, short."""
    return "\N{DOUBLE PRIME}" if measured.unit == "arcsec" else measured.plain_unit


def with_unit(value: float | None, measured: Figure) -> str:
    """Write an image's figure with its unit; a magnitude needs none."""
    written = figure(value, measured.digits)
    if value is None or measured.unit in (None, "mag"):
        return written
    gap = "" if measured.unit == "arcsec" else " "
    return f"{written}{gap}{symbol(measured)}"


def file_size(n_bytes: int) -> str:
    """Format a number of bytes in kB or MB, of 1000 and 1000000 bytes."""
    if n_bytes < 999_500:
        return f"{figure(max(n_bytes / 1000, 1))} kB"
    return f"{figure(n_bytes / 1e6, 1)} MB"


def hms(ra_deg: float | None) -> str:
    """Format a right ascension as hours, minutes and seconds to the tenth."""
    if ra_deg is None:
        return MISSING
    minutes, tenths = divmod(round(ra_deg / 15 * 36_000) % (24 * 36_000), 600)
    return f"{minutes // 60:02d}h {minutes % 60:02d}m {tenths / 10:04.1f}s"


def dms(dec_deg: float | None) -> str:
    """Format a declination as degrees, minutes and seconds."""
    if dec_deg is None:
        return MISSING
    minutes, seconds = divmod(round(abs(dec_deg) * 3600), 60)
    sign = MINUS if dec_deg < 0 else "+"
    arcminute, arcsecond = "\N{PRIME}", "\N{DOUBLE PRIME}"
    return f"{sign}{minutes // 60:02d}° {minutes % 60:02d}{arcminute} {seconds:02d}{arcsecond}"


def hours(ra_deg: float) -> str:
    """Format a right ascension as hours and minutes, for areas degrees wide."""
    minutes = round(ra_deg * 4) % 1440
    return f"{minutes // 60:02d}h {minutes % 60:02d}m"


def degrees(dec_deg: float) -> str:
    """Format a declination in whole degrees, for areas degrees wide."""
    return f"{MINUS if round(dec_deg) < 0 else '+'}{abs(round(dec_deg)):02d}°"


def in_pixels(angle_arcsec: float | None, scale_arcsec: float | None) -> float | None:
    """Return an angle in pixels of a given scale; None if either is missing."""
    return angle_arcsec / scale_arcsec if angle_arcsec is not None and scale_arcsec else None


def day(value: date | str) -> str:
    """Format a date for people: ``11 October 2018``."""
    known = date.fromisoformat(value) if isinstance(value, str) else value
    return f"{known.day} {known:%B} {known.year}"


def percent(share: float | None) -> str:
    """Format a fraction in whole percent; 0 and 100 only if exact."""
    if share is None:
        return MISSING
    rounded = round(100 * share)
    if 0 < share < 1:
        rounded = min(max(rounded, 1), 99)
    return f"{rounded}\N{NARROW NO-BREAK SPACE}%"


def span(seconds: float | None) -> str:
    """Format a time span for people."""
    return MISSING if seconds is None else duration(seconds)


def star_name(picid: str, catalog: str | None) -> str:
    """Return a star's name in its catalog; the embedded catalog has Gaia's and Hipparcos' ids."""
    if catalog == "tic":
        return f"TIC {picid}"
    return f"HIP {picid[1:]}" if picid.startswith("-") else f"Gaia DR3 {picid}"


def star_title(names: list[str], picid: str, catalog: str | None) -> str:
    """Return a star's best name, its Hipparcos number, and its name in its catalog."""
    hip = [name for name in names if name.startswith("HIP ")]
    return " · ".join(dict.fromkeys((*names[:1], *hip[:1], star_name(picid, catalog))))


def light_percent(share: float | None) -> str:
    """Format a relative flux in percent, to the hundredth."""
    return MISSING if share is None else figure(100 * share, 2)


FILTERS: dict[str, Callable[..., object]] = {
    "utc": utc,
    "figure": figure,
    "symbol": symbol,
    "with_unit": with_unit,
    "file_size": file_size,
    "hms": hms,
    "dms": dms,
    "hours": hours,
    "degrees": degrees,
    "in_pixels": in_pixels,
    "day": day,
    "percent": percent,
    "span": span,
    "star_name": star_name,
    "light_percent": light_percent,
}
