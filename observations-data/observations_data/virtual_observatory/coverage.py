"""The observed sky as a Multi-Order Coverage map (MOC 2.0), by mocpy.

Footprints are counted per cell: new ones are added and removed ones subtracted, so that a night's
images cost no more than themselves. Each sequence is represented by the footprint of its newest
image; the others differ by tracking drift.
"""

import io
from collections.abc import Callable
from enum import StrEnum
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from sqlalchemy import LargeBinary, func, literal, select
from sqlalchemy.orm import Session

from observations_data.database import as_record
from observations_data.virtual_observatory.footprint_bytes import footprint_bytes
from panoptes_network.database.models import SequenceFigures
from panoptes_network.responses.values import Time

if TYPE_CHECKING:
    from mocpy import MOC

HIGHEST_ORDER = 8
"""Cells of 14 arcmin: a frame covers some 3,000 cells."""
PIECE = 1000
Footprint = tuple[float, ...]


class Format(StrEnum):
    """Formats of the map."""

    FITS = "fits"
    JSON = "json"
    ASCII = "ascii"


MEDIA_TYPES = {
    Format.FITS: "application/fits",
    Format.JSON: "application/json",
    Format.ASCII: "text/plain",
}


class Change(TypedDict):
    """The time of the last change of an image; None without images."""

    changed_at: Time | None


class Cells:
    """Numbers of footprints per cell of `HIGHEST_ORDER`, nested numbering."""

    def __init__(self) -> None:
        self._counts = np.zeros(12 * 4**HIGHEST_ORDER, dtype=np.int32)
        self._known: set[Footprint] = set()
        self._changed_at: str | None = None
        self._files: dict[tuple[Format, int], bytes] = {}
        self._lock = Lock()

    def update(self, changed_at: str | None, footprints: Callable[[], set[Footprint]]) -> None:
        """Read the `footprints` if they changed since the last update."""
        with self._lock:
            if changed_at != self._changed_at:
                found = footprints()
                self._add(found - self._known, 1)
                self._add(self._known - found, -1)
                self._known, self._changed_at = found, changed_at
                self._files.clear()

    def file(self, asked: Format, order: int) -> bytes:
        """Return the map, written once for all clients until it changes."""
        with self._lock:
            if (asked, order) not in self._files:
                self._files[asked, order] = written(self._map(order), asked)
            return self._files[asked, order]

    def _map(self, order: int) -> "MOC":
        from mocpy import MOC  # noqa: PLC0415 - only who asks for a map waits

        # In nested numbering, the four cells of a larger one are consecutive.
        cells = np.unique(np.flatnonzero(self._counts) // 4 ** (HIGHEST_ORDER - order))
        depths = np.full(len(cells), order, dtype=np.uint8)
        return MOC.from_healpix_cells(cells.astype(np.uint64), depths, max_depth=order)

    def _add(self, footprints: set[Footprint], step: int) -> None:
        from mocpy import MOC  # noqa: PLC0415 - see above

        corners = np.array(sorted(footprints)).reshape(-1, 4, 2)
        for start in range(0, len(corners), PIECE):
            # Right ascensions of all corners of one, then declinations, then the next one.
            polygons = corners[start : start + PIECE].transpose(0, 2, 1).reshape(-1, 4)
            for moc in MOC.from_polygons(np.ascontiguousarray(polygons), max_depth=HIGHEST_ORDER):
                self._counts[moc.flatten()] += step


@cache
def cells() -> Cells:
    """Return this process's cells."""
    return Cells()


def newest_change(session: Session) -> Change:
    """Return the time of the last change of an image."""
    changed_at = session.scalar(select(func.max(SequenceFigures.updated_at)))
    return as_record(Change, {"changed_at": changed_at})


def footprints(session: Session) -> set[Footprint]:
    """Return the footprints of all sequences that have one.

    Footprints that are not finite, or not on the sky, are skipped.
    """
    packed = footprint_bytes(SequenceFigures.footprint_deg)
    distinct = func.string_agg(packed.distinct(), literal(b""), type_=LargeBinary())
    content = session.scalar(select(distinct).where(SequenceFigures.footprint_deg.is_not(None)))
    corners = np.frombuffer(content or b"", dtype=">f8").reshape(-1, 4, 2)
    corners = corners[np.isfinite(corners).all(axis=(1, 2))]
    corners = corners[(np.abs(corners[..., 1]) <= 90).all(axis=1)]
    turned = np.stack([corners[..., 0] % 360, corners[..., 1]], axis=-1)
    return {tuple(one) for one in turned.reshape(-1, 8).tolist()}


def written(moc: "MOC", asked: Format) -> bytes:
    """Return a map as FITS, JSON or ASCII; the FITS is also readable by MOC 1 clients."""
    if asked is not Format.FITS:
        text: str = moc.to_string(format=asked)
        return text.encode()
    file = io.BytesIO()
    moc.serialize("fits", v1_compatible=True).writeto(file)
    return file.getvalue()
