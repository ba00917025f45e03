"""An image's neighbours in its sequence, and the plate solution in its solved file."""

import logging
import re
from functools import lru_cache

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from observations_data import file_storage
from observations_data.database import as_record, read
from observations_data.observations import queries
from observations_data.observations.queries import SEQUENCE_COLUMNS
from panoptes_network.config import settings
from panoptes_network.database.models import Image, Sequence
from panoptes_network.errors import PermanentError, TransientError
from panoptes_network.frames.fits_header import BLOCK_BYTES, CardValue, read_image_header
from panoptes_network.responses.observations import NeighbouringImage, SequenceFacts, WholeImage

FIRST_BYTES = 20 * BLOCK_BYTES
"""Both headers of a solved file, read at once."""
KEPT_SOLUTIONS = 1024
WCS_CARD = re.compile(
    r"(CTYPE|CUNIT|CRVAL|CRPIX|NAXIS)[12]|CD[12]_[12]|RADESYS|LONPOLE|LATPOLE|EQUINOX"
    r"|(A|B|AP|BP)_(ORDER|[0-9]_[0-9])"
)


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
