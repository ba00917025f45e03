"""A star's detrended light curve, read from the files of its sequences."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial

import pyarrow as pa
from sqlalchemy.orm import Session

from observations_data import file_storage
from observations_data.candidates.queries import known_as
from observations_data.database import as_record, plain, read
from observations_data.detrended.queries import StoredCurve, curves_of_star
from observations_data.detrended.tables import FROM_FILE, METHOD, QUALITY
from observations_data.stars.parameters import FrameSearch, StarId
from observations_data.stars.star import named, require_star
from panoptes_network.config import settings
from panoptes_network.errors import PermanentError, Reason, TransientError
from panoptes_network.light_curves.parquet_file import read_footer, read_rows
from panoptes_network.responses.candidates import KnownAs
from panoptes_network.responses.light_curves import CurveSummary, DetrendedCurve, DetrendedFrame
from panoptes_network.storage import StoredObject

MAX_SEQUENCES = 20
KEPT_FOOTERS = 64
"""Recently read files whose footers are cached, up to 400 kB each."""
SINGLE_DIGITS = 7
"""Significant digits of single precision."""


@dataclass(frozen=True, slots=True)
class KnownStar:
    """A star with its catalog, its light curves, newest first, and the name of its planet."""

    star: StarId
    curves: list[StoredCurve]
    known: KnownAs


def detrended_curve(asked: StarId, search: FrameSearch) -> DetrendedCurve:
    """Return a star's light curve in its newest frames, oldest first, with its metadata.

    At most `MAX_SEQUENCES` sequences are read, and at most as many frames in total as the search
    allows.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, if no catalog or image has the star, or the file is
        missing.
    TransientError
        If database or storage is unavailable, or the file is being replaced.
    """
    found = read(_where, asked, search)
    parts = list(_parts(found.curves, search.limit))
    parts.reverse()
    items = [item for _, part in parts for item in part]
    return {
        **named(found.star),
        "method": METHOD,
        "quality": QUALITY,
        "star": found.curves[0].star if parts else None,
        "known": found.known,
        "sequences": [about for about, _ in parts],
        "items": items,
        "total": len(items),
    }


def _where(session: Session, asked: StarId, search: FrameSearch) -> KnownStar:
    found = require_star(session, asked)
    curves = curves_of_star(session, found, search.sequence_id, MAX_SEQUENCES)
    return KnownStar(found, curves, known_as(session, found))


def _parts(
    curves: list[StoredCurve], limit: int
) -> Iterator[tuple[CurveSummary, list[DetrendedFrame]]]:
    """Yield each sequence, newest first, with its newest rows, up to `limit` in total."""
    for curve in curves:
        n_frames = curve.summary["n_frames"]
        n_rows = min(limit, n_frames)
        if n_rows == 0:
            return
        yield curve.summary, _items(curve, curve.first_row + n_frames - n_rows, n_rows)
        limit -= n_rows


def _items(curve: StoredCurve, first_row: int, n_rows: int) -> list[DetrendedFrame]:
    rows = _rows(curve.file, first_row, n_rows)
    if rows["picid"].to_pylist() != [curve.picid] * n_rows:
        raise PermanentError(
            Reason.DAMAGED_FILE, f"{curve.file.path} does not have the expected rows"
        )
    columns: dict[str, list[object]] = {"image_id": rows["image_id"].to_pylist()}
    columns["sequence_id"] = [curve.summary["sequence_id"]] * n_rows
    for column in FROM_FILE[1:]:
        values = rows[column.name].to_pylist()
        is_single = column.arrow_type == "float"
        columns[column.name] = list(map(_single, values)) if is_single else values
    return [
        as_record(DetrendedFrame, plain(dict(zip(columns, row, strict=True))))
        for row in zip(*columns.values(), strict=True)
    ]


def _single(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{SINGLE_DIGITS}g}")


def _rows(stored: StoredObject, first_row: int, n_rows: int) -> pa.Table:
    """Read rows of exactly the version of the file that the database's row names."""
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
