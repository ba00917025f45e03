"""Of which sequences light curves are due, of which images; who makes them, and what came of it.

Work on a sequence takes minutes, and its message may come more than once meanwhile. So a claim is
kept alive by whoever works (`keep_claim`), and another waits until it has been silent for
`CLAIM_LEASE_S`. Only the last claim may write.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select, true, union, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from panoptes_network.database.films import RECENT, Tried
from panoptes_network.database.images import StaleClaimError
from panoptes_network.database.light_curve_models import LightCurveSet
from panoptes_network.database.models import Image, Sequence, Unit
from panoptes_network.errors import PanoptesError, Reason
from panoptes_network.states import END_STATES, ImageState

MIN_FRAMES = 3
CLAIM_LEASE_S = 120.0
"""Whoever works and says nothing for so long has been killed, or has lost the database."""

GIVEN_UP = timedelta(days=1)
"""A sequence whose tries are exhausted is tried again so long after: what was away may be back."""

LATE = timedelta(hours=1)
"""An image that nothing happened to for so long is not waited for."""

SENT_AGAIN = timedelta(hours=6)
"""A message may wait so long for its turn; then it counts as lost."""

MAX_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class SolvedImage:
    """An image that is solved: its solved file, the raw file's generation, the exposure's start."""

    image_id: str
    image_key: int
    time: datetime
    exptime_s: float | None
    bucket_path: str
    solved_path: str
    generation: int


@dataclass(frozen=True, slots=True)
class Site:
    """Where a unit stands; height in metres."""

    latitude_deg: float
    longitude_deg: float
    elevation_m: float


@dataclass(frozen=True, slots=True)
class SetClaim:
    """The right to write the light curves of a sequence, made of `images`, in order of time."""

    sequence_id: str
    number: int
    tries: int
    images: tuple[SolvedImage, ...]
    site: Site | None

    @property
    def tried(self) -> Tried:
        """Of what they are tried."""
        return _tried(self.images)


class ClaimedError(Exception):
    """Another worker is at work on the sequence: the message waits until it is done, or silent."""


def claim_set(session: Session, sequence_id: str) -> SetClaim | None:
    """Take a sequence to make its light curves; None where there is nothing to do about it.

    That is so where there is no such sequence, where they were tried of all its solved images, and
    where images are still under way: the sweep asks again when it is quiet.

    Raises
    ------
    ClaimedError
        When another worker has it.
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
    """Say that the work goes on.

    Raises
    ------
    StaleClaimError
        When another worker has taken the sequence over, or it has ended.
    """
    held = (*_is_held(claim), LightCurveSet.claimed_at.is_not(None))
    kept = update(LightCurveSet).where(*held).values(claimed_at=_now())
    if session.scalar(kept.returning(LightCurveSet.sequence_id)) is None:
        raise StaleClaimError(claim.sequence_id)


def release_claim(session: Session, claim: SetClaim, *, was_tried: bool = True) -> None:
    """Let go of a sequence at once, for another try; nothing where it was taken over.

    Where it was given up for no fault of its own, `was_tried` is false: the try does not count.
    """
    held = update(LightCurveSet).where(*_is_held(claim))
    session.execute(held.values(claimed_at=None, tries=claim.tries - (not was_tried)))


def record_set(session: Session, claim: SetClaim, columns: Mapping[str, Any]) -> LightCurveSet:
    """Write what was made, in place of an earlier result; return the row as it was before.

    Raises
    ------
    StaleClaimError
        When another worker has taken the sequence over.
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
    """Write why there are no light curves of these images; an earlier result stays.

    Raises
    ------
    StaleClaimError
        When another worker has taken the sequence over.
    """
    _write(session, claim, **_ended(claim), reason_code=error.reason, reason=error.message)


def solved_images(session: Session, sequence_id: str) -> tuple[SolvedImage, ...]:
    """Return the solved images of a sequence in the order they were taken."""
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
    """Return whether light curves of all solved images were tried, or these are too few."""
    images = solved_images(session, sequence_id)
    row = session.get(LightCurveSet, sequence_id)
    return len(images) < MIN_FRAMES or (row is not None and _is_tried(row, _tried(images)))


def find_due(session: Session, quiet_s: float) -> list[str]:
    """Return sequences that are quiet and whose light curves are not of all solved images.

    Those that are worked on are left out, and such as were asked for lately and have not grown.
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
    """Note that a sequence's light curves were asked for now."""
    new = insert(LightCurveSet).values(sequence_id=sequence_id, asked_at=func.now())
    session.execute(
        new.on_conflict_do_update(index_elements=["sequence_id"], set_={"asked_at": func.now()})
    )


def due(quiet_s: float) -> Select[tuple[str, datetime]]:
    """Return the query for quiet sequences whose light curves are not of all solved images.

    And since when they are quiet; those that were asked for, or are worked on, are among them.
    """
    changed = select(Image.sequence_id).where(Image.updated_at > func.now() - RECENT)
    # Those of which nothing was ever tried, or all tries failed, however old they are.
    missed = select(LightCurveSet.sequence_id).where(
        or_(LightCurveSet.images == 0, _is_given_up_long_ago())
    )
    # As for films: from each of the few that changed to its own images.
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
    """Return whether it has ended with these images; without any, it has once it has a reason."""
    has_ended = row.made_at is not None or row.reason_code is not None
    is_again = (
        row.reason_code == Reason.TRIES_EXHAUSTED and row.updated_at < datetime.now(UTC) - GIVEN_UP
    )
    return has_ended and not is_again and now == Tried(row.images, row.generation)


def _ended(claim: SetClaim) -> dict[str, Any]:
    tried = claim.tried
    return {"images": tried.images, "generation": tried.generation, "tries": 0, "claimed_at": None}


def _write(session: Session, claim: SetClaim, **columns: Any) -> None:
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
