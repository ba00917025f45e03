"""Footprints of many rows as bytes: eight numbers per row as text would take far longer."""

import math
from functools import reduce
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, func

FOOTPRINT = (">f8", 8)
"""numpy dtype of the bytes of `footprint_bytes`."""


def footprint_bytes(footprint_deg: Any) -> ColumnElement[bytes]:
    """Return a footprint's eight numbers as bytes, with NaN for missing ones."""
    return concat(
        [func.float8send(func.coalesce(footprint_deg[place], math.nan)) for place in range(1, 9)]
    )


def concat(parts: list[Any]) -> ColumnElement[bytes]:
    """Concatenate byte expressions."""
    return reduce(_join, parts)


def _join(left: ColumnElement[bytes], right: ColumnElement[bytes]) -> ColumnElement[bytes]:
    return left.op("||", return_type=LargeBinary())(right)
