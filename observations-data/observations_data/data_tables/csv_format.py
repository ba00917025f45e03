"""Tables as CSV (RFC 4180): a header line, UTF-8, an empty cell for what is not known.

A text that a spreadsheet would take for a formula gets an apostrophe before it: the names in
it come from whoever uploads, and a formula can send the other cells away.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from observations_data.data_tables.columns import Column, Kind, Row, Table

_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def csv_lines(table: Table, rows: Iterable[Row]) -> Iterator[str]:
    """Return the header and then each row, as soon as it is there, with their line ends."""
    yield _line([column.name for column in table.columns])
    for row in rows:
        yield _line([csv_cell(column, row.get(column.name)) for column in table.columns])


def csv_cell(column: Column, value: Any) -> str:
    """Return a value as a cell has it, not yet quoted."""
    if value is None:
        return ""
    if column.kind is Kind.TEXT:
        return _harmless(str(value))
    if column.kind is Kind.BOOLEAN:
        return str(value).lower()
    if column.kind is Kind.JSON:
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _harmless(text: str) -> str:
    if _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def _line(cells: list[str]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue()
