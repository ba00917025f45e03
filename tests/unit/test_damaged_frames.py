"""Files that are no frame, or no longer one: each is refused with its reason."""

import gzip
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from numpy.typing import NDArray

from panoptes_network.errors import PermanentError, Reason
from panoptes_network.frames.fits_header import MIN_SIDE_PX
from panoptes_network.frames.frame import read_frame
from tests.memory import forget_peak, peak_bytes
from tests.unit.frame_files import (
    HEIGHT,
    WIDTH,
    assert_read,
    assert_refused,
    every_value,
    write,
    write_pixels,
)


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint16]:
    return every_value()


@pytest.fixture
def packed(pixels: NDArray[np.uint16], tmp_path: Path) -> bytes:
    """A tile-compressed file as astropy writes it."""
    image = fits.CompImageHDU(pixels, compression_type="RICE_1")
    return write(tmp_path / "packed.fits.fz", [fits.PrimaryHDU(), image]).read_bytes()


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.fits").touch()
    assert_refused(tmp_path / "empty.fits", Reason.EMPTY_FILE)


@pytest.mark.parametrize("content", [b"S", b"\0" * 2880, b"II*\0" * 800, b"<html>" * 800])
def test_not_fits(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "no.fits").write_bytes(content)
    assert_refused(tmp_path / "no.fits", Reason.NOT_FITS)


def test_random_bytes(tmp_path: Path) -> None:
    noise = np.random.default_rng(2).bytes(100_000)
    (tmp_path / "noise.fits").write_bytes(noise)
    assert_refused(tmp_path / "noise.fits", Reason.NOT_FITS)
    (tmp_path / "noise.fits").write_bytes(b"SIMPLE  =" + noise)
    assert_refused(tmp_path / "noise.fits", Reason.TRUNCATED)


@pytest.mark.parametrize("kept", [0.04, 0.3, 0.9, 0.9999])
@pytest.mark.parametrize("compressed", [False, True])
def test_truncated(
    pixels: NDArray[np.uint16], packed: bytes, tmp_path: Path, compressed: bool, kept: float
) -> None:
    plain = write_pixels(tmp_path / "plain.fits", pixels).read_bytes()
    whole = packed if compressed else plain
    (tmp_path / "cut.fits").write_bytes(whole[: int(kept * len(whole))])
    words = assert_refused(tmp_path / "cut.fits", Reason.TRUNCATED)
    # Told from the header: no pixel was unpacked for it.
    assert f"ends after {int(kept * len(whole))} of {len(whole)} bytes" in words


@pytest.mark.parametrize("end", [80, 2880 + 1000, 5760 - 80])
def test_truncated_within_a_header(packed: bytes, tmp_path: Path, end: int) -> None:
    (tmp_path / "cut.fits.fz").write_bytes(packed[:end])
    assert_refused(tmp_path / "cut.fits.fz", Reason.TRUNCATED)


@pytest.mark.parametrize("end", [1000, 2880])
def test_cut_behind_the_empty_primary(packed: bytes, tmp_path: Path, end: int) -> None:
    """What is left has a whole header, only of no image."""
    (tmp_path / "cut.fits.fz").write_bytes(packed[:end])
    assert_refused(tmp_path / "cut.fits.fz", Reason.NO_IMAGE)


def test_only_a_table(tmp_path: Path) -> None:
    table = fits.BinTableHDU.from_columns([fits.Column("a", "D", array=[1.0, 2.0])])
    path = write(tmp_path / "table.fits", [fits.PrimaryHDU(), table])
    assert_refused(path, Reason.NO_IMAGE)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("compressed", [False, True])
def test_pixels_that_are_no_numbers(
    pixels: NDArray[np.uint16], tmp_path: Path, compressed: bool, value: float
) -> None:
    broken = pixels.astype(np.float32)
    broken[17, 33] = value
    image = fits.CompImageHDU(broken, quantize_level=0, compression_type="GZIP_1")
    hdus = [fits.PrimaryHDU(), image] if compressed else [fits.PrimaryHDU(broken)]
    assert "NaN" in assert_refused(write(tmp_path / "nan.fits", hdus), Reason.BAD_PIXELS)


@pytest.mark.parametrize(
    ("dtype", "value"),
    [("i2", -1), ("i4", -1), ("i4", 2**16), ("i8", 2**40), ("f4", 0.5), ("f8", 1e300)],
)
def test_pixels_that_no_camera_gives(
    pixels: NDArray[np.uint16], tmp_path: Path, dtype: str, value: float
) -> None:
    wrong = (pixels >> 2).astype(dtype)
    wrong[17, 33] = value
    assert_refused(write_pixels(tmp_path / "wrong.fits", wrong), Reason.BAD_PIXELS)


def test_lossy_compression(pixels: NDArray[np.uint16], tmp_path: Path) -> None:
    """Floats are quantised: what comes back are no camera values, and must not pass as such."""
    image = fits.CompImageHDU(pixels.astype(np.float32), compression_type="RICE_1")
    path = write(tmp_path / "lossy.fits.fz", [fits.PrimaryHDU(), image])
    assert_refused(path, Reason.BAD_PIXELS)


@pytest.mark.parametrize("shape", [(1, 1), (3, HEIGHT, WIDTH), (HEIGHT * WIDTH,), (2, 2, 2, 300)])
def test_shapes_that_no_camera_has(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = write_pixels(tmp_path / "shape.fits", np.zeros(shape, dtype=np.uint16))
    assert_refused(path, Reason.WRONG_SHAPE)


@pytest.mark.parametrize("add", [-1, 0])
def test_least_size(tmp_path: Path, add: int) -> None:
    pixels = np.full((MIN_SIDE_PX, MIN_SIDE_PX + add), 2100, dtype=np.uint16)
    path = write_pixels(tmp_path / "small.fits", pixels)
    if add:
        assert_refused(path, Reason.WRONG_SHAPE)
    else:
        assert_read(path, pixels)


def with_cards(content: bytes, cards: dict[str, str]) -> bytes:
    """Replace cards by text that no library would write."""
    for keyword, value in cards.items():
        at = content.index(f"{keyword:8}= ".encode())
        card = f"{keyword:8}= {value:>20}".ljust(80)
        content = content[:at] + card.encode() + content[at + 80 :]
    return content


def bomb(**cards: str) -> bytes:
    lines = [
        "SIMPLE  =                    T",
        *(f"{k:8}= {v:>20}" for k, v in cards.items()),
        "END",
    ]
    header = "".join(line.ljust(80) for line in lines)
    return header.ljust(2880).encode() + b"\0" * 2880


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (bomb(BITPIX="16", NAXIS="2", NAXIS1="1000000", NAXIS2="1000000"), Reason.TOO_LARGE),
        (bomb(BITPIX="-64", NAXIS="2", NAXIS1="9" * 20, NAXIS2="9" * 20), Reason.TOO_LARGE),
        (bomb(BITPIX="8", NAXIS="3", NAXIS1="9999", NAXIS2="9999", NAXIS3="9"), Reason.TOO_LARGE),
        (bomb(BITPIX="-64", NAXIS="2", NAXIS1="7000", NAXIS2="7000"), Reason.TRUNCATED),
        (bomb(BITPIX="16", NAXIS="999", NAXIS1="300", NAXIS2="300"), Reason.NO_IMAGE),
        (bomb(BITPIX="16", NAXIS="2", NAXIS1="-300", NAXIS2="300"), Reason.NO_IMAGE),
        (bomb(BITPIX="16", NAXIS="2.0", NAXIS1="300", NAXIS2="300"), Reason.NO_IMAGE),
        (bomb(BITPIX="17", NAXIS="2", NAXIS1="300", NAXIS2="300"), Reason.TRUNCATED),
        (bomb(BITPIX="'a'", NAXIS="2", NAXIS1="300", NAXIS2="300"), Reason.TRUNCATED),
        (bomb(NAXIS="2", NAXIS1="300", NAXIS2="300"), Reason.TRUNCATED),
    ],
)
def test_headers_that_promise_too_much(tmp_path: Path, content: bytes, reason: Reason) -> None:
    (tmp_path / "bomb.fits").write_bytes(content)
    before = forget_peak()
    assert_refused(tmp_path / "bomb.fits", reason)
    # 7000x7000 doubles would be 383 MiB; a refusal needs none of the pixels.
    assert peak_bytes() - before < 100 * 1024**2


@pytest.mark.parametrize(
    ("cards", "reason"),
    [
        ({"ZNAXIS1": "1000000", "ZNAXIS2": "1000000"}, Reason.TOO_LARGE),
        ({"ZNAXIS": "3"}, Reason.NO_IMAGE),
        ({"ZNAXIS1": "7000", "ZNAXIS2": "8000"}, Reason.TRUNCATED),
        ({"ZTILE1": "100000", "ZTILE2": "100000"}, Reason.TRUNCATED),
        ({"ZTILE1": "-5"}, Reason.TRUNCATED),
        ({"ZCMPTYPE": "'NONSENSE'"}, Reason.TRUNCATED),
        ({"PCOUNT": "1"}, Reason.TRUNCATED),
        ({"PCOUNT": "100000000000"}, Reason.TRUNCATED),
        ({"NAXIS1": "1"}, Reason.TRUNCATED),
        ({"TFIELDS": "99"}, Reason.TRUNCATED),
        ({"TFORM1": "'1D'"}, Reason.TRUNCATED),
        ({"TTYPE1": "'OTHER'"}, Reason.TRUNCATED),
    ],
)
def test_compressed_headers_that_lie(
    packed: bytes, tmp_path: Path, cards: dict[str, str], reason: Reason
) -> None:
    (tmp_path / "lie.fits.fz").write_bytes(with_cards(packed, cards))
    assert_refused(tmp_path / "lie.fits.fz", reason)


@pytest.mark.parametrize("method", ["GZIP_1", "GZIP_2"])
def test_tiles_that_unpack_to_more_than_the_image(tmp_path: Path, method: str) -> None:
    """A megabyte of gzip may unpack to a gigabyte."""
    bomb = np.frombuffer(gzip.compress(bytes(100_000_000)), np.uint8)
    column = fits.Column("COMPRESSED_DATA", "1PB()", array=np.array([bomb], dtype=object))
    table = fits.BinTableHDU.from_columns([column])
    table.header.update({"ZIMAGE": True, "ZCMPTYPE": method, "ZBITPIX": 16, "ZNAXIS": 2})
    table.header.update({"ZNAXIS1": 300, "ZNAXIS2": 300, "ZTILE1": 300, "ZTILE2": 300})
    path = write(tmp_path / "bomb.fits.fz", [fits.PrimaryHDU(), table])
    before = forget_peak()
    assert "more bytes" in assert_refused(path, Reason.DAMAGED_FILE)
    assert peak_bytes() - before < 50 * 1024**2


@pytest.mark.parametrize("tile", [0, -1])
def test_tiles_that_say_they_are_larger_than_their_place(
    pixels: NDArray[np.uint16], tmp_path: Path, tile: int
) -> None:
    """astropy's decoder would write behind the end of its memory, and crash or worse."""
    image = fits.CompImageHDU(pixels, compression_type="HCOMPRESS_1", tile_shape=(16, WIDTH))
    whole = write(tmp_path / "a.fits.fz", [fits.PrimaryHDU(), image]).read_bytes()
    starts = [found.start() for found in re.finditer(rb"\xdd\x99\0\0\0.\0\0", whole, re.DOTALL)]
    at = starts[tile] + 2
    (tmp_path / "lie.fits.fz").write_bytes(whole[:at] + struct.pack(">i", 17) + whole[at + 4 :])
    words = assert_refused(tmp_path / "lie.fits.fz", Reason.DAMAGED_FILE)
    assert f"{WIDTH}x17 pixels" in words


def test_a_refusal_of_too_many_pixels_is_short(tmp_path: Path) -> None:
    axes = {f"NAXIS{n}": "9" * 69 for n in range(1, 1000)}
    (tmp_path / "many.fits").write_bytes(bomb(BITPIX="16", NAXIS="999", **axes))
    assert len(assert_refused(tmp_path / "many.fits", Reason.TOO_LARGE)) < 100


@pytest.mark.filterwarnings("ignore")  # astropy says in many ways that a file is broken
def test_damage_anywhere_is_refused_or_read(packed: bytes, tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    path = tmp_path / "damaged.fits.fz"
    refused = 0
    for _ in range(150):
        damaged = bytearray(packed)
        for at in random.integers(0, 12_000, 20):  # headers and the table of tiles
            damaged[at] = random.integers(0, 256)
        path.write_bytes(damaged)
        try:
            assert read_frame(path).mosaic.dtype == np.uint16
        except PermanentError:
            refused += 1
    assert refused > 50
