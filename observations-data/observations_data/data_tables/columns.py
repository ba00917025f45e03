"""Table definitions, from which every format is described."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

Row = Mapping[str, object]
"""A row as in JSON; unknown values are None or missing."""


class Kind(Enum):
    """Kinds of a column's values."""

    TEXT = auto()
    INTEGER = auto()
    """Integers of up to 53 bits: counts, pixels, small ids."""
    ID = auto()
    """64-bit ids. Rows and JSON have them as text, because JavaScript rounds numbers of more than
    53 bits.
    """
    REAL = auto()
    """Finite 64-bit numbers."""
    TIME = auto()
    """ISO 8601 texts in UTC that end in Z."""
    BOOLEAN = auto()
    JSON = auto()
    """Lists and objects: flat formats have them as JSON text."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `name` is its key in a row, `unit` a VOUnit, `ucd` its meaning.

    The last three are for VOTables whose columns are named by a Virtual Observatory standard: the
    utype in its data model, the xtype, and a `datatype` other than the kind's own.
    """

    name: str
    description: str
    kind: Kind
    unit: str | None = None
    ucd: str | None = None
    utype: str | None = None
    xtype: str | None = None
    datatype: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of a listing; `name` is also that of its file.

    `row` is the type of its rows in `panoptes_network.responses`, if it has one.
    `infos` are names and texts that apply to all rows: INFO elements of a VOTable, metadata of
    Parquet.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    infos: tuple[tuple[str, str], ...] = ()
    row: type | None = None
