"""FITS headers read from the first kilobytes of a file, without astropy and without the pixels.

The format is that of the FITS Standard 4.0: blocks of 2880 bytes, cards of 80 characters (section
3.3), values as in section 4.2, tile-compressed images as in section 10.1. Real files also contain
text in UTF-8 or Latin-1 and malformed numbers. Such text is decoded, and such values are kept as
text.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from panoptes_network.byte_ranges import ReadRange
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.file_formats import format_of

BLOCK_BYTES = 2880
CARD_CHARS = 80
MAX_HEADER_BYTES = 200 * BLOCK_BYTES
MAX_HDUS = 16
MIN_SIDE_PX = 200
"""Half a degree: a smaller image of the sky has too few stars to be recognised."""
MAX_FILE_BYTES = 2**63 - 1
"""The largest offset of an operating system: headers that claim more are capped here."""

_FIRST_READ_BYTES = 10 * BLOCK_BYTES

CardValue = str | int | float | bool
Cards = Mapping[str, CardValue]

_STRING = re.compile(r"'((?:[^']|'')*)'")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([EDed][+-]?[0-9]+)?")
_COMMENTARY = frozenset({"", "COMMENT", "HISTORY"})
_TABLE_KEYWORD = re.compile(
    r"(XTENSION|PCOUNT|GCOUNT|TFIELDS|EXTEND|SIMPLE|(TTYPE|TFORM|TUNIT|THEAP|ZNAME|ZVAL|ZTILE)\d*"
    r"|ZIMAGE|ZCMPTYPE|ZQUANTIZ|ZDITHER0|ZTENSION|ZSIMPLE|ZEXTEND|ZPCOUNT|ZGCOUNT|ZHECKSUM"
    r"|ZDATASUM|CHECKSUM|DATASUM|BITPIX|NAXIS\d*)"
)


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """The header of a file's frame: its first image of two axes of at least `MIN_SIDE_PX`.

    If no image is large enough, it is the header of the first image.

    Attributes
    ----------
    cards : dict
        Values by keyword, including those of the (empty) primary header, without comments. For a
        compressed image these are the image's keywords, not those of its table.
    shape : tuple of int
        Lengths of the axes in numpy order: `(height, width)` for a plain image, also if its other
        axes have length 1.
    end : int
        Offset of the end of the image's data, bytes: a shorter file is truncated. At most
        `MAX_FILE_BYTES`, whatever the header says.
    index : int
        Number of the image's HDU, 0 for the primary one.
    """

    cards: dict[str, CardValue]
    shape: tuple[int, ...]
    end: int
    index: int

    @property
    def is_frame(self) -> bool:
        """Whether the image has two axes of at least the minimum size of a frame."""
        return len(self.shape) == 2 and min(self.shape) >= MIN_SIDE_PX


def read_image_header(read: ReadRange) -> ImageHeader:
    """Find the frame in a FITS file, plain or tile-compressed, and read its header.

    Raises
    ------
    PermanentError
        EMPTY_FILE, NOT_FITS, TRUNCATED (the header has no end) or NO_IMAGE.
    """
    first = None
    for image in _images(read):
        if image.is_frame:
            return image
        first = first or image
    if first is None:
        raise PermanentError(Reason.NO_IMAGE, "the FITS file has no image")
    return first


def parse_cards(header: bytes) -> dict[str, CardValue]:
    """Read the cards of a header block; a repeated keyword keeps its first value.

    A string that ends in ``&`` is continued in the following CONTINUE cards (section 4.2.1.2).
    """
    # One character per byte, so that cards keep their positions in any encoding.
    characters = header.decode("latin-1")
    values: list[tuple[str, CardValue]] = []
    for start in range(0, len(characters), CARD_CHARS):
        keyword, value = _parse_card(characters[start : start + CARD_CHARS])
        if keyword == "CONTINUE":
            _continue_string(values, value)
        elif value is not None:
            values.append((keyword, value))
    return {keyword: _decoded(value) for keyword, value in reversed(values)}


def _decoded(value: CardValue) -> CardValue:
    """Decode text of one character per byte as UTF-8 if valid, else as Latin-1."""
    if not isinstance(value, str):
        return value
    try:
        return value.encode("latin-1").decode()
    except UnicodeDecodeError:
        return value


def _continue_string(values: list[tuple[str, CardValue]], more: CardValue | None) -> None:
    """Append `more` to the last value; a CONTINUE card without a string to continue is ignored."""
    keyword, begun = values[-1] if values else ("", None)
    if isinstance(begun, str) and isinstance(more, str) and begun.endswith("&"):
        values[-1] = (keyword, begun[:-1] + more)


def _images(read: ReadRange) -> Iterator[ImageHeader]:
    primary: dict[str, CardValue] | None = None
    for index, (cards, end) in enumerate(_hdus(read)):
        shape = _image_shape(cards)
        if shape:
            merged = {**(primary or {}), **_image_cards(cards, shape)}
            yield ImageHeader(merged, _without_single(shape), end, index)
        if primary is None:
            primary = {k: v for k, v in cards.items() if not _TABLE_KEYWORD.fullmatch(k)}


def _without_single(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Remove axes of length 1 that programs add to a plain image."""
    while len(shape) > 2 and shape[0] == 1:
        shape = shape[1:]
    return shape


def _hdus(read: ReadRange) -> Iterator[tuple[dict[str, CardValue], int]]:
    """Yield each HDU's cards and the offset of the end of its data."""
    offset = 0
    for _ in range(MAX_HDUS):
        text = _read_header_text(read, offset)
        if text is None:
            return
        cards = parse_cards(text)
        offset += _padded(len(text)) + _padded(_data_bytes(cards))
        yield cards, min(offset, MAX_FILE_BYTES)
        if offset > MAX_FILE_BYTES:
            return


def _read_header_text(read: ReadRange, offset: int) -> bytes | None:
    """Return the header that starts at `offset`, up to its END card; None after the last HDU."""
    data = b""
    while len(data) < MAX_HEADER_BYTES:
        more = read(offset + len(data), max(_FIRST_READ_BYTES, len(data)))
        if not data:
            _check_start(more, offset)
        data += more
        end = _find_end(data)
        if end is not None:
            return data[:end]
        if not more:
            break
    if offset and not data.startswith(b"XTENSION"):
        return None
    raise PermanentError(Reason.TRUNCATED, "the FITS header has no end: the file is cut short")


def _check_start(data: bytes, offset: int) -> None:
    if offset:
        return
    if not data:
        raise PermanentError(Reason.EMPTY_FILE, "the file is empty")
    if not data.startswith(b"SIMPLE  ="):
        raise PermanentError(Reason.NOT_FITS, f"the file is not FITS: it is {format_of(data)}")


def _find_end(data: bytes) -> int | None:
    for start in range(0, len(data) - CARD_CHARS + 1, CARD_CHARS):
        if data[start : start + 8] == b"END     ":
            return start + CARD_CHARS
    return None


def _parse_card(card: str) -> tuple[str, CardValue | None]:
    keyword = card[:8].strip(" ")
    if keyword == "CONTINUE":
        return keyword, _parse_value(card[8:].strip(" "))
    if card[8:10] != "= " or keyword in _COMMENTARY:
        return keyword, None
    return keyword, _parse_value(card[10:].strip(" "))


def _parse_value(text: str) -> CardValue | None:
    """Return a card's value; text if it is not valid in FITS; None if it is missing."""
    if string := _STRING.match(text):
        return string[1].replace("''", "'").rstrip(" ")
    word = text.split("/", 1)[0].strip(" ")
    if word in ("T", "F"):
        return word == "T"
    if not _NUMBER.fullmatch(word):
        return word or None
    return int(word) if word.lstrip("+-").isdigit() else _finite(word)


def _finite(word: str) -> float | str:
    """Return a number, or its text if it is too large to be finite."""
    number = float(word.upper().replace("D", "E"))
    return number if math.isfinite(number) else word


def _integer(cards: dict[str, CardValue], keyword: str, default: int = 0) -> int:
    """Return a structural keyword's value; invalid ones (text, negative) count as `default`."""
    value = cards.get(keyword)
    return value if isinstance(value, int) and value >= 0 else default


def _axes(cards: dict[str, CardValue], prefix: str = "") -> tuple[int, ...]:
    count = min(_integer(cards, f"{prefix}NAXIS"), 999)
    return tuple(_integer(cards, f"{prefix}NAXIS{n}") for n in range(count, 0, -1))


def _image_shape(cards: dict[str, CardValue]) -> tuple[int, ...]:
    """Return the shape of an HDU's image; empty if the HDU has none."""
    compressed = cards.get("ZIMAGE") is True
    if not (compressed or "SIMPLE" in cards or cards.get("XTENSION") == "IMAGE"):
        return ()
    shape = _axes(cards, "Z" if compressed else "")
    return shape if all(shape) else ()


def _image_cards(cards: dict[str, CardValue], shape: tuple[int, ...]) -> dict[str, CardValue]:
    kept = {k: v for k, v in cards.items() if not _TABLE_KEYWORD.fullmatch(k)}
    kept = {k: v for k, v in kept.items() if not re.fullmatch(r"ZBITPIX|ZNAXIS\d*", k)}
    prefix = "Z" if "ZBITPIX" in cards else ""
    kept["BITPIX"] = cards.get(f"{prefix}BITPIX", 0)
    return kept | {f"NAXIS{n}": length for n, length in enumerate(reversed(shape), 1)}


def _data_bytes(cards: dict[str, CardValue]) -> int:
    """Size of an HDU's data, FITS Standard 4.0, equation 2."""
    axes = _axes(cards)
    if not axes:
        return 0
    bitpix = cards.get("BITPIX")
    item_bytes = abs(bitpix) // 8 if isinstance(bitpix, int) else 0
    groups = _integer(cards, "GCOUNT", 1)
    return item_bytes * groups * (_integer(cards, "PCOUNT") + math.prod(axes))


def _padded(size: int) -> int:
    return -(-size // BLOCK_BYTES) * BLOCK_BYTES
