"""The solved FITS file: the original frame, tile-compressed, with its plate solution."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from astropy.io import fits
from astropy.wcs import WCS

from panoptes_network.byte_ranges import ranges_of
from panoptes_network.errors import TransientError
from panoptes_network.frames.fits_header import BLOCK_BYTES, CARD_CHARS, read_image_header
from panoptes_network.frames.frame import Frame
from panoptes_network.processing import isolation
from plate_solver.external_programs import failure, run
from plate_solver.frame_reader import TIME_LIMIT_S

FPACK_CPU_LIMIT_S = 60

_OLD_SOLUTION = re.compile(
    rb"(CTYPE|CUNIT|CRVAL|CRPIX|CDELT|CROTA)\d+|(CD|PC|PV)\d+_\d+|WCSAXES|WCSNAME|LONPOLE|LATPOLE"
    rb"|RADESYS|(A|B|AP|BP)_(ORDER|DMAX|\d+_\d+)|CHECKSUM|ZHECKSUM"
)
"""Cards of an earlier solution, and the header's checksum, which would be wrong."""

_STRUCTURE = re.compile(
    rb"SIMPLE|XTENSION|BITPIX|NAXIS\d*|EXTEND|PCOUNT|GCOUNT|GROUPS|BSCALE|BZERO|BLANK|DATASUM"
    rb"|TFIELDS|THEAP|(TTYPE|TFORM|TUNIT|TDIM|TNULL|TSCAL|TZERO|TDISP)\d+"
    rb"|ZIMAGE|ZCMPTYPE|ZBITPIX|ZNAXIS\d*|(ZTILE|ZNAME|ZVAL)\d+|ZMASKCMP|ZQUANTIZ|ZDITHER0"
    rb"|ZSCALE|ZZERO|ZBLANK|ZSIMPLE|ZTENSION|ZEXTEND|ZBLOCKED|ZPCOUNT|ZGCOUNT|ZDATASUM"
)
"""Cards about the storage of pixels (FITS Standard 4.0, sections 4.4, 7.3 and 10.1)."""

_LEGAL_KEYWORD = re.compile(rb"[A-Z0-9_-]* *")


def write_solved(
    source: Path, frame: Frame, wcs: WCS, history: Mapping[str, str], folder: Path
) -> Path:
    """Write `source` with a WCS in its header, as ``.fits.fz``, and return the path.

    Compressed pixels are copied byte by byte: nothing is lost or compressed twice. The pixels of a
    plain file are compressed by fpack (Rice, lossless), and so are those of a frame after another
    picture or with more than two axes: in the solved file, the frame is the first image and has two
    axes. Cards are copied unchanged; cards that FITS forbids become comments.

    Parameters
    ----------
    source : Path
        The FITS file that `frame` was read from.
    frame : Frame
        Its pixels.
    wcs : WCS
        TAN-SIP; its cards replace an earlier solution's.
    history : mapping
        Version by processing step; one HISTORY card each.
    folder : Path
        Folder for the file.

    Raises
    ------
    PermanentError
        TOO_LARGE or DAMAGED_FILE as `isolation.run`.
    TransientError
        If fpack fails: its only input is pixels, so the machine is at fault.
    """
    # In the other process: astropy's handling of untrusted tables is unpredictable.
    image = isolation.run(find_image, TIME_LIMIT_S, source)
    cards = image.cards
    if not image.is_plain_table:
        image = find_image(_pack(frame, folder))
        cards = [*image.cards, *(card for card in cards if not _is(_STRUCTURE, card))]
    kept = [_legal(card) for card in cards if not _is(_OLD_SOLUTION, card)]
    solved = folder / "solved.fits.fz"
    with image.path.open("rb") as old, solved.open("wb") as new:
        new.write(old.read(image.header_start))
        new.write(_header_bytes([*kept, *_new_cards(wcs, history)]))
        old.seek(image.data_start)
        new.write(old.read())
    return solved


@dataclass(frozen=True, slots=True)
class ImageHdu:
    """The position of a file's frame, and its cards without END.

    `is_plain_table` marks a compressed image of two axes that is the file's first image.
    """

    path: Path
    header_start: int
    data_start: int
    cards: list[bytes]
    is_plain_table: bool


def find_image(path: Path) -> ImageHdu:
    """Find the frame of a FITS file, compressed or not, like `read_image_header`."""
    with (
        path.open("rb") as file,
        fits.open(file, disable_image_compression=True, memmap=False) as hdus,
    ):
        index = read_image_header(ranges_of(file)).index
        image = hdus[index]
        start, data_start = (image.fileinfo()[place] for place in ("hdrLoc", "datLoc"))
        file.seek(start)
        header = file.read(data_start - start)
        is_first = not any(
            _is_compressed(hdu) or (hdu.is_image and hdu.size) for hdu in hdus[:index]
        )
        is_plain_table = _is_compressed(image) and image.header.get("ZNAXIS") == 2 and is_first
        return ImageHdu(path, start, data_start, _cards(header), is_plain_table)


def _is_compressed(hdu: fits.PrimaryHDU | fits.BinTableHDU) -> bool:
    return hdu.header.get("ZIMAGE") is True


def _cards(header: bytes) -> list[bytes]:
    """Return the cards before END."""
    cards = [header[at : at + CARD_CHARS] for at in range(0, len(header), CARD_CHARS)]
    return list(takewhile(lambda card: not card.startswith(b"END     "), cards))


def _is(keywords: re.Pattern[bytes], card: bytes) -> bool:
    return keywords.fullmatch(card[:8].rstrip()) is not None


def _legal(card: bytes) -> bytes:
    """Return a card, as a comment if its keyword or characters are invalid in FITS."""
    printable = bytes(c if 0x20 <= c < 0x7F else ord("?") for c in card)
    if printable == card and _LEGAL_KEYWORD.fullmatch(card[:8]):
        return card
    return (b"COMMENT " + printable)[:CARD_CHARS]


def _header_bytes(cards: list[bytes]) -> bytes:
    header = b"".join([*cards, b"END".ljust(CARD_CHARS)])
    return header.ljust(-(-len(header) // BLOCK_BYTES) * BLOCK_BYTES)


def _pack(frame: Frame, folder: Path) -> Path:
    fits.writeto(folder / "pixels.fits", frame.mosaic)
    packed = folder / "packed.fits.fz"
    done = run("fpack", "-O", packed, "pixels.fits", folder=folder, cpu_limit_s=FPACK_CPU_LIMIT_S)
    if done.returncode or not packed.exists():
        raise TransientError(f"fpack failed: {failure(done)}")
    return packed


def _new_cards(wcs: WCS, history: Mapping[str, str]) -> list[bytes]:
    """Return the cards that astropy, ds9 and TOPCAT read: a CD matrix and SIP polynomials."""
    header = wcs.to_header(relax=True)
    header.remove("MJDREF", ignore_missing=True)  # wcslib's default: the solution knows no time
    for axis in (1, 2):
        header.remove(f"CDELT{axis}", ignore_missing=True)
        for other in (1, 2):
            header.remove(f"PC{axis}_{other}", ignore_missing=True)
            header[f"CD{axis}_{other}"] = (wcs.wcs.cd[axis - 1, other - 1], "degrees a pixel")
    for action, version in history.items():
        header.add_history(f"{action}: {version}")
    return _cards(header.tostring().encode("ascii"))
