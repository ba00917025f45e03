"""The stamps of a star and its comparison stars in one sequence, as arrays."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from observations_data.database import AnyRow
from observations_data.photometry import FrameSources, comparison_candidates
from observations_data.stars.parameters import FrameSearch, StarId
from observations_data.stars.stamps import conditions
from observations_data.stars.star import require_star
from panoptes_network.database.copy import read_copy
from panoptes_network.database.models import Image, Source
from panoptes_network.frames.bayer import STAMP_SIDE

MAX_SEQUENCES = 20
_SOURCE = np.dtype(
    [
        ("picid", "i8"),
        ("is_tic", "?"),
        ("is_star", "?"),
        ("x_px", "f4"),
        ("y_px", "f4"),
        ("flux_adu", "f4"),
        ("flags", "i2"),
    ]
)
_STAMP = np.dtype(
    [
        ("image_key", "i8"),
        ("picid", "i8"),
        ("is_tic", "?"),
        ("x_px", "f8"),
        ("y_px", "f8"),
        ("flags", "i2"),
        ("stamp", f"V{2 * STAMP_SIDE**2}"),
    ]
)


@dataclass(frozen=True, slots=True)
class SequenceStamps:
    """The stamps of some stars in the frames of one sequence.

    Attributes
    ----------
    sequence_id : str
    frames : list of rows
        Oldest first: ``image_id``, ``sequence_id``, ``time``, ``exptime_s``.
    stars : list of StarId
        The star itself, then its possible comparison stars, nearest first.
    stamps : ndarray, shape (stars, frames, side, side), uint16
        ADU; 0 where a star is not in a frame.
    x_px, y_px : ndarray, shape (stars, frames), float64
        Positions in the stamps, 0-based pixels; NaN where a star is not in a frame.
    flags : ndarray, shape (stars, frames), int64
        source-extractor's; 0 where a star is not in a frame.
    """

    sequence_id: str
    frames: list[AnyRow]
    stars: list[StarId]
    stamps: NDArray[np.uint16]
    x_px: NDArray[np.float64]
    y_px: NDArray[np.float64]
    flags: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class StarStamps:
    """The stamps of a star, with its catalog known, and of others, by sequence."""

    star: StarId
    sequences: list[SequenceStamps]


def stamps_by_sequence(session: Session, asked: StarId, search: FrameSearch) -> StarStamps:
    """Return the star and its newest frames by sequence, oldest first.

    At most `MAX_SEQUENCES` sequences, and at most as many frames in total as the search allows.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, if no catalog or image has the star.
    """
    found = require_star(session, asked)
    rows = session.execute(
        select(Source.image_key, Image.image_id, Image.sequence_id, Source.time, Image.exptime_s)
        .join(Image, Image.image_key == Source.image_key)
        .where(*conditions(session, found, search.sequence_id))
        .order_by(Source.time.desc(), Source.image_key.desc())
        .limit(search.limit)
    ).all()
    frames: dict[str, list[AnyRow]] = {}
    for row in rows:
        frames.setdefault(row.sequence_id, []).insert(0, row)
    newest = list(frames.values())[:MAX_SEQUENCES]
    sequences = [_sequence(session, found, of_sequence) for of_sequence in reversed(newest)]
    return StarStamps(found, sequences)


def _sequence(session: Session, found: StarId, frames: list[AnyRow]) -> SequenceStamps:
    stars = [found, *_candidates(session, found, frames[len(frames) // 2])]
    rows = _stamp_rows(session, stars, frames)
    keys = np.array([frame.image_key for frame in frames])
    order = np.argsort(keys)
    shape = (len(stars), len(frames))
    made = SequenceStamps(
        sequence_id=frames[0].sequence_id,
        frames=frames,
        stars=stars,
        stamps=np.zeros((*shape, STAMP_SIDE, STAMP_SIDE), np.uint16),
        x_px=np.full(shape, np.nan),
        y_px=np.full(shape, np.nan),
        flags=np.zeros(shape, np.int64),
    )
    for index, star in enumerate(stars):
        own = rows[_is_of(rows, star)]
        at = (index, order[np.searchsorted(keys, own["image_key"], sorter=order)])
        pixels = np.frombuffer(own["stamp"].tobytes(), ">u2")
        made.stamps[at] = pixels.reshape(-1, STAMP_SIDE, STAMP_SIDE)
        made.x_px[at], made.y_px[at], made.flags[at] = own["x_px"], own["y_px"], own["flags"]
    return made


def _candidates(session: Session, found: StarId, frame: AnyRow) -> list[StarId]:
    """Return the possible comparison stars of one frame."""
    # COPY takes no parameters; all values in the text come from columns of numbers and times.
    # Undetected stars are excluded: their light is in other rows.
    query = f"""
        SELECT coalesce(picid, 0) AS picid, coalesce(catalog = 'tic', false) AS is_tic,
            stamp_side IS NOT DISTINCT FROM {STAMP_SIDE} AS is_star, x_px, y_px, flux_adu, flags
        FROM sources WHERE time = {_time(frame.time)} AND image_key = {frame.image_key:d}
            AND (is_detected OR picid = {found.picid:d})
        ORDER BY number"""  # noqa: S608
    rows = read_copy(session.connection(), query, _SOURCE)
    names = ("is_star", "x_px", "y_px", "flux_adu", "flags")
    sources = FrameSources(**{name: rows[name] for name in names})
    [target, *_] = np.flatnonzero(_is_of(rows, found))
    chosen = rows[comparison_candidates(sources, int(target))]
    catalogs = np.where(chosen["is_tic"], "tic", "gaia").tolist()
    return [StarId(*star) for star in zip(chosen["picid"].tolist(), catalogs, strict=True)]


def _stamp_rows(session: Session, stars: list[StarId], frames: list[AnyRow]) -> NDArray[np.void]:
    """Read all stamps of the stars in the frames.

    OFFSET 0 keeps the planner on the index of each star's few rows; that of the images would read
    all of their sources.
    """
    picids = _numbers({star.picid for star in stars})
    keys = _numbers(frame.image_key for frame in frames)
    query = f"""
        SELECT image_key, own.picid, catalog = 'tic' AS is_tic, (x_px - stamp_x)::float8 AS x_px,
            (y_px - stamp_y)::float8 AS y_px, flags, stamp
        FROM unnest(ARRAY[{picids}]::bigint[]) AS star (picid), LATERAL (
            SELECT * FROM sources WHERE sources.picid = star.picid
                AND time BETWEEN {_time(frames[0].time)} AND {_time(frames[-1].time)} OFFSET 0
        ) AS own
        WHERE image_key IN ({keys}) AND stamp_side = {STAMP_SIDE}"""  # noqa: S608
    return read_copy(session.connection(), query, _STAMP)


def _is_of(rows: NDArray[np.void], star: StarId) -> NDArray[np.bool_]:
    is_of = (rows["picid"] == star.picid) & (rows["is_tic"] == (star.catalog == "tic"))
    return np.asarray(is_of)


def _numbers(numbers: Iterable[int]) -> str:
    return ", ".join(f"{number:d}" for number in numbers)


def _time(time: datetime) -> str:
    return f"'{time.isoformat()}'::timestamptz"
