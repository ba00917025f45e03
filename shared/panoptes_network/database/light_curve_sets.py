"""Sequences whose light curves are due, the images to use, claims on the work, and the result.

Light curves of a sequence take minutes, and their message may be redelivered meanwhile. The worker
therefore renews its claim (`keep_claim`), and others wait until a claim has been silent for
`CLAIM_LEASE_S`. Only the last claim may write.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Select, func, or_, select, true, union, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from panoptes_network.database.films import RECENT, Tried
from panoptes_network.database.image_claims import StaleClaimError
from panoptes_network.database.light_curve_models import LightCurveSet
from panoptes_network.database.models import Image, Sequence, Unit
from panoptes_network.errors import PanoptesError, Reason
from panoptes_network.states import END_STATES, ImageState

MIN_FRAMES = 3
CLAIM_LEASE_S = 120.0
"""Silence after which a worker counts as killed or cut off from the database."""

GIVEN_UP = timedelta(days=1)
"""Time after which a sequence with exhausted tries is tried again: the cause may have passed."""

LATE = timedelta(hours=1)
"""An image idle for longer than this is not waited for."""

SENT_AGAIN = timedelta(hours=6)
"""Longest time that a message may wait for its turn; after that it counts as lost."""

MAX_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class SolvedImage:
    """A solved image: its solved file, the raw file's generation, the exposure's start."""

    image_id: str
    image_key: int
    time: datetime
    exptime_s: float | None
    bucket_path: str
    solved_path: str
    generation: int


@dataclass(frozen=True, slots=True)
class Site:
    """A unit's location; height in metres."""

    latitude_deg: float
    longitude_deg: float
    elevation_m: float


@dataclass(frozen=True, slots=True)
class SetClaim:
    """The right to write a sequence's light curves, made from `images` in order of time."""

    sequence_id: str
    number: int
    tries: int
    images: tuple[SolvedImage, ...]
    site: Site | None

    @property
    def tried(self) -> Tried:
        """The images of this attempt, as stored."""
        return _tried(self.images)


class ClaimedError(Exception):
    """Another worker is processing the sequence: the message waits until it is done or silent."""


def claim_set(session: Session, sequence_id: str) -> SetClaim | None:
    """Claim a sequence to make its light curves; None if there is nothing to do.

    There is nothing to do if the sequence does not exist, if all its solved images were tried, or
    if images are still being processed: the sweep asks again once it is idle.

    Raises
    ------
    ClaimedError
        If another worker has claimed it.
    """
    if session.get(Sequence, sequence_id) is None:
        return None
    session.execute(insert(LightCurveSet).values(sequence_id=sequence_id).on_conflict_do_nothing())
    query = select(LightCurveSet).where(LightCurveSet.sequence_id == sequence_id)
    row = session.scalars(query.with_for_update()).one()
    images = solved_images(session, sequence_id)
    if _is_tried(row, _tried(images)) or _has_images_to_come(session, sequence_id):
        return None
    if session.scalar(select(_is_alive()).where(LightCurveSet.sequence_id == sequence_id)):
        raise ClaimedError
    row.claim, row.tries = row.claim + 1, row.tries + 1
    row.claimed_at = session.scalar(select(_now()))
    return SetClaim(sequence_id, row.claim, row.tries, images, _site(session, sequence_id))


def keep_claim(session: Session, claim: SetClaim) -> None:
    """Renew the claim.

    Raises
    ------
    StaleClaimError
        If another worker has claimed the sequence, or it has ended.
    """
    held = (*_is_held(claim), LightCurveSet.claimed_at.is_not(None))
    kept = update(LightCurveSet).where(*held).values(claimed_at=_now())
    if session.scalar(kept.returning(LightCurveSet.sequence_id)) is None:
        raise StaleClaimError(claim.sequence_id)


def release_claim(session: Session, claim: SetClaim, *, was_tried: bool = True) -> None:
    """Release a sequence for another attempt; does nothing if it was taken over.

    If the work was abandoned for an unrelated reason, `was_tried` is false and the attempt does not
    count.
    """
    held = update(LightCurveSet).where(*_is_held(claim))
    session.execute(held.values(claimed_at=None, tries=claim.tries - (not was_tried)))


def record_set(session: Session, claim: SetClaim, columns: Mapping[str, object]) -> LightCurveSet:
    """Write the light curves in place of an earlier result; return the row as it was before.

    Raises
    ------
    StaleClaimError
        If another worker has claimed the sequence.
    """
    query = select(LightCurveSet).where(*_is_held(claim)).with_for_update()
    before = session.scalars(query).one_or_none()
    if before is None:
        raise StaleClaimError(claim.sequence_id)
    session.expunge(before)
    ended = {**columns, "reason_code": None, "reason": None, "made_at": _now()}
    _write(session, claim, **_ended(claim), **ended)
    return before


def record_no_set(session: Session, claim: SetClaim, error: PanoptesError) -> None:
    """Record why there are no light curves of these images; an earlier result is kept.

    Raises
    ------
    StaleClaimError
        If another worker has claimed the sequence.
    """
    _write(session, claim, **_ended(claim), reason_code=error.reason, reason=error.message)


def solved_images(session: Session, sequence_id: str) -> tuple[SolvedImage, ...]:
    """Return a sequence's solved images in order of time."""
    query = select(Image).where(Image.sequence_id == sequence_id, _is_solved())
    return tuple(
        SolvedImage(
            image.image_id,
            image.image_key,
            image.time,
            image.exptime_s,
            str(image.bucket_path),
            str(image.solved_path),
            image.generation,
        )
        for image in session.scalars(query.order_by(Image.time, Image.image_id))
    )


def is_up_to_date(session: Session, sequence_id: str) -> bool:
    """Return whether light curves of all solved images were tried, or there are too few."""
    images = solved_images(session, sequence_id)
    row = session.get(LightCurveSet, sequence_id)
    return len(images) < MIN_FRAMES or (row is not None and _is_tried(row, _tried(images)))


def find_due(session: Session, quiet_s: float) -> list[str]:
    """Return idle sequences whose light curves lack some of their solved images.

    Sequences being processed are excluded, and so are recently requested ones that have not grown.
    """
    query = due(quiet_s)
    was_not_asked = or_(
        LightCurveSet.asked_at.is_(None),
        LightCurveSet.asked_at < query.selected_columns.quiet_since,
        LightCurveSet.asked_at < func.now() - SENT_AGAIN,
    )
    query = query.where(was_not_asked, _is_alive().is_not(True))
    return list(
        session.scalars(query.order_by(query.selected_columns.quiet_since).limit(MAX_AT_ONCE))
    )


def note_sent(session: Session, sequence_id: str) -> None:
    """Record that a sequence's light curves were requested now."""
    new = insert(LightCurveSet).values(sequence_id=sequence_id, asked_at=func.now())
    session.execute(
        new.on_conflict_do_update(index_elements=["sequence_id"], set_={"asked_at": func.now()})
    )


def due(quiet_s: float) -> Select[tuple[str, datetime]]:
    """Return the query for idle sequences whose light curves lack some of their solved images.

    The query also returns since when they are idle. It includes requested sequences and those being
    processed.
    """
    changed = select(Image.sequence_id).where(Image.updated_at > func.now() - RECENT)
    # Sequences never tried, or whose attempts all failed, of any age.
    missed = select(LightCurveSet.sequence_id).where(
        or_(LightCurveSet.images == 0, _is_given_up_long_ago())
    )
    # As for films: start from the few changed sequences.
    recent = union(changed, missed).cte("recent").prefix_with("MATERIALIZED")
    frames = (
        select(
            func.count().filter(_is_solved()).label("n_solved"),
            func.count().filter(Image.state.not_in(END_STATES)).label("n_to_come"),
            func.coalesce(func.max(Image.generation).filter(_is_solved()), 0).label("generation"),
            func.max(Image.updated_at).label("quiet_since"),
        )
        .where(Image.sequence_id == recent.c.sequence_id)
        .lateral()
    )
    is_new = or_(
        _is_given_up_long_ago(),
        frames.c.n_solved != func.coalesce(LightCurveSet.images, 0),
        frames.c.generation != func.coalesce(LightCurveSet.generation, 0),
    )
    return (
        select(recent.c.sequence_id, frames.c.quiet_since)
        .join(frames, true())
        .outerjoin(LightCurveSet, LightCurveSet.sequence_id == recent.c.sequence_id)
        .where(frames.c.n_solved >= MIN_FRAMES, is_new)
        .where(frames.c.quiet_since < func.now() - timedelta(seconds=quiet_s))
        .where(or_(frames.c.n_to_come == 0, frames.c.quiet_since < func.now() - LATE))
    )


def _tried(images: tuple[SolvedImage, ...]) -> Tried:
    return Tried(len(images), max((image.generation for image in images), default=0))


def _is_tried(row: LightCurveSet, now: Tried) -> bool:
    """Return whether these images were tried; without images, whether a reason is recorded."""
    has_ended = row.made_at is not None or row.reason_code is not None
    is_again = (
        row.reason_code == Reason.TRIES_EXHAUSTED and row.updated_at < datetime.now(UTC) - GIVEN_UP
    )
    return has_ended and not is_again and now == Tried(row.images, row.generation)


def _ended(claim: SetClaim) -> dict[str, int | None]:
    tried = claim.tried
    return {"images": tried.images, "generation": tried.generation, "tries": 0, "claimed_at": None}


def _write(session: Session, claim: SetClaim, **columns: object) -> None:
    held = update(LightCurveSet).where(*_is_held(claim)).values(**columns)
    if session.scalar(held.returning(LightCurveSet.sequence_id)) is None:
        raise StaleClaimError(claim.sequence_id)


def _is_held(claim: SetClaim) -> tuple[ColumnElement[bool], ...]:
    return LightCurveSet.sequence_id == claim.sequence_id, LightCurveSet.claim == claim.number


def _is_alive() -> ColumnElement[bool]:
    return LightCurveSet.claimed_at > _now() - timedelta(seconds=CLAIM_LEASE_S)


def _is_given_up_long_ago() -> ColumnElement[bool]:
    is_given_up = func.coalesce(LightCurveSet.reason_code, "") == Reason.TRIES_EXHAUSTED
    return is_given_up & (LightCurveSet.updated_at < func.now() - GIVEN_UP)


def _now() -> ColumnElement[datetime]:
    return func.clock_timestamp()


def _is_solved() -> ColumnElement[bool]:
    return (Image.state == ImageState.SOURCES_EXTRACTED) & Image.solved_path.is_not(None)


def _has_images_to_come(session: Session, sequence_id: str) -> bool:
    query = select(func.count()).where(
        Image.sequence_id == sequence_id,
        Image.state.not_in(END_STATES),
        Image.updated_at > func.now() - LATE,
    )
    return bool(session.scalar(query))


def _site(session: Session, sequence_id: str) -> Site | None:
    query = select(Unit).join(Sequence).where(Sequence.sequence_id == sequence_id)
    unit = session.scalars(query).one()
    if unit.latitude_deg is None or unit.longitude_deg is None:
        return None
    return Site(unit.latitude_deg, unit.longitude_deg, unit.elevation_m or 0.0)
