"""The solved file: its pixels and cards against the source's, read by astropy and by funpack."""

import io
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from panoptes_network.frames.frame import Frame, read_frame
from plate_solver.solved_file import write_solved
from simulator.optics import field_wcs

HEIGHT, WIDTH = 301, 403
HISTORY = {"PANOPTES sources found by": "source-extractor 2.25.0", "PANOPTES solved by": "a 1"}


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint16]:
    return np.random.default_rng(1).integers(2000, 2**14, (HEIGHT, WIDTH), dtype=np.uint16)


@pytest.fixture(scope="module")
def wcs() -> WCS:
    """A projection with the distortion of the whole sensor, as SIP."""
    return field_wcs(301.6, 44.5, 0.7, WIDTH, HEIGHT)


def header() -> fits.Header:
    cards = fits.Header()
    cards["IMAGEID"] = ("PAN001_14d3bd_20160909T081152", "which image")
    cards["CAMTEMP"] = "11 C"
    cards["EXPTIME"] = 120.4
    cards["OBJECT"] = "dummy"
    cards["EMPTY"] = ""
    cards["NOTE"] = "it's a long one: " + "0123456789" * 12  # goes on in CONTINUE cards
    cards["HIERARCH ESO LONG KEYWORD"] = 3
    cards["COMMENT"] = "of a unit"
    cards["HISTORY"] = "an earlier step"
    cards.append(("TWICE", 1))
    cards.append(("TWICE", 2))
    return cards


def file_of(pixels: NDArray[Any], cards: fits.Header, *, compressed: bool) -> bytes:
    buffer = io.BytesIO()
    if compressed:
        image = fits.CompImageHDU(pixels, cards)
        fits.HDUList([fits.PrimaryHDU(), image]).writeto(buffer)
    else:
        fits.PrimaryHDU(pixels, cards).writeto(buffer)
    return buffer.getvalue()


def solve_file(content: bytes, wcs: WCS, folder: Path) -> Path:
    source = folder / "image.fits"
    source.write_bytes(content)
    return write_solved(source, read_frame(source), wcs, HISTORY, folder)


def compressed_data(content: bytes) -> bytes:
    with fits.open(io.BytesIO(content), disable_image_compression=True) as hdus:
        where = hdus[1].fileinfo()
    return content[where["datLoc"] : where["datLoc"] + where["datSpan"]]


def assert_reads_as_solved(path: Path, pixels: NDArray[np.uint16], wcs: WCS) -> fits.Header:
    """Check pixels, format and positions; return the image's header."""
    with fits.open(path) as hdus:
        hdus.verify("exception")
        np.testing.assert_array_equal(hdus[1].data, pixels)
        assert hdus[1].data.dtype == np.uint16
        cards: fits.Header = hdus[1].header
    x, y = np.meshgrid(np.linspace(0, WIDTH - 1, 9), np.linspace(0, HEIGHT - 1, 9))
    found, true = (
        SkyCoord(*each.all_pix2world(x.ravel(), y.ravel(), 0), unit="deg")
        for each in (WCS(cards), wcs)
    )
    assert found.separation(true).deg.max() < 1e-9  # 4e-7 px: the cards' digits
    return cards


@pytest.mark.parametrize("compressed", [False, True])
def test_pixels_projection_and_history(
    pixels: NDArray[np.uint16], wcs: WCS, tmp_path: Path, compressed: bool
) -> None:
    solved = solve_file(file_of(pixels, header(), compressed=compressed), wcs, tmp_path)
    assert solved.name == "solved.fits.fz"
    cards = assert_reads_as_solved(solved, pixels, wcs)
    assert cards["CTYPE1"] == "RA---TAN-SIP"
    assert cards["RADESYS"] == "ICRS"
    assert "CDELT1" not in cards
    assert "PC1_1" not in cards
    lines = [f"{action}: {version}" for action, version in HISTORY.items()]
    assert list(cards["HISTORY"]) == ["an earlier step", *lines]


@pytest.mark.parametrize("compressed", [False, True])
def test_every_card_of_the_unit_survives(
    pixels: NDArray[np.uint16], wcs: WCS, tmp_path: Path, compressed: bool
) -> None:
    content = file_of(pixels, header(), compressed=compressed)
    solved = solve_file(content, wcs, tmp_path)
    cards = fits.getheader(solved, 1)
    for card in header().cards:
        if card.keyword not in ("HISTORY", "TWICE"):
            assert cards[card.keyword] == card.value
            assert not card.comment or cards.comments[card.keyword] == card.comment
    # astropy itself keeps only one of the two in the compressed source.
    assert solved.read_bytes().count(b"TWICE   =") == content.count(b"TWICE   =") >= 1


@pytest.mark.parametrize("method", ["astropy", "fpack"])
def test_compressed_bytes_are_copied(
    pixels: NDArray[np.uint16], wcs: WCS, tmp_path: Path, method: str
) -> None:
    content = file_of(pixels, header(), compressed=method == "astropy")
    if method == "fpack":
        (tmp_path / "plain.fits").write_bytes(content)
        subprocess.run(["fpack", "-O", "plain.fits.fz", "plain.fits"], cwd=tmp_path, check=True)
        content = (tmp_path / "plain.fits.fz").read_bytes()
    solved = solve_file(content, wcs, tmp_path)
    assert compressed_data(solved.read_bytes()) == compressed_data(content)
    assert_reads_as_solved(solved, pixels, wcs)


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_whole_numbers_of_other_types_are_not_rounded(
    pixels: NDArray[np.uint16], wcs: WCS, tmp_path: Path, dtype: str
) -> None:
    """Given floats, fpack would quantise them."""
    content = file_of(pixels.astype(dtype), header(), compressed=False)
    assert_reads_as_solved(solve_file(content, wcs, tmp_path), pixels, wcs)


@pytest.mark.parametrize("compressed", [False, True])
def test_funpack_reads_it(
    pixels: NDArray[np.uint16], wcs: WCS, tmp_path: Path, compressed: bool
) -> None:
    solved = solve_file(file_of(pixels, header(), compressed=compressed), wcs, tmp_path)
    unpacked = tmp_path / "unpacked.fits"
    subprocess.run(["funpack", "-O", unpacked, solved], check=True)
    with fits.open(unpacked) as hdus:
        image = next(hdu for hdu in hdus if hdu.data is not None)
        np.testing.assert_array_equal(image.data, pixels)
        assert image.header["IMAGEID"] == "PAN001_14d3bd_20160909T081152"
        x, y = np.array([0.0, WIDTH - 1]), np.array([0.0, HEIGHT - 1])
        np.testing.assert_allclose(
            WCS(image.header).all_pix2world(x, y, 0), wcs.all_pix2world(x, y, 0), atol=1e-9
        )


@pytest.mark.parametrize("compressed", [False, True])
def test_an_earlier_solution_is_replaced(
    pixels: NDArray[np.uint16], wcs: WCS, tmp_path: Path, compressed: bool
) -> None:
    """Also one of another form and of a higher order: none of its cards may bend the new one."""
    cards = header()
    old = field_wcs(10.0, -20.0, 45.0, WIDTH, HEIGHT)
    cards.update(old.to_header(relax=True))
    cards.update({"A_ORDER": 5, "A_5_0": 1e-9, "AP_ORDER": 2, "AP_2_0": 1e-6, "A_DMAX": 3.0})
    cards.update({"CROTA2": 12.0, "PV1_1": 1.0, "CD1_1": 1.0, "CHECKSUM": "old"})
    solved = solve_file(file_of(pixels, cards, compressed=compressed), wcs, tmp_path)
    found = assert_reads_as_solved(solved, pixels, wcs)
    gone = {"A_5_0", "AP_ORDER", "AP_2_0", "A_DMAX", "CROTA2", "PV1_1", "PC1_1", "CHECKSUM"}
    assert gone.isdisjoint(found)
    assert found.count("CRVAL1") == found.count("A_ORDER") == 1
    assert found["EXPTIME"] == 120.4


def test_solving_a_solved_file_again_changes_only_its_history(
    pixels: NDArray[np.uint16], wcs: WCS, tmp_path: Path
) -> None:
    (tmp_path / "again").mkdir()
    once = solve_file(file_of(pixels, header(), compressed=True), wcs, tmp_path)
    twice = solve_file(once.read_bytes(), wcs, tmp_path / "again")
    before, after = fits.getheader(once, 1), fits.getheader(twice, 1)
    assert len(after["HISTORY"]) == len(before["HISTORY"]) + len(HISTORY)
    for cards in (before, after):
        cards.remove("HISTORY", remove_all=True)
    assert sorted(map(str, before.cards)) == sorted(map(str, after.cards))


DAMAGED = [
    b"OBJECT  = 'without an end",
    b"OBJECT  = no value / of any kind",
    b"OBJECT  =100.0.0",
    b"OBJE\xc7T  = 'not ASCII'",
    b"OBJECT  = '\0\1\xff'",
    b"object  = 'small letters'",
    b"OB!ECT  = 3",
    b"  OBJECT= 3",
    b"\0" * 80,
]


@pytest.mark.filterwarnings("ignore::astropy.io.fits.verify.VerifyWarning")
@pytest.mark.filterwarnings(
    "ignore:.*(non-ASCII|non-standard):astropy.utils.exceptions.AstropyUserWarning"
)
@pytest.mark.parametrize("card", DAMAGED)
@pytest.mark.parametrize("compressed", [False, True])
def test_damaged_cards_do_no_harm(
    pixels: NDArray[np.uint16], wcs: WCS, tmp_path: Path, compressed: bool, card: bytes
) -> None:
    content = file_of(pixels, header(), compressed=compressed)
    at = content.index(b"OBJECT  = ")
    damaged = content[:at] + card.ljust(80) + content[at + 80 :]
    solved = solve_file(damaged, wcs, tmp_path)
    with fits.open(solved) as hdus:
        np.testing.assert_array_equal(hdus[1].data, pixels)
        assert hdus[1].header["IMAGEID"] == "PAN001_14d3bd_20160909T081152"
        assert WCS(hdus[1].header).wcs.crval[0] == pytest.approx(301.6)
    # The judge of what FITS allows is cfitsio.
    subprocess.run(["funpack", "-O", tmp_path / "unpacked.fits", solved], check=True)
    written = solved.read_bytes()
    assert len(written) % 2880 == 0
    header_block = written[: written.index(b"END".ljust(80), 2880)]
    assert all(0x20 <= byte < 0x7F for byte in header_block)


def test_cards_that_say_how_a_table_is_stored_are_not_taken_over(
    pixels: NDArray[np.uint16], wcs: WCS, tmp_path: Path
) -> None:
    """A plain file may hold them as nonsense: in the product they would break the pixels."""
    cards = header()
    cards.update({"ZCMPTYPE": "PLIO_1", "ZNAXIS1": 7, "TFORM1": "1D", "THEAP": 5, "ZTILE2": 3})
    content = file_of(pixels, cards, compressed=False)
    assert_reads_as_solved(solve_file(content, wcs, tmp_path), pixels, wcs)


def test_image_in_an_extension(pixels: NDArray[np.uint16], wcs: WCS, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    table = fits.BinTableHDU.from_columns([fits.Column("a", "D", array=[1.0])])
    image = fits.ImageHDU(pixels, header())
    fits.HDUList([fits.PrimaryHDU(), table, image]).writeto(buffer)
    solved = solve_file(buffer.getvalue(), wcs, tmp_path)
    assert assert_reads_as_solved(solved, pixels, wcs)["CAMTEMP"] == "11 C"


@pytest.mark.parametrize("kind", [fits.ImageHDU, fits.CompImageHDU])
@pytest.mark.parametrize("has_picture", [False, True])
def test_the_frame_becomes_the_first_image_and_has_two_axes(
    pixels: NDArray[np.uint16], wcs: WCS, tmp_path: Path, kind: Any, has_picture: bool
) -> None:
    picture = np.zeros((20, 30), dtype=np.uint8) if has_picture else None
    frame = kind(pixels if has_picture else pixels[np.newaxis], header())
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(picture), frame]).writeto(buffer)
    solved = solve_file(buffer.getvalue(), wcs, tmp_path)
    cards = assert_reads_as_solved(solved, pixels, wcs)
    assert (cards["NAXIS"], cards["CAMTEMP"]) == (2, "11 C")


def test_what_follows_the_image_is_kept(
    pixels: NDArray[np.uint16], wcs: WCS, tmp_path: Path
) -> None:
    buffer = io.BytesIO()
    table = fits.BinTableHDU.from_columns([fits.Column("a", "D", array=[1.0, 2.0])])
    image = fits.CompImageHDU(pixels, header())
    fits.HDUList([fits.PrimaryHDU(), image, table]).writeto(buffer)
    solved = solve_file(buffer.getvalue(), wcs, tmp_path)
    assert_reads_as_solved(solved, pixels, wcs)
    assert fits.getdata(solved, 2)["a"].tolist() == [1, 2]


def test_real_frame(real_frame: Path, tmp_path: Path) -> None:
    frame: Frame = read_frame(real_frame)
    wcs = field_wcs(303.2, 46.0, 0.7, 700, 700)
    solved = write_solved(real_frame, frame, wcs, HISTORY, tmp_path)
    np.testing.assert_array_equal(fits.getdata(solved, 1), fits.getdata(real_frame))
    before, after = fits.getheader(real_frame), fits.getheader(solved, 1)
    for keyword in set(before) - {"CHECKSUM", "DATASUM", "EXTEND", "SIMPLE"}:
        assert after[keyword] == before[keyword]
