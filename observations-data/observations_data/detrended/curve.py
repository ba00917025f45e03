"""A star's detrended light curve, read from the files of its sequences."""

from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any

import pyarrow as pa
from sqlalchemy.orm import Session

from observations_data import file_storage
from observations_data.candidates.queries import known_as
from observations_data.database import plain, read
from observations_data.detrended.queries import curves_of_star
from observations_data.detrended.tables import FROM_FILE, METHOD, QUALITY
from observations_data.stars.parameters import FrameSearch, StarId
from observations_data.stars.star import require_star, star_url
from panoptes_network.config import settings
from panoptes_network.errors import PermanentError, Reason, TransientError
from panoptes_network.json_object import Json
from panoptes_network.light_curves.parquet_file import read_footer, read_rows
from panoptes_network.storage import StoredObject

MAX_SEQUENCES = 20
KEPT_FOOTERS = 64
"""Recently read files whose footers are cached, up to 400 kB each."""
SINGLE_DIGITS = 7
"""Significant digits of single precision."""


def detrended_curve(asked: StarId, search: FrameSearch) -> Json:
    """Return a star's light curve in its newest frames, oldest first, with its metadata.

    At most `MAX_SEQUENCES` sequences are read, and at most as many frames in total as the search
    allows.

    Returns
    -------
    dict
        ``items``, one per frame; ``sequences`` with the figures and files of each; ``quality``, the
        bits and their meanings; ``star``, its position and magnitude, or None if no sequence has
        its light curve; ``known``, the known planet or variable.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, if no catalog or image has the star, or the file is
        missing.
    TransientError
        If database or storage is unavailable, or the file is being replaced.
    """
    found = read(_where, asked, search)
    parts = list(_parts(found["curves"], search.limit))
    parts.reverse()
    items = [item for _, part in parts for item in part]
    _, newest = found["curves"][0] if parts else ({}, None)
    star = {name: newest[name] for name in ("ra_deg", "dec_deg", "gaia_mag")} if newest else None
    return {
        "picid": str(found["picid"]),
        "catalog": found["catalog"],
        "url": star_url(found["picid"], found["catalog"]),
        "method": METHOD,
        "quality": QUALITY,
        "star": star,
        "known": found["known"],
        "sequences": [about for about, _ in parts],
        "items": items,
        "total": len(items),
    }


def _where(session: Session, asked: StarId, search: FrameSearch) -> Json:
    found = require_star(session, asked)
    curves = curves_of_star(session, found, search.sequence_id, MAX_SEQUENCES)
    known = known_as(session, found)
    return {"picid": found.picid, "catalog": found.catalog, "curves": curves, "known": known}


def _parts(curves: list[tuple[Json, Json]], limit: int) -> Iterator[tuple[Json, list[Json]]]:
    """Yield each sequence, newest first, with its newest rows, up to `limit` in total."""
    for said, lies in curves:
        n_rows = min(limit, said["n_frames"])
        if n_rows == 0:
            return
        first_row = lies["first_row"] + said["n_frames"] - n_rows
        yield said, _items(said["sequence_id"], lies, first_row, n_rows)
        limit -= n_rows


def _items(sequence_id: str, lies: Json, first_row: int, n_rows: int) -> list[Json]:
    rows = _rows(lies, first_row, n_rows)
    if rows["picid"].to_pylist() != [lies["picid"]] * n_rows:
        raise PermanentError(Reason.DAMAGED_FILE, f"{lies['path']} has not the rows that it should")
    columns: dict[str, list[Any]] = {"image_id": rows["image_id"].to_pylist()}
    columns["sequence_id"] = [sequence_id] * n_rows
    for column in FROM_FILE[1:]:
        values = rows[column.name].to_pylist()
        is_single = column.arrow_type == "float"
        columns[column.name] = list(map(_single, values)) if is_single else values
    listed = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    items: list[Json] = plain(listed)
    return items


def _single(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{SINGLE_DIGITS}g}")


def _rows(lies: Json, first_row: int, n_rows: int) -> pa.Table:
    """Read rows of exactly the version of the file that the database's row names."""
    stored = StoredObject(
        settings().processed_bucket, lies["path"], lies["generation"], lies["n_bytes"]
    )
    read_range = partial(file_storage.read_range, stored)
    try:
        footer = _footer(stored.path, stored.generation, stored.size)
        return read_rows(read_range, stored.size, first_row, n_rows, footer)
    except pa.ArrowInvalid as error:
        raise PermanentError(
            Reason.DAMAGED_FILE, f"{stored.path} is not a light-curve file: {error}"
        ) from error
    except PermanentError:
        if file_storage.find(stored.bucket, stored.path).generation == stored.generation:
            raise
        raise TransientError("the light curves are being updated: try again") from None


@lru_cache(KEPT_FOOTERS)
def _footer(path: str, generation: int, size: int) -> bytes:
    stored = StoredObject(settings().processed_bucket, path, generation, size)
    return read_footer(partial(file_storage.read_range, stored), size)
