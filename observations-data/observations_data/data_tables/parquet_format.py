"""Tables as Parquet, by pyarrow, which is imported on first use."""

import io
import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from observations_data.data_tables.columns import Column, Kind, Row, Table

if TYPE_CHECKING:
    import pyarrow as pa

WHOLE = frozenset({Kind.INTEGER, Kind.ID})


def parquet_bytes(table: Table, rows: Sequence[Row]) -> bytes:
    """Return the rows as a Parquet file.

    pandas reads integers as its nullable ``Int64``; otherwise it would turn a column with nulls
    into floats and lose the last digits of long ids. Each field's metadata have its ``description``
    and, if defined, ``unit`` and ``ucd``; the file's metadata have the table's ``description`` and
    infos.
    """
    import pyarrow as pa  # noqa: PLC0415 - only who asks for Parquet waits
    from pyarrow import parquet  # noqa: PLC0415

    schema = pa.schema(
        [_field(column) for column in table.columns],
        metadata={
            "description": table.description,
            **dict(table.infos),
            "pandas": json.dumps(_pandas_metadata(table)),
        },
    )
    columns = [[_value(column, row.get(column.name)) for row in rows] for column in table.columns]
    written = io.BytesIO()
    parquet.write_table(pa.table(columns, schema=schema), written, compression="zstd")
    return written.getvalue()


def _field(column: Column) -> "pa.Field":
    import pyarrow as pa  # noqa: PLC0415 - see above

    types = {
        Kind.INTEGER: pa.int64(),
        Kind.ID: pa.int64(),
        Kind.REAL: pa.float64(),
        Kind.TIME: pa.timestamp("us", tz="UTC"),
        Kind.BOOLEAN: pa.bool_(),
    }
    said = {"description": column.description, "unit": column.unit, "ucd": column.ucd}
    return pa.field(
        column.name,
        types.get(column.kind, pa.string()),
        metadata={name: value for name, value in said.items() if value},
    )


def _pandas_metadata(table: Table) -> dict[str, object]:
    """Return which columns pandas reads as ``Int64`` (pandas documentation, "Parquet")."""
    whole = [column for column in table.columns if column.kind in WHOLE]
    columns = [
        {
            "name": column.name,
            "field_name": column.name,
            "pandas_type": "int64",
            "numpy_type": "Int64",
            "metadata": None,
        }
        for column in whole
    ]
    return {"index_columns": [], "column_indexes": [], "columns": columns}


def _value(column: Column, value: object) -> object:
    if value is None:
        return None
    if column.kind is Kind.ID:
        return int(str(value))
    if column.kind is Kind.TIME:
        return datetime.fromisoformat(str(value))
    return json.dumps(value, ensure_ascii=False) if column.kind is Kind.JSON else value
