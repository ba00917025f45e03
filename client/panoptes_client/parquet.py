"""Tables as Parquet files with nulls for unknown values.

astropy's own writer adds a mask column per column instead: other readers, including pandas, take
masked values for known ones.
"""

import json
from pathlib import Path

import pyarrow as pa
from astropy.table import Column, Table
from pyarrow import parquet


def write(table: Table, path: Path) -> None:
    """Write a table; each field's metadata have its ``unit`` and ``description``.

    Arrays in cells become lists. pandas reads integers as its nullable ``Int64``, so that a column
    with a null keeps all digits of long ids.
    """
    columns = [table[name] for name in table.colnames]
    arrays = [pa.array(column.tolist(), _type(column)) for column in columns]
    schema = pa.schema(
        [_field(column) for column in columns],
        metadata={"pandas": json.dumps(_pandas_metadata(columns))},
    )
    parquet.write_table(pa.table(arrays, schema=schema), path, compression="zstd")


def _type(column: Column) -> pa.DataType:
    is_text = column.dtype.kind == "U"
    kind = pa.string() if is_text else pa.from_numpy_dtype(column.dtype)
    for _ in range(column.ndim - 1):
        kind = pa.list_(kind)
    return kind


def _field(column: Column) -> pa.Field:
    known = {"unit": str(column.unit or ""), "description": column.description or ""}
    metadata = {name: text for name, text in known.items() if text}
    return pa.field(column.name, _type(column), metadata=metadata)


def _pandas_metadata(columns: list[Column]) -> dict[str, object]:
    whole = [column.name for column in columns if column.dtype.kind == "i" and column.ndim == 1]
    described = [
        {
            "name": name,
            "field_name": name,
            "pandas_type": "int64",
            "numpy_type": "Int64",
            "metadata": None,
        }
        for name in whole
    ]
    return {"index_columns": [], "column_indexes": [], "columns": described}
