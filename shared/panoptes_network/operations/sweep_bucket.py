"""The sweep through the raw bucket: what arrived and got lost on its way is sent again.

Each page of the bucket is compared with the database by itself. What is sent is noted before,
and committed, so that two sweeps at once send nothing twice; should the process end between,
the next sweep after the lease sends it.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

import requests
from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from panoptes_network import storage
from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.gone import note_gone_objects
from panoptes_network.database.images import record_failure
from panoptes_network.database.models import FileKind, Image, ImageEvent, ImageFile, Sweep
from panoptes_network.errors import PermanentError, TransientError
from panoptes_network.events import ImageObject, PipelineImage
from panoptes_network.hop import post
from panoptes_network.metadata import identify
from panoptes_network.operations.history import SERVICE, Stage, last_words
from panoptes_network.operations.report import Report
from panoptes_network.operations.requeue import (
    Verdict,
    database_now,
    exhausted,
    grace,
    lease,
    verdict,
    withdraw,
)
from panoptes_network.operations.uploads import Lost, Missing, Upload, find_lost, uploads_among
from panoptes_network.pubsub import publish
from panoptes_network.storage import StoredObject

PAGE_SIZE = 1000

_LOCK = 0x50414E31
"""Of PostgreSQL's advisory locks; one page is decided on at a time."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """An upload that this sweep has noted to send again; `event_id` is None in a dry run."""

    lost: Lost
    event_id: int | None


def sweep_bucket(report: Report, *, from_start: bool) -> None:
    """Go on through the raw bucket from where the last sweep stopped, until the budget is spent.

    Raises
    ------
    TransientError
        When storage, database, broker or cf-image-received is away.
    """
    bucket = settings().raw_bucket
    start = "" if from_start else run_transaction(lambda session: _position(session, bucket))
    after = start
    for page in storage.pages(bucket, start, PAGE_SIZE):
        _note_gone(page, after, report)
        after = page[-1].path if page else after
        stopped_at = _sweep_page(page, report)
        if stopped_at is not None:
            _remember(bucket, stopped_at, report)
            return
    _note_gone([], after, report)
    _remember(bucket, None, report)


def _note_gone(page: list[StoredObject], after: str, report: Report) -> None:
    """Note the objects that rows name and that are missing between `after` and a page's end."""
    if report.dry_run:
        return
    names, until = {stored.path for stored in page}, page[-1].path if page else None
    bucket = settings().raw_bucket
    run_transaction(
        lambda session: note_gone_objects(session, bucket, names, (after, until), grace())
    )


def _sweep_page(page: list[StoredObject], report: Report) -> str | None:
    """Compare one page with the database; return the name to go on with, if it stops there."""
    report.looked_at += len(page)
    uploads = uploads_among(page)
    claimed, given_up = run_transaction(partial(_claim, uploads=uploads, dry_run=report.dry_run))
    for upload in given_up:
        report.add_given_up(upload.image_id)
    for number, one in enumerate(claimed):
        if report.is_spent:
            withdraw(_events(claimed[number:]))
            return one.lost.upload.stored.path
        _send(claimed[number:], report)
    return page[-1].path if page and report.is_spent else None


def _claim(
    session: Session, uploads: list[Upload], *, dry_run: bool
) -> tuple[list[Claimed], list[Upload]]:
    """Note what of a page is sent again, and give up what was sent often enough."""
    if not dry_run:
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    now = database_now(session)
    claimed, given_up = [], []
    for lost in find_lost(session, [upload for upload in uploads if _is_old(upload.stored, now)]):
        sent = lost.past.sent.get(_mark(lost), [])
        decided = verdict(sent, now)
        if decided is Verdict.SEND:
            claimed.append(Claimed(lost, None if dry_run else _note(session, lost)))
        elif decided is Verdict.GIVE_UP and not _may_be_queued(session, lost, sent[-1]):
            given_up.append(lost.upload)
            if not dry_run:
                _give_up(session, lost.upload)
    return claimed, given_up


def _is_old(stored: StoredObject, now: datetime) -> bool:
    return stored.created is None or now - stored.created > grace()


def _mark(lost: Lost) -> str:
    return Stage.UPLOAD.mark(lost.upload.stored.generation)


def _note(session: Session, lost: Lost) -> int:
    what = "nothing" if lost.missing is Missing.ALL else "not all"
    event = ImageEvent(
        image_id=lost.upload.image_id,
        bucket_path=lost.upload.stored.path,
        service=SERVICE,
        message_id=_mark(lost),
        state=lost.state,
        reason=f"sent again: {what} had come of the file",
    )
    session.add(event)
    session.flush()
    return event.event_id


def _may_be_queued(session: Session, lost: Lost, sent_at: datetime) -> bool:
    """Return whether a CR2 may still wait in the queue: until later ones have come through it.

    What is posted, as FITS files are, waits in none.
    """
    if not lost.upload.path.is_raw:
        return False
    query = select(ImageFile.path).where(
        ImageFile.kind == FileKind.CR2,
        ImageFile.generation > lost.upload.stored.generation,
        ImageFile.updated_at > sent_at,
    )
    return session.scalars(query.limit(1)).first() is None


def _give_up(session: Session, upload: Upload) -> None:
    error = exhausted(last_words(session, upload.image_id, upload.stored.path))
    record_failure(session, error, SERVICE, identify(upload.path, {}), upload.stored)


def _send(claimed: list[Claimed], report: Report) -> None:
    """Hand the first of these on; where nobody is there to take it, none counts as sent."""
    upload = claimed[0].lost.upload
    try:
        if not report.dry_run:
            _hand_on(claimed[0].lost)
    except PermanentError as error:
        report.add_failed(upload.image_id, error.message)
    except TransientError as error:
        if _is_away(error):
            withdraw(_events(claimed))
            raise
        if not run_transaction(_others_come_in):
            withdraw(_events(claimed[:1]))
        report.add_failed(upload.image_id, str(error))
    else:
        report.add_sent(upload.image_id)


def _hand_on(lost: Lost) -> None:
    stored = lost.upload.stored
    image = ImageObject(bucket_path=stored.path, bucket=stored.bucket, generation=stored.generation)
    if lost.missing is Missing.ALL:
        post(settings().image_received_url, image)
    elif lost.upload.path.is_raw:
        publish(settings().raw_topic, image)
    else:
        # Plate solvers leave alone what has ended; cf-make-jpg makes the pictures.
        publish(
            settings().pipeline_topic,
            PipelineImage(
                image_id=lost.upload.image_id,
                bucket=stored.bucket,
                bucket_path=stored.path,
                generation=stored.generation,
            ),
        )


def _is_away(error: TransientError) -> bool:
    """Return whether nobody answers at all, which says nothing about the file."""
    cause = error.__cause__
    return cause is not None and not isinstance(cause, requests.ReadTimeout)


def _others_come_in(session: Session) -> bool:
    """Return whether files have been taken in lately: else it is not this one's fault."""
    recent = func.now() - lease()
    query = select(Image.image_key).where(
        Image.updated_at > recent, Image.received_at > recent, Image.generation > 0
    )
    return session.scalars(query.limit(1)).first() is not None


def _events(claimed: list[Claimed]) -> list[int]:
    return [one.event_id for one in claimed if one.event_id is not None]


def _position(session: Session, bucket: str) -> str:
    return session.scalar(select(Sweep.position).where(Sweep.bucket == bucket)) or ""


def _remember(bucket: str, position: str | None, report: Report) -> None:
    report.is_whole = position is None
    if not report.dry_run:
        run_transaction(lambda session: _write_position(session, bucket, position))


def _write_position(session: Session, bucket: str, position: str | None) -> None:
    if position is None:
        session.execute(delete(Sweep).where(Sweep.bucket == bucket))
        return
    new = insert(Sweep).values(bucket=bucket, position=position)
    columns = {"position": new.excluded.position, "updated_at": func.now()}
    session.execute(new.on_conflict_do_update(index_elements=["bucket"], set_=columns))
