"""What a table is made of, as every format describes it."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

Row = dict[str, Any]
"""A row as JSON has it; what is not known is None or left out."""


class Kind(Enum):
    """What the values of a column are."""

    TEXT = auto()
    INTEGER = auto()
    """Whole numbers of up to 53 bits: counts, pixels, small ids."""
    ID = auto()
    """Whole numbers of 64 bits that name something. Rows and JSON have them as text, because
    JavaScript rounds numbers of more than 53 bits."""
    REAL = auto()
    """Finite numbers of 64 bits."""
    TIME = auto()
    """Texts of ISO 8601 in UTC that end in Z."""
    BOOLEAN = auto()
    JSON = auto()
    """Lists and objects: flat formats have them as JSON text."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `name` is its key in a row, `unit` a VOUnit, `ucd` says what it means.

    The last three are of a VOTable only, where one of the Virtual Observatory's standards names
    the columns: their place in its data model, the type of the text, and the `datatype` that it
    wants where it is not the kind's own.
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

    `infos` are names and texts of what else is to be known of all rows: INFO elements of a
    VOTable, metadata of Parquet.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    infos: tuple[tuple[str, str], ...] = ()
