"""An image's neighbours in its sequence, and the plate solution in its solved file."""

import logging
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from observations_data import file_storage
from observations_data.database import AnyRow, as_record, read, unknown
from observations_data.observations import queries
from observations_data.observations.queries import SEQUENCE_COLUMNS
from panoptes_network.config import settings
from panoptes_network.database.models import Image, Sequence
from panoptes_network.errors import PermanentError, Reason, TransientError
from panoptes_network.frames.fits_header import BLOCK_BYTES, CardValue, read_image_header
from panoptes_network.responses.observations import NeighbouringImage, SequenceFacts, WholeImage
from panoptes_network.sky.projection import Projection

FIRST_BYTES = 20 * BLOCK_BYTES
"""Both headers of a solved file, read at once."""
KEPT_SOLUTIONS = 1024
WCS_CARD = re.compile(
    r"(CTYPE|CUNIT|CRVAL|CRPIX|NAXIS)[12]|CD[12]_[12]|RADESYS|LONPOLE|LATPOLE|EQUINOX"
    r"|(A|B|AP|BP)_(ORDER|[0-9]_[0-9])"
)

SOLVED = select(Image.image_id, Image.time, Image.updated_at, Image.solved_path)


@dataclass(frozen=True, slots=True)
class Frame:
    """A solved image's id, the start of its exposure, and its projection."""

    image_id: str
    time: datetime
    projection: Projection


def image_with_solution(image_id: str) -> WholeImage:
    """Return an image with its sequence, its neighbours, and its solution.

    ``wcs`` are the solution's FITS cards by keyword, with 1-based pixels; None without a solution,
    or while storage does not respond.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, if there is no image with this id.
    TransientError
        If the database is unavailable.
    """
    found = read(_image, image_id)
    solved = found["files"].get("processed")
    wcs = _solution_or_none(solved["path"], found["updated_at"]) if solved else None
    return {**found, "wcs": wcs}


def frame_of(image_id: str) -> Frame:
    """Return the position of a solved image.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, if there is no such image, or it has no plate
        solution; with another reason if its solved file is damaged.
    TransientError
        If the database or storage is unavailable.
    """
    return _frame(read(_solved, image_id))


def frame_of_sequence(sequence_id: str) -> Frame:
    """Return where the middle one of a sequence's solved images is; raise as `frame_of`."""
    return _frame(read(_middle_solved, sequence_id))


def _frame(found: AnyRow) -> Frame:
    cards = _solution(found.solved_path, found.updated_at.isoformat())
    try:
        return Frame(found.image_id, found.time, Projection.of_cards(cards))
    except ValueError as error:
        raise PermanentError(Reason.DAMAGED_FILE, f"{found.solved_path}: {error}") from error


def _solved(session: Session, image_id: str) -> AnyRow:
    row = session.execute(SOLVED.where(Image.image_id == image_id)).one_or_none()
    if row is None:
        raise unknown("image", image_id)
    return _require_solved(row, image_id)


def _middle_solved(session: Session, sequence_id: str) -> AnyRow:
    if session.get(Sequence, sequence_id) is None:
        raise unknown("observation", sequence_id)
    is_solved = Image.sequence_id == sequence_id, Image.solved_path.is_not(None)
    count = session.scalar(select(func.count()).select_from(Image).where(*is_solved)) or 0
    ordered = SOLVED.where(*is_solved).order_by(Image.time, Image.image_id)
    return _require_solved(
        session.execute(ordered.offset(count // 2).limit(1)).first(), sequence_id
    )


def _require_solved(row: AnyRow | None, name: str) -> AnyRow:
    if row is None or row.solved_path is None:
        raise PermanentError(Reason.OBJECT_MISSING, f"{name} has no plate solution")
    return row


def _image(session: Session, image_id: str) -> NeighbouringImage:
    found = queries.image(session, image_id)
    sequence = session.execute(
        select(*SEQUENCE_COLUMNS).where(Sequence.sequence_id == found["sequence_id"])
    ).one()
    here = tuple_(found["time"], found["image_id"])
    place = tuple_(Image.time, Image.image_id)
    of_sequence = select(Image.image_id).where(Image.sequence_id == found["sequence_id"])
    before = of_sequence.where(place < here).order_by(Image.time.desc(), Image.image_id.desc())
    behind = of_sequence.where(place > here).order_by(Image.time, Image.image_id)
    return {
        **found,
        "sequence": as_record(SequenceFacts, sequence._asdict()),
        "previous_image": session.scalar(before.limit(1)),
        "next_image": session.scalar(behind.limit(1)),
    }


def _solution_or_none(path: str, updated_at: str) -> dict[str, CardValue] | None:
    try:
        return _solution(path, updated_at)
    except (PermanentError, TransientError) as error:
        # The rest of the image's data is still useful.
        logging.getLogger(__name__).warning("no solution of %s: %s", path, error)
        return None


@lru_cache(KEPT_SOLUTIONS)
def _solution(path: str, _updated_at: str) -> dict[str, CardValue]:
    """Read the solution's cards; the cache key changes with the image.

    Raises
    ------
    PermanentError
        If the file is missing, or not FITS.
    TransientError
        If storage is unavailable.
    """
    stored = file_storage.find(settings().processed_bucket, path)
    first = file_storage.read_range(stored, 0, FIRST_BYTES)

    def read_bytes(start: int, length: int) -> bytes:
        if start + length <= len(first) or len(first) == stored.size:
            return first[start : start + length]
        return file_storage.read_range(stored, start, length)

    cards = read_image_header(read_bytes).cards
    return {name: value for name, value in cards.items() if WCS_CARD.fullmatch(name)}
