"""The frames with a star, and its stamps."""

import numpy as np
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from observations_data.database import AnyRow
from observations_data.stars.parameters import FrameCursor, FrameSearch, StarId
from observations_data.stars.star import is_of, require_star, star_url
from panoptes_network.database.models import Image, Source
from panoptes_network.frames.bayer import STAMP_SIDE
from panoptes_network.json_object import Json

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


def stamps(session: Session, asked: StarId, search: FrameSearch) -> Json:
    """Return a page of a star's stamps, oldest first: ``items``, ``next``.

    Each item has the stamp's bytes as ``stamp``; `with_pixels` reads them.

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
        "picid": str(found.picid),
        "catalog": found.catalog,
        "url": star_url(found.picid, found.catalog),
        "items": [_frame(row) for row in page],
        "next": _cursor(page[-1]) if len(rows) > search.limit else None,
    }


def with_pixels(listing: Json) -> Json:
    """Return the listing of `stamps` with ``pixels``, rows of ADU ``[y][x]``, in place of bytes."""
    items = [{**item, "pixels": _pixels(item)} for item in listing["items"]]
    for item in items:
        del item["stamp"]
    return {**listing, "items": items}


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


def _pixels(item: Json) -> list[list[int]]:
    side = item["stamp_side"]
    rows: list[list[int]] = np.frombuffer(item["stamp"], ">u2").reshape(side, side).tolist()
    return rows


def _behind(cursor: FrameCursor | None) -> list[ColumnElement[bool]]:
    if cursor is None:
        return []
    # The first condition lets the index jump there; the second resolves equal times.
    is_later = or_(Source.time > cursor.time, Source.image_key > cursor.image_key)
    return [Source.time >= cursor.time, is_later]


def _frame(row: AnyRow) -> Json:
    columns = row._asdict()
    del columns["image_key"]
    return columns


def _cursor(row: AnyRow) -> str:
    return str(FrameCursor(row.time, row.image_key))
