"""The sweep of images in progress: requeue those whose message was lost.

A waiting image alone is no sign of a loss: there may be many before it. Its message counts as lost
if images queued later were taken by a plate solver, or if no solver has taken any for a lease.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.models import Image, ImageEvent
from panoptes_network.errors import TransientError
from panoptes_network.events import PipelineImage
from panoptes_network.operations.dead_letters import event_of, give_up
from panoptes_network.operations.history import SERVICE, Stage, last_words, pasts
from panoptes_network.operations.report import Report
from panoptes_network.operations.retry_policy import (
    Verdict,
    database_now,
    exhausted,
    grace,
    lease,
    verdict,
    withdraw,
)
from panoptes_network.pubsub import publish
from panoptes_network.states import ImageState

PAGE_SIZE = 500
UNDER_WAY = (ImageState.SOLVING, ImageState.SOLVED, ImageState.SOURCES_DETECTED)
RECENT_EVENTS = 10_000
"""Recent events searched for those of solvers that took an image."""

Key = tuple[datetime, int]


@dataclass
class Page:
    """The decisions on some images: those to requeue, those to give up, and the next position."""

    queued: list[tuple[int | None, PipelineImage]]
    given_up: list[str]
    last: Key | None


def sweep_images(report: Report) -> None:
    """Requeue stalled images, until the budget is spent.

    Raises
    ------
    TransientError
        If database or broker is unavailable.
    """
    after: Key | None = None
    while not report.is_spent:
        page = run_transaction(partial(_decide, after=after, dry_run=report.dry_run))
        for image_id in page.given_up:
            report.add_given_up(image_id)
        _queue(page, report)
        if page.last is None:
            return
        after = page.last


def _queue(page: Page, report: Report) -> None:
    for number, (_, message) in enumerate(page.queued):
        try:
            if not report.dry_run:
                publish(settings().pipeline_topic, message)
        except TransientError:
            events = [event_id for event_id, _ in page.queued[number:]]
            withdraw([event_id for event_id in events if event_id is not None])
            raise
        report.add_sent(message.image_id)


def _decide(session: Session, after: Key | None, *, dry_run: bool) -> Page:
    """Record which images of a page are requeued, and give up those at their limit."""
    query = _hanging(after)
    images = session.scalars(query if dry_run else query.with_for_update(skip_locked=True)).all()
    page = Page([], [], None)
    if not images:
        return page
    page.last = (images[-1].updated_at, images[-1].image_key)
    now, taken_to = database_now(session), _taken_to(session)
    known = pasts(session, {str(image.bucket_path) for image in images})
    for image in images:
        sent = known[str(image.bucket_path)].sent.get(_mark(image), [])
        decided = _judge(image, sent, taken_to, now)
        if decided is Verdict.SEND:
            page.queued.append((None if dry_run else _note(session, image), _message(image)))
        elif decided is Verdict.GIVE_UP:
            page.given_up.append(image.image_id)
            if not dry_run:
                _end(session, image)
    return page


def _end(session: Session, image: Image) -> None:
    error = exhausted(last_words(session, image.image_id, image.bucket_path))
    give_up(session, image, SERVICE, f"generation {image.generation}", error)


def _hanging(after: Key | None) -> Select[Image]:
    query = select(Image).where(
        Image.generation > 0,
        Image.bucket.is_not(None),
        Image.bucket_path.is_not(None),
        or_(
            and_(Image.state.in_(UNDER_WAY), _is_older(lease())),
            and_(Image.state == ImageState.METADATA_RECEIVED, _is_older(grace())),
        ),
    )
    if after is not None:
        query = query.where(tuple_(Image.updated_at, Image.image_key) > after)
    return query.order_by(Image.updated_at, Image.image_key).limit(PAGE_SIZE)


def _is_older(age: timedelta) -> ColumnElement[bool]:
    return Image.updated_at < func.now() - age


def _judge(image: Image, sent: list[datetime], taken_to: datetime | None, now: datetime) -> Verdict:
    """Decide about a stalled image: `taken_to` is the solvers' position in the queue."""
    queued_at = max(filter(None, [image.updated_at, image.put_off_at, *sent]))
    was_passed = taken_to is not None and queued_at < taken_to - grace()
    decided = verdict(sent, now)
    if decided is Verdict.GIVE_UP:
        # Not while all solvers are unavailable or far behind.
        was_taken = image.updated_at > sent[-1]
        return Verdict.GIVE_UP if was_passed or was_taken else Verdict.WAIT
    may_wait = image.state == ImageState.METADATA_RECEIVED and taken_to is not None
    return Verdict.WAIT if may_wait and not was_passed else decided


def _taken_to(session: Session) -> datetime | None:
    """Return the latest queueing time of the images that solvers took in the last lease."""
    newest = select(func.max(ImageEvent.event_id)).scalar_subquery()
    taken, queued = aliased(ImageEvent), aliased(ImageEvent)
    query = (
        select(func.max(queued.at))
        .join(taken, queued.image_id == taken.image_id)
        .where(
            taken.event_id > newest - RECENT_EVENTS,
            taken.state == ImageState.SOLVING,
            taken.service != SERVICE,
            taken.at > func.now() - lease(),
            queued.event_id < taken.event_id,
            queued.state == ImageState.METADATA_RECEIVED,
        )
    )
    return session.scalar(query)


def _mark(image: Image) -> str:
    return Stage.SOLVE.mark(image.generation)


def _note(session: Session, image: Image) -> int:
    reason = f"queued again: nothing had happened since {image.updated_at:%Y-%m-%d %H:%M:%S} UTC"
    event = event_of(image, SERVICE, _mark(image), None, reason)
    session.add(event)
    session.flush()
    return event.event_id


def _message(image: Image) -> PipelineImage:
    return PipelineImage(
        image_id=image.image_id,
        bucket=str(image.bucket),
        bucket_path=str(image.bucket_path),
        generation=image.generation,
    )
