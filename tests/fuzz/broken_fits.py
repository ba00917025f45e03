"""FITS files that lie: headers and compressed tiles as no library would write them."""

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from astropy.io import fits
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.fuzz.mutations import Mutation

SIDE_PX = 200
"""The least that a frame may have."""

_INDEXED = (
    *("NAXIS", "ZNAXIS", "ZTILE", "ZNAME", "ZVAL", "TTYPE", "TFORM", "TNULL", "TSCAL", "TZERO"),
    "TDIM",
)
KEYWORDS = (
    *("SIMPLE", "XTENSION", "BITPIX", "NAXIS", "EXTEND", "PCOUNT", "GCOUNT", "GROUPS", "END"),
    *("BSCALE", "BZERO", "BLANK", "ZIMAGE", "ZCMPTYPE", "ZBITPIX", "ZNAXIS", "ZBLANK", "ZSCALE"),
    *("ZZERO", "ZQUANTIZ", "ZDITHER0", "ZMASKCMP", "ZTENSION", "ZSIMPLE", "ZPCOUNT", "TFIELDS"),
    *("THEAP", "CONTINUE", "HIERARCH", "COMMENT", "CHECKSUM", "DATASUM", "IMAGEID", "FIELD"),
    *(f"{keyword}{n}" for keyword in _INDEXED for n in (1, 2, 3)),
)
_WORDS = (
    *("RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1", "PLIO_1", "NOCOMPRESS", "RICE_ONE", "NONSENSE"),
    *("BINTABLE", "IMAGE", "TABLE", "COMPRESSED_DATA", "GZIP_COMPRESSED_DATA", "ZSCALE", "BYTEPIX"),
    *("UNCOMPRESSED_DATA", "BLOCKSIZE", "SCALE", "SMOOTH", "SUBTRACTIVE_DITHER_1", "NO_DITHER"),
    *("1PB(99999)", "1QB(1)", "1PI(9)", "999999999B", "-1J", "1PE", "(9,9,9)", "", "&", "x" * 66),
)
_NUMBERS = (
    *("0", "1", "-1", "2", "8", "16", "32", "64", "-32", "-64", "17", "100", "199", "201", "999"),
    *("1000", "65536", "7000", "100000", "2147483647", "2147483648", "4294967296", "1E308"),
    *("9223372036854775807", "9223372036854775808", "9" * 30, "9" * 69, "1E999", "-1D400", "0.5"),
    *("NaN", "INF", "T", "F", "+", "1e", "0x10", "1_000", "٣", "\0", ""),
)
_VALUES = st.one_of(
    st.sampled_from(_NUMBERS).map("{:>20}".format),
    st.sampled_from(_WORDS).map("'{:8}'".format),
    st.text(max_size=70),
)


def file_of(*hdus: Any) -> bytes:
    buffer = BytesIO()
    fits.HDUList(list(hdus)).writeto(buffer)
    return buffer.getvalue()


def packed(method: str, pixels: NDArray[Any], **options: Any) -> bytes:
    return file_of(fits.PrimaryHDU(), fits.CompImageHDU(pixels, compression_type=method, **options))


def pixels() -> NDArray[np.uint16]:
    random = np.random.default_rng(1)
    return random.integers(2000, 2500, (SIDE_PX, SIDE_PX), dtype=np.uint16)


def files() -> list[bytes]:
    """Return whole files of each kind that is read."""
    frame = pixels()
    table = fits.BinTableHDU.from_columns([fits.Column("a", "D", array=[1.0])])
    long = fits.PrimaryHDU(frame)
    long.header["LONGTEXT"] = "x" * 300
    whole = (SIDE_PX, SIDE_PX)
    return [
        file_of(long),
        file_of(fits.PrimaryHDU(frame.astype(np.float32))),
        file_of(fits.PrimaryHDU(), table, fits.ImageHDU(frame)),
        packed("RICE_1", frame),
        packed("RICE_1", frame, tile_shape=whole),
        packed("GZIP_1", frame),
        packed("GZIP_2", frame, tile_shape=whole),
        packed("HCOMPRESS_1", frame),
        packed("HCOMPRESS_1", frame, tile_shape=whole),
        packed("RICE_1", frame.astype(np.float32)),
        packed("GZIP_1", frame.astype(np.float64), quantize_level=0),
    ]


def corpus() -> list[bytes]:
    """Return files that are broken on purpose, each in one way."""
    [plain, *_] = files()
    whole_headers = [with_card(plain, k, v) for k in ("NAXIS", "NAXIS1") for v in _NUMBERS]
    return [
        b"",
        b"S",
        b"SIMPLE  =" + bytes(100_000),
        plain.replace(b"END     ", b"ENDLESS ", 1),
        header("SIMPLE  =                    T", "NAXIS   =                  999", *_many_axes()),
        header(*_endless_table()),
        *whole_headers,
        *(huge_header(plain, blocks) for blocks in (10, 150, 250)),
    ]


def bombs() -> list[bytes]:
    """Return small files that ask for much memory."""
    return [gzip_bomb(), hcompress_overflow(), largest_frame()]


def header(*cards: str) -> bytes:
    """Return a file that is only a header of these cards."""
    text = "".join(card.ljust(80) for card in [*cards, "END"])
    return text.ljust(-(-len(text) // 2880) * 2880).encode()


def _many_axes() -> list[str]:
    return ["BITPIX  =                   16", *(f"NAXIS{n:<3}= {'9' * 69}" for n in range(1, 1000))]


def _endless_table() -> list[str]:
    """An empty primary whose data end behind every offset that a file can have."""
    sizes = ("PCOUNT", 10**60), ("GCOUNT", 10**60)
    return [
        "SIMPLE  =                    T",
        "BITPIX  =                   16",
        "NAXIS   =                    1",
        "NAXIS1  =                    0",
        *(f"{keyword:8}= {value}" for keyword, value in sizes),
    ]


def gzip_bomb() -> bytes:
    """A compressed image whose only tile unpacks to 200 MB: 2,500 times its pixels."""
    return _of_one_tile(200 * 10**6, BITPIX=16, NAXIS1=SIDE_PX, NAXIS2=SIDE_PX)


def largest_frame() -> bytes:
    """As many pixels as are allowed, of the longest type, in one tile of half a megabyte."""
    return _of_one_tile(8 * 60_000_000, BITPIX=-64, NAXIS1=10_000, NAXIS2=6000)


def _of_one_tile(unpacked_bytes: int, **image: int) -> bytes:
    tile = np.frombuffer(_gzipped_zeros(unpacked_bytes), np.uint8)
    column = fits.Column("COMPRESSED_DATA", "1PB()", array=np.array([tile], dtype=object))
    table = fits.BinTableHDU.from_columns([column])
    sides = {"ZTILE1": image["NAXIS1"], "ZTILE2": image["NAXIS2"]}
    cards = {"ZIMAGE": True, "ZCMPTYPE": "GZIP_1", "ZNAXIS": 2, **sides}
    table.header.update(cards | {f"Z{keyword}": value for keyword, value in image.items()})
    return file_of(fits.PrimaryHDU(), table)


def _gzipped_zeros(count: int) -> bytes:
    """Zip zeros without ever having them all."""
    zipped = zlib.compressobj(1, wbits=31)
    zeros = bytes(10**6)
    return b"".join(zipped.compress(zeros) for _ in range(count // 10**6)) + zipped.flush()


def hcompress_overflow() -> bytes:
    """A compressed image whose first tile says that it has six times its pixels."""
    whole = packed("HCOMPRESS_1", pixels())
    at = whole.index(b"\xdd\x99") + 2
    return whole[:at] + struct.pack(">ii", 1, 20_000) + whole[at + 8 :]


def with_card(data: bytes, keyword: str, value: str, slot: int = 0) -> bytes:
    """Give a card another value; where it is missing, it takes the place of some other card."""
    text = f"{keyword:8}= {value}".encode("utf-8", "replace")[:80].ljust(80)
    start = f"{keyword:8}=".encode()
    places = [n for n in range(0, min(len(data), 30_000), 80) if data.startswith(start, n)]
    at = places[slot % len(places)] if places else 80 * (slot % 100)
    return data[:at] + text + data[at + 80 :]


def huge_header(data: bytes, blocks: int) -> bytes:
    """Put blocks of comments behind the first card."""
    return data[:80] + b"COMMENT ".ljust(80) * (36 * blocks) + data[80:]


def _replaced(keyword: str, value: str, slot: int) -> Mutation:
    return lambda data: with_card(data, keyword, value, slot)


def _swelled(blocks: int) -> Mutation:
    return lambda data: huge_header(data, blocks)


CARDS: st.SearchStrategy[Mutation] = st.one_of(
    st.builds(_replaced, st.sampled_from(KEYWORDS), _VALUES, st.integers(0, 100)),
    st.builds(_replaced, st.sampled_from(KEYWORDS), _VALUES, st.integers(0, 100)),
    st.builds(_replaced, st.sampled_from(KEYWORDS), _VALUES, st.integers(0, 100)),
    st.builds(_swelled, st.sampled_from([1, 5, 30])),
)
