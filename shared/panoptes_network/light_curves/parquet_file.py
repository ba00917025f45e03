"""The Parquet file of a sequence's light curves: written star by star, read one star at a time.

A row is one star in one frame (`schema.PARQUET_COLUMNS`). A star's rows are contiguous in one row
group, so that reading one star takes the file's footer and one range.
"""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from panoptes_network.byte_ranges import RangeFile, ReadRange
from panoptes_network.light_curves.schema import (
    FRAME_COLUMNS,
    MEASUREMENT_COLUMNS,
    PARQUET_COLUMNS,
    STAR_COLUMNS,
    Column,
)

Arrays = Mapping[str, NDArray[np.generic]]
ROWS_PER_GROUP = 16_384
"""About 1.5 MB, the data read for one star. Smaller groups would make the footer longer than that.
"""
MAGIC, END_BYTES = b"PAR1", 8
REPEATED = [column.name for column in (*STAR_COLUMNS, *FRAME_COLUMNS)]
SPLIT = [column.name for column in MEASUREMENT_COLUMNS if column.arrow_type in {"float", "double"}]
"""Columns of measured numbers: byte stream split encoding compresses noise better."""
_TYPES = {
    "string": pa.string(),
    "timestamp[us, tz=UTC]": pa.timestamp("us", tz="UTC"),
    "float": pa.float32(),
    "double": pa.float64(),
    "int32": pa.int32(),
    "int64": pa.int64(),
}


def _schema(columns: tuple[Column, ...]) -> pa.Schema:
    return pa.schema([_field(column) for column in columns])


def _field(column: Column) -> pa.Field:
    said = {"description": column.description, "unit": column.unit}
    metadata = {name: value for name, value in said.items() if value}
    return pa.field(column.name, _TYPES[column.arrow_type], metadata=metadata)


STARS, FRAMES = _schema(STAR_COLUMNS), _schema(FRAME_COLUMNS)
MEASUREMENTS, SCHEMA = _schema(MEASUREMENT_COLUMNS), _schema(PARQUET_COLUMNS)


class LightCurveWriter:
    """Writes the file in batches of stars; memory holds at most one row group.

    Parameters
    ----------
    path : Path
        The output file, complete once the writer is closed.
    frames : mapping of str to ndarray, shape (frames,)
        Each of `FRAME_COLUMNS` for each frame of the sequence, in order of time: times as
        ``datetime64[us]`` in UTC, ids as text.
    """

    def __init__(self, path: Path, frames: Arrays) -> None:
        self._frames = _table(frames, FRAMES)
        self._n_rows = 0
        self._writer = parquet.ParquetWriter(
            path,
            SCHEMA,
            compression="zstd",
            use_dictionary=REPEATED,
            use_byte_stream_split=SPLIT,
            write_statistics=["picid"],
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def write(
        self, stars: Arrays, measurements: Arrays, has: NDArray[np.bool_]
    ) -> NDArray[np.generic]:
        """Write the rows of a batch of stars.

        Parameters
        ----------
        stars : mapping of str to ndarray, shape (stars,)
            Each of `STAR_COLUMNS` for each star.
        measurements : mapping of str to ndarray, shape (stars, frames)
            Each of `MEASUREMENT_COLUMNS` for each star and frame. Values that are not finite are
            stored as null.
        has : ndarray, shape (stars, frames), bool
            Which measurements become rows; a star may have none.

        Returns
        -------
        ndarray, shape (stars,), int64
            The first row of each star in the file; `has` gives its number of rows.
        """
        first_rows = self._n_rows + np.concatenate([[0], np.cumsum(has.sum(axis=1))])
        named = _table(stars, STARS)
        at_once = max(1, ROWS_PER_GROUP // max(1, self._frames.num_rows))
        for start in range(0, len(has), at_once):
            chosen = slice(start, start + at_once)
            own = {name: values[chosen][has[chosen]] for name, values in measurements.items()}
            star, frame = np.nonzero(has[chosen])
            self._write_group(named.take(star + start), self._frames.take(frame), own)
        self._n_rows = int(first_rows[-1])
        return first_rows[:-1]

    def close(self) -> None:
        """Write the end of the file."""
        self._writer.close()

    def _write_group(self, stars: pa.Table, frames: pa.Table, measurements: Arrays) -> None:
        columns = [*stars.columns, *frames.columns, *_table(measurements, MEASUREMENTS).columns]
        rows = pa.Table.from_arrays(columns, schema=SCHEMA)
        if rows.num_rows:
            self._writer.write_table(rows, row_group_size=rows.num_rows)


def _table(values: Arrays, schema: pa.Schema) -> pa.Table:
    return pa.Table.from_arrays([_array(values[f.name], f.type) for f in schema], schema=schema)


def _array(values: NDArray[np.generic], arrow_type: pa.DataType) -> pa.Array:
    if pa.types.is_floating(arrow_type):
        return pa.array(values, arrow_type, mask=~np.isfinite(values))
    return pa.array(values, arrow_type)


def read_footer(read: ReadRange, size: int) -> bytes:
    """Return the footer of a file of `size` stored bytes, which locates the rows.

    It is worth caching: 0.4 MB for 500 frames and 5,000 stars, and 5 MB once parsed.

    Raises
    ------
    pyarrow.ArrowInvalid
        If it is not a Parquet file.
    """
    # Parquet format, "File Format": the footer, its length in 4 bytes, and the magic number.
    end = read(size - END_BYTES, END_BYTES) if size > END_BYTES else b""
    length = int.from_bytes(end[:4], "little") + END_BYTES
    if end[4:] != MAGIC or length > size:
        raise pa.ArrowInvalid("not a Parquet file")
    return read(size - length, length)


def read_rows(read: ReadRange, size: int, first_row: int, n_rows: int, footer: bytes) -> pa.Table:
    """Return the rows of one star, by its `first_row` and `n_rows`.

    Only the row groups that contain them are read, each in one range.

    Raises
    ------
    pyarrow.ArrowInvalid
        If it is not such a file.
    """
    metadata = parquet.read_metadata(pa.BufferReader(footer))
    sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    groups = np.flatnonzero((starts[:-1] < first_row + n_rows) & (starts[1:] > first_row))
    file = parquet.ParquetFile(
        pa.PythonFile(RangeFile(read, size), "r"), metadata=metadata, pre_buffer=True
    )
    found = file.read_row_groups(groups.tolist(), use_threads=False)
    behind = first_row - int(starts[groups[0]]) if len(groups) else 0
    return found.slice(behind, n_rows)
