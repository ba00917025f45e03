"""File formats by first bytes or by name, for the messages that refuse a file."""

import re

HEAD_BYTES = 4096
"""Number of first bytes that identify a format."""

CONVERT = "convert it to FITS, or let the camera write CR2 where it can"

_RAW_SUFFIXES = {
    ".cr3": "CR3, the raw format of newer Canon cameras",
    ".crw": "CRW, the raw format of old Canon cameras",
    ".nef": "NEF, the raw format of Nikon cameras",
    ".nrw": "NRW, a raw format of Nikon cameras",
    ".arw": "ARW, the raw format of Sony cameras",
    ".dng": "DNG, Adobe's raw format",
    ".raf": "RAF, the raw format of Fujifilm cameras",
    ".orf": "ORF, the raw format of Olympus cameras",
    ".rw2": "RW2, the raw format of Panasonic cameras",
    ".pef": "PEF, the raw format of Pentax cameras",
}
_BEGINNINGS = (
    (rb"SIMPLE  =", "FITS"),
    (rb"\x1f\x8b", "gzip"),
    (rb"....ftypcrx ", _RAW_SUFFIXES[".cr3"]),
    (rb"(II|MM).{4}HEAPCCDR", _RAW_SUFFIXES[".crw"]),
    (rb"FUJIFILMCCD-RAW", _RAW_SUFFIXES[".raf"]),
    (rb"IIR[OS]|MMOR", _RAW_SUFFIXES[".orf"]),
    (rb"IIU\0", _RAW_SUFFIXES[".rw2"]),
    (rb"II\*\0.{4}CR", "CR2"),
    (rb"(II\*\0|MM\0\*).*(\x12\xc6\x01\0|\xc6\x12\0\x01)", _RAW_SUFFIXES[".dng"]),
    (rb"(II\*\0|MM\0\*).*NIKON", _RAW_SUFFIXES[".nef"]),
    (rb"(II\*\0|MM\0\*).*SONY", _RAW_SUFFIXES[".arw"]),
    (rb"(II\*\0|MM\0\*).*PENTAX", _RAW_SUFFIXES[".pef"]),
    (rb"II\*\0|MM\0\*", "TIFF"),
    (rb"\xff\xd8\xff", "a JPEG picture"),
    (rb"\x89PNG", "a PNG picture"),
    (rb"PK\x03\x04", "a ZIP archive"),
    (rb"BZh", "bzip2"),
    (rb"\xfd7zXZ", "xz"),
    (rb"\s*<(?i:!doctype html|html|\?xml)", "a web page or XML, possibly a server's error message"),
    (rb"\x00+\Z", "all zeros: the upload or the unit's disk failed"),
    (rb"[\t\n\r\x20-\x7e]+\Z", "text"),
)
_FORMATS = [(re.compile(start, re.DOTALL), name) for start, name in _BEGINNINGS]


def format_of(head: bytes) -> str:
    """Return the format of a file that begins with `head`, such as ``a JPEG picture``."""
    head = head[:HEAD_BYTES]
    if not head:
        return "empty"
    return next((name for start, name in _FORMATS if start.match(head)), "in an unknown format")


def raw_format(path: str) -> str | None:
    """Return the unsupported raw format named by a file's suffix; None for other files."""
    lowered = path.lower()
    return next((name for end, name in _RAW_SUFFIXES.items() if lowered.endswith(end)), None)


def refusal_of_name(path: str, taken: tuple[str, ...]) -> str:
    """Return why a file with this name is refused; `taken` are the accepted suffixes."""
    words = f"the file name must end in one of {', '.join(taken)}"
    raw = raw_format(path)
    return f"{words}; it is {raw}: {CONVERT}" if raw else words
