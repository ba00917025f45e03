"""Sequences whose film is due, the images to use, and the result."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, func, or_, select, true, update
from sqlalchemy.orm import Session

from panoptes_network.database.models import Image, Sequence
from panoptes_network.database.superseded import note_superseded
from panoptes_network.states import ImageState
from panoptes_network.storage import StoredObject

MIN_FRAMES = 3
RECENT = timedelta(days=7)
"""A sequence idle for longer than this either has its film or will never have one."""
MAX_AT_ONCE = 200
"""Maximum number of sequences found at a time; the next query finds the others."""


@dataclass(frozen=True, slots=True)
class FilmImage:
    """One image of a sequence: its file and the start of its exposure, UTC."""

    time: datetime
    bucket: str
    path: str
    generation: int


@dataclass(frozen=True, slots=True)
class Tried:
    """Images that a film was tried with: their number and their newest generation."""

    images: int
    generation: int

    @classmethod
    def of(cls, images: list[FilmImage]) -> "Tried":
        """Return this summary of `images`, which may be empty."""
        return cls(len(images), max((image.generation for image in images), default=0))


def find_sequence(session: Session, sequence_id: str) -> Sequence | None:
    """Return a sequence's row; None if there is no sequence with this id."""
    return session.get(Sequence, sequence_id)


def images_to_film(session: Session, sequence_id: str) -> list[FilmImage]:
    """Return the images of a sequence that have a frame to show, in order of time."""
    query = select(Image).where(Image.sequence_id == sequence_id, _has_frame())
    return [
        FilmImage(image.time, str(image.bucket), str(image.bucket_path), image.generation)
        for image in session.scalars(query.order_by(Image.time, Image.image_id))
    ]


def is_up_to_date(session: Session, sequence_id: str) -> bool:
    """Return whether a film of all the sequence's images was tried, or there are too few images."""
    sequence = find_sequence(session, sequence_id)
    if sequence is None:
        return False
    now = Tried.of(images_to_film(session, sequence_id))
    tried = Tried(sequence.film_images or 0, sequence.film_generation or 0)
    return now.images < MIN_FRAMES or now == tried


def find_quiet(session: Session, quiet_s: float) -> list[str]:
    """Return sequences idle for `quiet_s` whose film lacks some of their images."""
    due = quiet(quiet_s)
    return list(session.scalars(due.order_by(due.selected_columns.quiet_since).limit(MAX_AT_ONCE)))


def quiet(quiet_s: float) -> Select[tuple[str, datetime]]:
    """Return the query for the sequences of `find_quiet`, with the times since when they idle."""
    changed = select(Image.sequence_id).where(Image.updated_at > func.now() - RECENT)
    # Start from the few changed sequences, else the planner reads all images.
    recent = changed.distinct().cte("recent").prefix_with("MATERIALIZED")
    frames = (
        select(
            func.count().label("n_images"),
            func.max(Image.generation).label("generation"),
            func.max(Image.updated_at).label("quiet_since"),
        )
        .where(Image.sequence_id == recent.c.sequence_id, _has_frame())
        .lateral()
    )
    is_changed = or_(
        frames.c.n_images != func.coalesce(Sequence.film_images, 0),
        frames.c.generation != func.coalesce(Sequence.film_generation, 0),
    )
    return (
        select(Sequence.sequence_id, frames.c.quiet_since)
        .select_from(recent)
        .join(Sequence, Sequence.sequence_id == recent.c.sequence_id)
        .join(frames, true())
        .where(frames.c.n_images >= MIN_FRAMES, is_changed)
        .where(frames.c.quiet_since < func.now() - timedelta(seconds=quiet_s))
    )


def record_film(
    session: Session, sequence_id: str, tried: Tried, film: StoredObject, frames: int
) -> None:
    """Record a sequence's film; a film made of newer images is kept instead.

    If the two have different paths, the other one is noted as superseded.
    """
    query = select(Sequence).where(Sequence.sequence_id == sequence_id)
    sequence = session.scalars(query.with_for_update(key_share=True)).one()
    before = sequence.film_path
    _record(session, sequence_id, tried, film_path=film.path, film_frames=frames, film_reason=None)
    session.refresh(sequence)
    left = {path for path in (before, film.path) if path not in (None, sequence.film_path)}
    note_superseded(session, film.bucket, left, sequence_id)


def record_no_film(session: Session, sequence_id: str, tried: Tried, reason: str) -> None:
    """Record why a sequence has no film of these images; an earlier film is kept."""
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
