"""Tables as CSV (RFC 4180): a header line, UTF-8, an empty cell for unknown values.

A text that a spreadsheet would read as a formula gets a leading apostrophe: names come from
uploaders, and a formula could send other cells elsewhere.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator

from observations_data.data_tables.columns import Column, Kind, Row, Table

_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def csv_lines(table: Table, rows: Iterable[Row]) -> Iterator[str]:
    """Yield the header and each row as it arrives, with line ends."""
    yield _line([column.name for column in table.columns])
    for row in rows:
        yield _line([csv_cell(column, row.get(column.name)) for column in table.columns])


def csv_cell(column: Column, value: object) -> str:
    """Return a cell's text, before quoting."""
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
