"""Footprints of many rows as bytes: eight numbers per row as text would take far longer."""

import math
from collections.abc import Sequence
from functools import reduce

from sqlalchemy import ColumnElement, LargeBinary, func
from sqlalchemy.orm import InstrumentedAttribute

Footprint = ColumnElement[list[float] | None] | InstrumentedAttribute[list[float] | None]

FOOTPRINT = (">f8", 8)
"""numpy dtype of the bytes of `footprint_bytes`."""


def footprint_bytes(footprint_deg: Footprint) -> ColumnElement[bytes]:
    """Return a footprint's eight numbers as bytes, with NaN for missing ones."""
    return concat(
        [func.float8send(func.coalesce(footprint_deg[place], math.nan)) for place in range(1, 9)]
    )


def concat(parts: Sequence[ColumnElement[bytes]]) -> ColumnElement[bytes]:
    """Concatenate byte expressions."""
    return reduce(_join, parts)


def _join(left: ColumnElement[bytes], right: ColumnElement[bytes]) -> ColumnElement[bytes]:
    return left.op("||", return_type=LargeBinary())(right)
