"""Tables as VOTable 1.4, by astropy, which is imported on first use.

Only the rows are written here: astropy's own writer takes longer per cell than the database per
row.
"""

import io
import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from observations_data.data_tables.columns import Column, Kind, Row, Table

if TYPE_CHECKING:
    from astropy.io.votable.tree import Field, TimeSys, VOTableFile

VERSION = "1.4"
ICRS, UTC, UTC_MJD, BJD_TDB = "icrs", "utc", "utc_mjd", "bjd_tdb"
_AT_THE_UNIT = {"timescale": "UTC", "refposition": "TOPOCENTER"}
TIME_SYSTEMS: dict[str, dict[str, str]] = {
    UTC: _AT_THE_UNIT,
    UTC_MJD: {**_AT_THE_UNIT, "timeorigin": "MJD-origin"},
    BJD_TDB: {"timescale": "TDB", "refposition": "BARYCENTER", "timeorigin": "JD-origin"},
}
"""Time systems of texts and of numbers of days."""
TIMES = ("time.start", "time.epoch", "time.end")
_TEXT = {"datatype": "unicodeChar", "arraysize": "*"}
DATATYPES: dict[Kind, dict[str, str]] = {
    Kind.TEXT: _TEXT,
    Kind.INTEGER: {"datatype": "long"},
    Kind.ID: {"datatype": "long"},
    Kind.REAL: {"datatype": "double"},
    Kind.TIME: {"datatype": "char", "arraysize": "*", "xtype": "timestamp"},
    Kind.BOOLEAN: {"datatype": "boolean"},
    Kind.JSON: _TEXT,
}
"""Datatype by kind of column, with DALI 1.1 for times."""
TABLE_END = b"</TABLE>"
"""Occurs once in a document with one table: in texts and cells it is escaped."""
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters forbidden in XML, even escaped (XML 1.0, 2.2)."""


def votable(table: Table, infos: Mapping[str, str] = {}) -> "VOTableFile":
    """Return a document with one ``results`` resource and one table, still without rows.

    Columns whose UCD begins with ``pos.eq`` (``POS_EQ`` in UCD1) are in ICRS. Times are in UTC, and
    those in days are MJD, except that columns whose name ends in ``bjd_tdb`` are Julian dates in
    TDB at the barycentre. `infos` are INFO elements of the resource, by name, in addition to the
    table's.
    """
    from astropy.io.votable import tree  # noqa: PLC0415 - only who asks for a VOTable waits

    document = tree.VOTableFile(version=VERSION)
    resource = tree.Resource(type="results")
    document.resources.append(resource)
    systems = {_system(column) for column in table.columns}
    if ICRS in systems:
        resource.coordinate_systems.append(tree.CooSys(ID=ICRS, system="ICRS"))
    for name in [known for known in TIME_SYSTEMS if known in systems]:
        resource.time_systems.append(_time_system(name))
    for name, value in {**infos, **dict(table.infos)}.items():
        resource.infos.append(tree.Info(name=name, value=xml_text(value)))
    element = tree.TableElement(document, name=table.name)
    resource.tables.append(element)
    element.description = table.description
    element.fields.extend(_field(document, column) for column in table.columns)
    return document


def votable_bytes(document: "VOTableFile") -> bytes:
    """Return a document as XML."""
    written = io.BytesIO()
    document.to_xml(written)
    return written.getvalue()


def with_rows(document: bytes, table: Table, rows: Iterable[Row]) -> bytes:
    """Return a document with one table as XML, with its rows."""
    written = "".join(_row(table, row) for row in rows)
    if not written:
        return document
    data = f"<DATA><TABLEDATA>\n{written}</TABLEDATA></DATA>\n".encode()
    return document.replace(TABLE_END, data + TABLE_END)


def _time_system(name: str) -> "TimeSys":
    from astropy.io.votable.tree import TimeSys  # noqa: PLC0415 - see above

    is_new_enough = {"version_1_4_or_later": True, "version": VERSION}
    return TimeSys(ID=name, config=is_new_enough, **TIME_SYSTEMS[name])


def _field(document: "VOTableFile", column: Column) -> "Field":
    from astropy.io.votable.tree import Field  # noqa: PLC0415 - see above

    field = Field(
        document,
        ID=column.name,
        name=column.name,
        unit=column.unit,
        ucd=column.ucd,
        utype=column.utype,
        ref=_system(column),
        **field_type(column),
    )
    field.description = column.description
    return field


def field_type(column: Column) -> dict[str, str]:
    """Return a column's ``datatype``, and its ``arraysize`` and ``xtype`` if it has them."""
    own = {"datatype": column.datatype, "xtype": column.xtype}
    return DATATYPES[column.kind] | {name: value for name, value in own.items() if value}


def _system(column: Column) -> str | None:
    if column.kind is Kind.TIME:
        return UTC
    if column.name.endswith(BJD_TDB):
        return BJD_TDB
    ucd = (column.ucd or "").lower()
    if column.unit == "d" and ucd.startswith(TIMES):
        return UTC_MJD
    return ICRS if ucd.startswith(("pos.eq", "pos_eq")) else None


def _row(table: Table, row: Row) -> str:
    cells = (_cell(column, row.get(column.name)) for column in table.columns)
    return f"<TR>{''.join(f'<TD>{cell}</TD>' for cell in cells)}</TR>\n"


def _cell(column: Column, value: object) -> str:
    """Return a value as XML; missing values are empty cells (VOTable 1.4, 5.5)."""
    if value is None:
        return ""
    if column.kind in {Kind.INTEGER, Kind.ID}:
        return str(value)
    if column.kind is Kind.REAL:
        return "NaN" if isinstance(value, float) and not math.isfinite(value) else str(value)
    if column.kind is Kind.BOOLEAN:
        return "T" if value else "F"
    text = json.dumps(value, ensure_ascii=False) if column.kind is Kind.JSON else str(value)
    shown = xml_text(text)
    if column.datatype == "char":  # of ASCII (VOTable 1.4, 2.1)
        shown = shown.encode("ascii", "replace").decode()
    # XML readers treat a bare carriage return as a line end.
    return escape(shown, {"\r": "&#13;"})


def xml_text(text: str) -> str:
    """Return text with characters forbidden in XML replaced."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
