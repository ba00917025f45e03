"""The newest images with matching footprints, without a row for each checked image.

A popular field has a hundred thousand images. The data to check are read packed in bytes, in
chunks, until there are enough matches.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, LargeBinary, and_, func, literal, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from observations_data.virtual_observatory.arcs import Vectors
from observations_data.virtual_observatory.footprint_bytes import FOOTPRINT, concat, footprint_bytes
from observations_data.virtual_observatory.obscore import corners_of
from panoptes_network.arrays import Mask
from panoptes_network.database.models import Image

CHUNKS = (2_000, *[20_000] * 25)
"""Images checked per step. Most requests need only the first step; the maximum, half a million,
takes some seconds.
"""
PACKED = np.dtype([("image_key", ">i8"), ("time_us", ">i8"), ("footprint", *FOOTPRINT)])
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Origin of a binary timestamp's microseconds (PostgreSQL)."""


def newest_images(
    session: Session,
    conditions: list[ColumnElement[bool]],
    keep: Callable[[Vectors], Mask] | None,
    limit: int,
) -> tuple[list[int], bool]:
    """Return the `image_key` of the newest images, at most `limit`, and whether all were checked.

    Parameters
    ----------
    conditions : list of ColumnElement
        Of the table `images`.
    keep : callable or None
        Returns which corners, shape (n, 4, 3), NaN if unknown, match; None keeps all.
    """
    found: list[int] = []
    after: list[ColumnElement[bool]] = []
    for size in CHUNKS if keep else (limit,):
        chunk = _chunk(session, [*conditions, *after], size)
        kept = chunk[keep(corners_of(chunk["footprint"]))] if keep else chunk
        found += kept["image_key"].tolist()
        if len(chunk) < size or len(found) >= limit:
            return found[:limit], True
        after = [_is_after(chunk[-1])]
    return found, False


def _chunk(session: Session, conditions: list[ColumnElement[bool]], size: int) -> NDArray[np.void]:
    newest = (
        select(Image.image_key, Image.time, Image.footprint_deg)
        .where(*conditions)
        .order_by(Image.time.desc(), Image.image_key.desc())
        .limit(size)
        .subquery()
    )
    parts = [
        func.int8send(newest.c.image_key),
        func.timestamptz_send(newest.c.time),
        footprint_bytes(newest.c.footprint_deg),
    ]
    order = aggregate_order_by(literal(b""), newest.c.time.desc(), newest.c.image_key.desc())
    packed = func.string_agg(concat(parts), order, type_=LargeBinary())
    return np.frombuffer(session.scalar(select(packed)) or b"", dtype=PACKED)


def _is_after(last: np.void) -> ColumnElement[bool]:
    """Return the condition that an image comes after the last one of a chunk."""
    time = _EPOCH + timedelta(microseconds=int(last["time_us"]))
    key = int(last["image_key"])
    return and_(Image.time <= time, or_(Image.time < time, Image.image_key < key))
