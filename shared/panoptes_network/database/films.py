"""Which sequences are to be filmed, of which images, and what came of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from panoptes_network.database.models import Image, ImageState, Sequence
from panoptes_network.storage import StoredObject

LEAST_FRAMES = 3
RECENT = timedelta(days=7)
"""A sequence to which nothing happened for longer has its film, or will never have one."""
MOST_AT_ONCE = 200
"""So many sequences are found in one look; the next look finds the others."""


@dataclass(frozen=True, slots=True)
class FilmImage:
    """One image of a sequence: its file, and the start of the exposure, UTC."""

    time: datetime
    bucket: str
    path: str
    generation: int


@dataclass(frozen=True, slots=True)
class Tried:
    """Of what a film was tried: how many images, and the newest generation among them."""

    images: int
    generation: int

    @classmethod
    def of(cls, images: list[FilmImage]) -> "Tried":
        """Return this of `images`, of which there may be none."""
        return cls(len(images), max((image.generation for image in images), default=0))


def find_sequence(session: Session, sequence_id: str) -> Sequence | None:
    """Return a sequence's row; None where there is none of this id."""
    return session.get(Sequence, sequence_id)


def images_to_film(session: Session, sequence_id: str) -> list[FilmImage]:
    """Return the images of a sequence that have a frame to show, in the order they were taken."""
    query = select(Image).where(Image.sequence_id == sequence_id, _has_frame())
    return [
        FilmImage(image.time, str(image.bucket), str(image.bucket_path), image.generation)
        for image in session.scalars(query.order_by(Image.time, Image.image_id))
    ]


def find_quiet(session: Session, quiet_s: float) -> list[str]:
    """Return the sequences that nothing happened to for so long and whose film is not of all."""
    recent = select(Image.sequence_id).where(Image.updated_at > func.now() - RECENT).distinct()
    images, generation = func.count(), func.max(Image.generation)
    query = (
        select(Sequence.sequence_id)
        .join(Image, Image.sequence_id == Sequence.sequence_id)
        .where(Sequence.sequence_id.in_(recent), _has_frame())
        .group_by(Sequence.sequence_id)
        .having(
            images >= LEAST_FRAMES,
            func.max(Image.updated_at) < func.now() - timedelta(seconds=quiet_s),
            (images != func.coalesce(Sequence.film_images, 0))
            | (generation != func.coalesce(Sequence.film_generation, 0)),
        )
        .order_by(func.max(Image.updated_at))
        .limit(MOST_AT_ONCE)
    )
    return list(session.scalars(query))


def record_film(
    session: Session, sequence_id: str, tried: Tried, film: StoredObject, frames: int
) -> None:
    """Write that a sequence has this film; one that was made of newer images stays."""
    _record(session, sequence_id, tried, film_path=film.path, film_frames=frames, film_reason=None)


def record_no_film(session: Session, sequence_id: str, tried: Tried, reason: str) -> None:
    """Write why a sequence has no film of these images; an earlier film of it stays."""
    _record(session, sequence_id, tried, film_reason=reason)


def _record(session: Session, sequence_id: str, tried: Tried, **columns: object) -> None:
    is_newer = func.coalesce(Sequence.film_generation, 0) <= tried.generation
    session.execute(
        update(Sequence)
        .where(Sequence.sequence_id == sequence_id, is_newer)
        .values(film_images=tried.images, film_generation=tried.generation, **columns)
    )


def _has_frame() -> ColumnElement[bool]:
    without = (ImageState.ERROR, ImageState.SKIPPED)
    return Image.bucket_path.is_not(None) & (Image.generation > 0) & Image.state.not_in(without)
