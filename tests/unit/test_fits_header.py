"""Headers read without astropy, judged by astropy and by files of the fpack program."""

import re
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from panoptes_network.errors import PermanentError, Reason
from panoptes_network.frames.fits_header import (
    BLOCK_BYTES,
    MAX_FILE_BYTES,
    MAX_HDUS,
    MAX_HEADER_BYTES,
    MIN_SIDE_PX,
    ImageHeader,
    parse_cards,
    read_image_header,
)

PIXELS = np.arange(6, dtype=np.uint16).reshape(2, 3)
STRUCTURE = {"SIMPLE", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "EXTEND", "CHECKSUM", "DATASUM"}


class File:
    """A file's bytes that count how they are read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.reads: list[tuple[int, int]] = []

    def read(self, start: int, length: int) -> bytes:
        assert start >= 0
        assert length > 0
        data = self.data[start : start + length]
        self.reads.append((start, len(data)))
        return data

    @property
    def read_bytes(self) -> int:
        return sum(length for _, length in self.reads)


def header_of(data: bytes) -> ImageHeader:
    return read_image_header(File(data).read)


def refusal(data: bytes) -> Reason:
    with pytest.raises(PermanentError) as caught:
        header_of(data)
    return caught.value.reason


def file_of(*hdus: Any) -> bytes:
    buffer = BytesIO()
    fits.HDUList(list(hdus)).writeto(buffer, output_verify="silentfix")
    return buffer.getvalue()


def plain(**cards: Any) -> bytes:
    return file_of(fits.PrimaryHDU(PIXELS, fits.Header(cards)))


def raw(*cards: str, data_bytes: int = 0) -> bytes:
    """A file of cards that astropy would not write; SIMPLE goes before them, END behind."""
    text = "".join(
        card.ljust(80)[:80] for card in ("SIMPLE  =                    T", *cards, "END")
    )
    header = text.encode("latin-1")
    return header.ljust(-(-len(header) // BLOCK_BYTES) * BLOCK_BYTES) + bytes(data_bytes)


def image(*cards: str) -> bytes:
    size = ("BITPIX  = 16", "NAXIS   = 2", "NAXIS1  = 3", "NAXIS2  = 2")
    return raw(*size, *cards, data_bytes=BLOCK_BYTES)


keywords = st.from_regex(r"Q[A-Z0-9_-]{0,7}", fullmatch=True)
ASTROPY_CUTS = re.compile(r"' */")
"""Astropy 8.0 takes a doubled quote before a slash for the end of the text."""
texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=300).filter(
    lambda text: not ASTROPY_CUTS.search(text)
)
numbers = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)


@given(st.dictionaries(keywords, texts | numbers | st.booleans(), max_size=60))
def test_headers_are_read_as_astropy_reads_them(cards: dict[str, Any]) -> None:
    data = plain(**cards)
    judge = fits.getheader(BytesIO(data))
    read = header_of(data).cards
    assert {keyword: read.get(keyword) for keyword in cards} == {k: judge[k] for k in cards}


def test_a_quote_before_a_slash_does_not_end_a_text() -> None:
    assert header_of(image("Q       = 'M42''/north' / field")).cards["Q"] == "M42'/north"


def test_real_frame_is_read_as_astropy_reads_it(real_frame: Path) -> None:
    data = real_frame.read_bytes()
    judge = fits.getheader(real_frame)
    header = header_of(data)
    assert header.cards.items() >= {(k, v) for k, v in judge.items() if k not in STRUCTURE}
    assert header.shape == (700, 700)
    assert header.end == len(data)


def astropy_compressed(path: Path) -> bytes:
    with fits.open(path) as file:
        hdu = fits.CompImageHDU(file[0].data, file[0].header)
        return file_of(fits.PrimaryHDU(), hdu)


def fpack_compressed(path: Path) -> bytes:
    program = shutil.which("fpack")
    assert program is not None, "fpack is missing: local/setup installs it"
    return subprocess.run([program, "-S", str(path)], check=True, stdout=subprocess.PIPE).stdout


@pytest.mark.parametrize("compressed", [astropy_compressed, fpack_compressed])
def test_a_compressed_image_has_the_header_of_the_image(
    real_frame: Path, compressed: Callable[[Path], bytes]
) -> None:
    data = compressed(real_frame)
    header, before = header_of(data), header_of(real_frame.read_bytes())
    assert header.cards.items() >= before.cards.items()
    # What compressing adds says nothing of the table that holds the image.
    assert set(header.cards) - set(before.cards) <= {"EXTNAME", "ZCMPTYPE", "INHERIT"}
    assert header.shape == (700, 700)
    assert header.end == len(data)


@pytest.mark.parametrize("compressed", [astropy_compressed, fpack_compressed])
def test_pixels_are_not_read(real_frame: Path, compressed: Callable[[Path], bytes]) -> None:
    for data in (real_frame.read_bytes(), compressed(real_frame)):
        file = File(data)
        read_image_header(file.read)
        assert len(file.reads) <= 2
        assert file.read_bytes <= 20 * BLOCK_BYTES


@pytest.mark.parametrize(
    ("card", "value"),
    [
        ("A       = 'it''s'", "it's"),
        ("A       = 'a / b' / comment", "a / b"),
        ("A       = '  left  '", "  left"),
        ("A       = ''", ""),
        ("A       = 5/comment", 5),
        ("A       =                  007", 7),
        ("A       = -1.5D3", -1500.0),
        ("A       = .5e-2", 0.005),
        ("A       = T / yes", True),
        ("A       = F", False),
        # What FITS does not know is kept as text: what it meant is said, or asked, later.
        ("A       = 'open", "'open"),
        ("A       = 120,5 / s", "120,5"),
        ("A       = 1 2", "1 2"),
        ("A       = 1.2.3", "1.2.3"),
        ("A       = 1e999", "1e999"),
        ("A       = NaN", "NaN"),
        ("A       = (1.0, 2.0)", "(1.0, 2.0)"),
        ("A       = \xff\xfe", "\xff\xfe"),
        # No value at all.
        ("A       =", None),
        ("A       =5", None),
        ("A       5", None),
    ],
)
def test_value_of_a_card(card: str, value: object) -> None:
    read = header_of(image("BEFORE  = 1", card, "BEHIND  = 2")).cards
    assert read.get("A") == value
    assert type(read.get("A")) is type(value)
    assert (read["BEFORE"], read["BEHIND"]) == (1, 2)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("text", ["Müller à Genève", "Universit\xe0", "\xa0x", "M42's Ünit"])
def test_text_is_read_in_utf_8_then_in_latin_1(encoding: str, text: str) -> None:
    quoted = text.replace("'", "''")
    card = f"A       = '{quoted}' / Größe".encode(encoding).decode("latin-1")
    read = header_of(image("BEFORE  = 1", card, "BEHIND  = 2")).cards
    assert (read["BEFORE"], read["A"], read["BEHIND"]) == (1, text, 2)


def test_the_first_of_two_cards_counts_as_for_astropy() -> None:
    data = image("A       = 1", "A       = 2")
    assert header_of(data).cards["A"] == fits.getheader(BytesIO(data))["A"] == 1


def test_comments_are_no_values() -> None:
    data = image("COMMENT = 'x'", "HISTORY = 'x'", "        = 'x'", "HIERARCH ESO A = 1")
    assert set(header_of(data).cards) == {"BITPIX", "NAXIS1", "NAXIS2"}


def test_a_long_text_goes_on_in_the_next_cards() -> None:
    cards = ("A       = 'first &' / comment", "CONTINUE  'second&'", "CONTINUE  '''s third'")
    data = image(*cards, "B       = 2")
    read = header_of(data).cards
    assert read["A"] == fits.getheader(BytesIO(data))["A"] == "first second's third"
    assert read["B"] == 2


@pytest.mark.parametrize(
    "cards",
    [
        ("CONTINUE  'of nothing'",),
        ("A       = 'ended'", "CONTINUE  'x'"),
        ("A       = 'ended'", "CONTINUE  damaged"),
    ],
)
def test_a_continuation_of_nothing_is_left_out(cards: tuple[str, ...]) -> None:
    read = header_of(image(*cards)).cards
    assert "CONTINUE" not in read
    assert read.get("A") in (None, "ended")


def test_damaged_cards_in_a_header_do_not_hide_the_others() -> None:
    data = bytearray(plain(ISO=100, EXPTIME=120.5, FIELD="M42"))
    at = data.index(b"EXPTIME")
    data[at : at + 80] = bytes(range(176, 256))
    cards = header_of(bytes(data)).cards
    assert (cards["ISO"], cards["FIELD"]) == (100, "M42")
    assert "EXPTIME" not in cards


FRAME = np.zeros((MIN_SIDE_PX, MIN_SIDE_PX + 3), dtype=np.uint16)


@pytest.mark.parametrize(
    "before", [fits.PrimaryHDU(PIXELS), fits.PrimaryHDU(np.zeros((3, 300, 300), np.uint8))]
)
@pytest.mark.parametrize("kind", [fits.ImageHDU, fits.CompImageHDU])
def test_a_frame_behind_a_picture_that_is_none(before: fits.PrimaryHDU, kind: Any) -> None:
    before.header["UNIT"] = "PAN001"
    header = header_of(file_of(before, kind(FRAME)))
    assert (header.shape, header.index) == (FRAME.shape, 1)
    assert header.cards["UNIT"] == "PAN001"
    assert header.cards["NAXIS1"] == FRAME.shape[1]


@pytest.mark.parametrize("kind", [fits.ImageHDU, fits.CompImageHDU])
@pytest.mark.parametrize("axes", [(1,), (1, 1)])
def test_axes_of_length_1_are_no_axes(kind: Any, axes: tuple[int, ...]) -> None:
    header = header_of(file_of(fits.PrimaryHDU(), kind(FRAME.reshape(*axes, *FRAME.shape))))
    assert header.shape == FRAME.shape
    assert header.is_frame


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reason.EMPTY_FILE),
        (b"\0" * 10_000, Reason.NOT_FITS),
        (b"SIMPLE  ", Reason.NOT_FITS),
        (b"II*\0\x10\0\0\0CR\x02\0", Reason.NOT_FITS),
        (image()[:400], Reason.TRUNCATED),
        (image().replace(b"END  ", b"END ="), Reason.TRUNCATED),
        (raw("BITPIX  = 8", "NAXIS   = 0"), Reason.NO_IMAGE),
        (raw("BITPIX  = 8"), Reason.NO_IMAGE),
        (file_of(fits.PrimaryHDU(), fits.BinTableHDU.from_columns([])), Reason.NO_IMAGE),
        (file_of(fits.PrimaryHDU(), fits.ImageHDU()), Reason.NO_IMAGE),
    ],
)
def test_a_file_without_an_image_is_refused(data: bytes, reason: Reason) -> None:
    assert refusal(data) is reason


@pytest.mark.parametrize("size", ["NAXIS1", "NAXIS2", "NAXIS", "BITPIX", "PCOUNT", "GCOUNT"])
@pytest.mark.parametrize("value", ["-1", "0", "9" * 60, "'text'", "1.5", "T", ""])
def test_hostile_sizes_are_read_or_refused_within_a_few_reads(size: str, value: str) -> None:
    sizes = {"BITPIX": "16", "NAXIS": "2", "NAXIS1": "3", "NAXIS2": "2", size: value}
    cards = [f"{keyword:8}= {text}" for keyword, text in sizes.items()]
    table = raw(*cards).replace(
        b"SIMPLE  =                    T", b"XTENSION= 'BINTABLE'          "
    )
    for data in (raw(*cards, data_bytes=BLOCK_BYTES), raw("BITPIX  = 8", "NAXIS   = 0") + table):
        file = File(data)
        with suppress(PermanentError):
            assert read_image_header(file.read).end >= BLOCK_BYTES
        assert len(file.reads) <= MAX_HDUS


@pytest.mark.parametrize("keyword", ["ZNAXIS", "ZNAXIS1", "ZNAXIS2"])
def test_a_compressed_image_without_pixels_is_no_image(keyword: str) -> None:
    table = fits.CompImageHDU(PIXELS)
    data = file_of(fits.PrimaryHDU(), table)
    at = data.index(f"{keyword:8}=".encode())
    assert refusal(data[: at + 10] + b"0".rjust(20) + data[at + 30 :]) is Reason.NO_IMAGE


def test_data_end_at_the_latest_where_a_file_can() -> None:
    axes = [f"NAXIS{n:<3}= {'9' * 69}" for n in range(1, 1000)]
    header = header_of(raw("BITPIX  = 16", "NAXIS   = 999", *axes))
    assert header.end == MAX_FILE_BYTES  # Python does not write the digits of 10**68931
    assert len(header.shape) == 999


def test_what_would_lie_behind_every_file_is_not_looked_for() -> None:
    file = File(raw("BITPIX  = 8", "NAXIS   = 1", "NAXIS1  = 0", "PCOUNT  = " + "9" * 60))
    with pytest.raises(PermanentError) as caught:
        read_image_header(file.read)
    assert caught.value.reason is Reason.NO_IMAGE
    assert len(file.reads) == 1  # no file can be asked for a place beyond 64 bits


def test_a_header_without_an_end_is_read_up_to_the_limit() -> None:
    file = File(raw(*["A       = 1"] * 20_000))
    with pytest.raises(PermanentError) as caught:
        read_image_header(file.read)
    assert caught.value.reason is Reason.TRUNCATED
    assert file.read_bytes <= 2 * MAX_HEADER_BYTES < len(file.data)


def test_a_long_header_is_read_to_its_end() -> None:
    file = File(image(*["COMMENT"] * 5000, "LAST    = 1"))
    assert read_image_header(file.read).cards["LAST"] == 1
    assert len(file.reads) < 8


def test_many_hdus_are_not_all_looked_at() -> None:
    tables = [fits.BinTableHDU.from_columns([]) for _ in range(30)]
    file = File(file_of(fits.PrimaryHDU(), *tables, fits.ImageHDU(PIXELS)))
    with pytest.raises(PermanentError) as caught:
        read_image_header(file.read)
    assert caught.value.reason is Reason.NO_IMAGE
    assert len(file.reads) == MAX_HDUS


def test_the_first_image_behind_a_table_takes_cards_of_the_primary_only() -> None:
    primary = fits.PrimaryHDU()
    primary.header["UNIT"] = "PAN001"
    table = fits.BinTableHDU.from_columns([fits.Column("T", "I", array=[1, 2])], name="TABLE")
    table.header["OF"] = "table"
    first = fits.ImageHDU(PIXELS.astype(np.int32))
    header = header_of(file_of(primary, table, first, fits.ImageHDU(np.zeros((9, 9)))))
    assert header.shape == (2, 3)
    assert header.cards == {"UNIT": "PAN001", "BITPIX": 32, "NAXIS1": 3, "NAXIS2": 2}


def test_a_cube_has_the_shape_that_numpy_gives_it() -> None:
    cube = np.zeros((4, 2, 3), dtype=np.int16)
    assert header_of(file_of(fits.PrimaryHDU(cube))).shape == cube.shape


@given(st.binary(max_size=4000), st.booleans())
def test_random_bytes_are_refused(data: bytes, starts_well: bool) -> None:
    file = File(b"SIMPLE  =" + data if starts_well else data)
    with pytest.raises(PermanentError):
        read_image_header(file.read)


@given(st.data())
def test_a_file_with_random_damage_is_read_or_refused(draw: st.DataObject) -> None:
    data = bytearray(plain(ISO=100, FIELD="M42"))
    for _ in range(draw.draw(st.integers(1, 30))):
        data[draw.draw(st.integers(0, BLOCK_BYTES - 1))] = draw.draw(st.integers(0, 255))
    file = File(bytes(data)[: draw.draw(st.integers(0, len(data)))])
    with suppress(PermanentError):
        read_image_header(file.read)
    assert file.read_bytes <= 2 * len(file.data)


def test_cards_of_no_header() -> None:
    assert parse_cards(b"") == {}
