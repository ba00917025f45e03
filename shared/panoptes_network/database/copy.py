"""Bulk transfer of rows to and from PostgreSQL by binary COPY, with no Python code per row.

The format is described in the PostgreSQL documentation, "COPY", section "Binary Format"; the
`*_send` functions of each type define the bytes of a field. Statements run through SQLAlchemy, in
the caller's transaction, and raise SQLAlchemy's errors.
"""

import re
import struct
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExecutionContext

if TYPE_CHECKING:
    import pg8000.dbapi

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
"""Fixed signature, no flags, no header extension."""
_TRAILER = struct.pack(">h", -1)
_ARRAY_HEADER = struct.Struct(">5i")
"""Header of a sent array: dimensions, flags, element type, length, lower bound."""
_POSTGRES_EPOCH = np.datetime64("2000-01-01T00:00:00", "us")
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*")


def encode(records: NDArray[np.void]) -> bytes:
    """Return `records` as the content of a binary COPY.

    Parameters
    ----------
    records : ndarray, shape (n,), structured dtype
        One field per column, in the order of the table or of the COPY's column list.
        Integers, floats and booleans as wide as their column (`i2` for smallint, `f4`
        for real …) in any byte order; `datetime64` (UTC) for timestamptz; `S<n>` or `V<n>`
        for text or bytea of exactly n bytes. NULL is not supported: copy rows without a column
        separately, without that column.

    Returns
    -------
    bytes
        A valid COPY without rows if `records` is empty.

    Raises
    ------
    TypeError
        If a field has another type.
    ValueError
        If a time is NaT.
    """
    names = _names(records)
    columns = {name: _sent(records[name]) for name in names}
    layout = [("fields", ">i2")]
    for index, values in enumerate(columns.values()):
        layout += [(f"size_{index}", ">i4"), (f"value_{index}", values.dtype.str)]
    rows = np.empty(len(records), layout)
    rows["fields"] = len(columns)
    for index, values in enumerate(columns.values()):
        rows[f"size_{index}"] = values.dtype.itemsize
        rows[f"value_{index}"] = values
    return b"".join((_SIGNATURE, rows.tobytes(), _TRAILER))


def copy_into(connection: Connection, table: str, records: NDArray[np.void]) -> None:
    """Append `records` to `table` in the open transaction of `connection`.

    Parameters
    ----------
    connection : Connection
        A pg8000 connection; for a session, ``session.connection()``.
    table : str
        Table name.
    records : ndarray, shape (n,), structured dtype
        See `encode`; field names are column names.

    Raises
    ------
    ValueError
        If a name has characters other than lowercase letters, digits and underscores.
    sqlalchemy.exc.DBAPIError
        As for any statement.
    """
    columns = ", ".join(_quoted(name) for name in _names(records))
    statement = f"COPY {_quoted(table)} ({columns}) FROM STDIN WITH (FORMAT BINARY)"
    _execute(connection, statement, BytesIO(encode(records)))


def read_copy(connection: Connection, query: str, dtype: np.dtype[np.void]) -> NDArray[np.void]:
    """Return the rows of a query that has no NULLs and only fixed-width columns.

    The server sends each column as one array. With a COPY of the rows, pg8000 would need one
    message, some microseconds, per row.

    Parameters
    ----------
    connection : Connection
        A pg8000 connection.
    query : str
        A SELECT. COPY takes no bind parameters: insert only trusted numbers, never external text.
    dtype : dtype
        Structured dtype of the query's columns, as in `encode` but without `datetime64`.

    Returns
    -------
    ndarray, shape (n,), dtype `dtype`
        Empty if the query has no rows.

    Raises
    ------
    ValueError
        If a column has NULLs or its width differs from `dtype`.
    sqlalchemy.exc.DBAPIError
        As for any statement.
    """
    arrays = ", ".join(f"array_agg({_quoted(name)})" for name in dtype.names or ())
    received = BytesIO()
    statement = f"COPY (SELECT {arrays} FROM ({query}) AS rows) TO STDOUT WITH (FORMAT BINARY)"  # noqa: S608
    _execute(connection, statement, received)
    return _decode(received.getvalue(), dtype)


def _decode(content: bytes, dtype: np.dtype[np.void]) -> NDArray[np.void]:
    """Parse the single row of arrays requested by `read_copy`."""
    offset = len(_SIGNATURE) + struct.calcsize(">h")
    columns: dict[str, NDArray[np.generic]] = {}
    for name in dtype.names or ():
        (size,) = struct.unpack_from(">i", content, offset)
        offset += struct.calcsize(">i")
        columns[name] = _elements(content[offset : offset + max(size, 0)], name, dtype[name])
        offset += max(size, 0)
    records = np.empty(max((len(values) for values in columns.values()), default=0), dtype)
    for name, values in columns.items():
        records[name] = values
    return records


def _elements(sent: bytes, name: str, dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    if not sent:  # array_agg of no rows is NULL
        return np.empty(0, dtype)
    length = _ARRAY_HEADER.unpack_from(sent)[3]
    element = np.dtype([("size", ">i4"), ("value", dtype.newbyteorder(">"))])
    if len(sent) != _ARRAY_HEADER.size + length * element.itemsize:
        raise ValueError(f"column {name} has NULLs or is not of type {dtype}")
    values = np.frombuffer(sent, element, offset=_ARRAY_HEADER.size)
    if np.any(values["size"] != dtype.itemsize):
        raise ValueError(f"column {name} has NULLs or is not of type {dtype}")
    return values["value"]


def _sent(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return a column as the bytes that PostgreSQL's receive functions expect."""
    if values.dtype.kind == "M":
        if np.isnat(values).any():
            raise ValueError("a time is NaT")
        since_epoch = values.astype("datetime64[us]") - _POSTGRES_EPOCH
        return since_epoch.astype(">i8")
    if values.dtype.kind in "if":
        return values.astype(values.dtype.newbyteorder(">"))
    if values.dtype.kind in "bSV" and values.dtype.names is None:
        return values
    raise TypeError(f"PostgreSQL has no fixed-width type for {values.dtype}")


def _names(records: NDArray[np.void]) -> tuple[str, ...]:
    if not records.dtype.names or records.ndim != 1:
        raise TypeError(f"records must be a 1-D structured array, not {records.dtype}")
    return records.dtype.names


def _quoted(name: str) -> str:
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError(f"{name!r} cannot be the name of a column or table")
    return f'"{name}"'


def _execute(connection: Connection, statement: str, stream: BytesIO) -> None:
    connection.exec_driver_sql(statement, execution_options={"copy_stream": stream})


@event.listens_for(Engine, "do_execute")
def _execute_with_stream(
    cursor: "pg8000.dbapi.Cursor", statement: str, _parameters: object, context: ExecutionContext
) -> bool:
    """Pass a COPY's stream to pg8000 as an argument of `execute`."""
    stream = context.execution_options.get("copy_stream")
    if stream is None:
        return False
    cursor.execute(statement, stream=stream)
    return True
