"""The solved FITS file: the frame as it came, tile-compressed, with its plate solution."""

from collections.abc import Mapping
from pathlib import Path

from astropy.io import fits
from astropy.wcs import WCS

from panoptes_network.errors import TransientError
from plate_solver.programs import run

FPACK_TIMEOUT_S = 60

_OLD_SOLUTION = (
    *("CTYPE?", "CUNIT?", "CRVAL?", "CRPIX?", "CDELT?", "CROTA?", "CD?_?", "PC?_?", "PV?_*"),
    *("WCSAXES", "WCSNAME", "LONPOLE", "LATPOLE", "RADESYS", "A_*", "B_*", "AP_*", "BP_*"),
    *("CHECKSUM", "ZHECKSUM"),
)
"""Cards of an earlier solution, and the header's checksum, which would no longer be right."""


def write_solved(source: Path, wcs: WCS, history: Mapping[str, str], folder: Path) -> Path:
    """Write `source` with a WCS in its header, as ``.fits.fz``, and return the path.

    The bytes of the compressed pixels are copied as they are: nothing is lost, and nothing is
    compressed that was compressed already. A plain file is compressed by fpack (Rice).

    Parameters
    ----------
    source : Path
        A FITS file whose first image is the frame.
    wcs : WCS
        TAN-SIP; its cards replace an earlier solution's.
    history : mapping
        What was done → by which version; one HISTORY card each.
    folder : Path
        Where the file is written.

    Raises
    ------
    TransientError
        When fpack fails: the file was readable, so the machine is at fault.
    """
    packed = source if _is_compressed(source) else _pack(source, folder)
    solved = folder / "solved.fits.fz"
    with fits.open(packed, disable_image_compression=True, memmap=False) as hdus:
        image = next(hdu for hdu in hdus if hdu.header.get("ZIMAGE"))
        where = image.fileinfo()
        header = _solved_header(image.header, wcs, history)
    with packed.open("rb") as old, solved.open("wb") as new:
        new.write(old.read(where["hdrLoc"]))
        new.write(header.tostring(padding=True).encode("ascii"))
        old.seek(where["datLoc"])
        new.write(old.read())
    return solved


def _is_compressed(path: Path) -> bool:
    with fits.open(path, disable_image_compression=True) as hdus:
        return any(hdu.header.get("ZIMAGE") for hdu in hdus)


def _pack(source: Path, folder: Path) -> Path:
    packed = folder / "packed.fits.fz"
    done = run("fpack", "-O", packed, source, folder=folder, timeout_s=FPACK_TIMEOUT_S)
    if done.returncode or not packed.exists():
        raise TransientError(f"fpack failed: {(done.stderr + done.stdout)[-500:]}")
    return packed


def _solved_header(header: fits.Header, wcs: WCS, history: Mapping[str, str]) -> fits.Header:
    solved = header.copy()
    for pattern in _OLD_SOLUTION:
        solved.remove(pattern, ignore_missing=True, remove_all=True)
    solved.extend(_wcs_cards(wcs), update=True)
    for action, version in history.items():
        solved.add_history(f"{action}: {version}")
    return solved


def _wcs_cards(wcs: WCS) -> fits.Header:
    """Return the cards that astropy, ds9 and TOPCAT read: a CD matrix and SIP polynomials."""
    cards = wcs.to_header(relax=True)
    for axis in (1, 2):
        cards.remove(f"CDELT{axis}", ignore_missing=True)
        for other in (1, 2):
            cards.remove(f"PC{axis}_{other}", ignore_missing=True)
            cards[f"CD{axis}_{other}"] = (wcs.wcs.cd[axis - 1, other - 1], "degrees a pixel")
    return cards
