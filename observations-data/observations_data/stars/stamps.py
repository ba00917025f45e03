"""The frames with a star, and its stamps."""

import numpy as np
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from observations_data.database import AnyRow, as_record
from observations_data.stars.parameters import FrameCursor, FrameSearch, StarId
from observations_data.stars.star import is_of, named, require_star
from panoptes_network.database.models import Image, Source
from panoptes_network.frames.bayer import STAMP_SIDE
from panoptes_network.responses.light_curves import StarName
from panoptes_network.responses.stars import Frame, Stamp, StampPage

FRAME_COLUMNS = (
    Image.image_id,
    Image.sequence_id,
    Source.time,
    Image.exptime_s,
    Source.x_px,
    Source.y_px,
    Source.flux_adu,
    Source.flux_err_adu,
    Source.flags,
    Source.is_detected,
    Source.stamp_x,
    Source.stamp_y,
    Source.stamp_side,
    Source.stamp,
)


class PackedStamp(Frame):
    """A frame with a star, and the bytes of the stamp: big-endian, row by row."""

    stamp: bytes


class PackedStamps(StarName):
    """A page of a star's stamps as they are stored."""

    items: list[PackedStamp]
    next: str | None


def stamps(session: Session, asked: StarId, search: FrameSearch) -> PackedStamps:
    """Return a page of a star's stamps, oldest first; `with_pixels` reads them.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, if no catalog or image has the star.
    """
    found = require_star(session, asked)
    wanted = conditions(session, found, search.sequence_id)
    rows = session.execute(
        select(*FRAME_COLUMNS, Source.image_key)
        .join(Image, Image.image_key == Source.image_key)
        .where(*wanted, *_behind(search.cursor))
        .order_by(Source.time, Source.image_key)
        .limit(search.limit + 1)
    ).all()
    page = rows[: search.limit]
    return {
        **named(found),
        "items": [_frame(row) for row in page],
        "next": _cursor(page[-1]) if len(rows) > search.limit else None,
    }


def with_pixels(packed: PackedStamps) -> StampPage:
    """Return a page of stamps with their pixels in place of bytes."""
    return {**packed, "items": [_unpacked(item) for item in packed["items"]]}


def conditions(
    session: Session, found: StarId, sequence_id: str | None
) -> list[ColumnElement[bool]]:
    """Return the conditions on rows of ``sources`` and ``images`` with stamps of a star.

    The times of a sequence's images select the months' tables to search.
    """
    wanted = [is_of(found), Source.stamp_side == STAMP_SIDE]
    if sequence_id is None:
        return wanted
    first, last = session.execute(
        select(func.min(Image.time), func.max(Image.time)).where(Image.sequence_id == sequence_id)
    ).one()
    return [*wanted, Image.sequence_id == sequence_id, Source.time.between(first, last)]


def _unpacked(item: PackedStamp) -> Stamp:
    side = item["stamp_side"]
    pixels = np.frombuffer(item["stamp"], ">u2").reshape(side, side).tolist()
    frame = {name: value for name, value in item.items() if name != "stamp"}
    return as_record(Stamp, {**frame, "pixels": pixels})


def _behind(cursor: FrameCursor | None) -> list[ColumnElement[bool]]:
    if cursor is None:
        return []
    # The first condition lets the index jump there; the second resolves equal times.
    is_later = or_(Source.time > cursor.time, Source.image_key > cursor.image_key)
    return [Source.time >= cursor.time, is_later]


def _frame(row: AnyRow) -> PackedStamp:
    columns = row._asdict()
    del columns["image_key"]
    return as_record(PackedStamp, columns)


def _cursor(row: AnyRow) -> str:
    return str(FrameCursor(row.time, row.image_key))
