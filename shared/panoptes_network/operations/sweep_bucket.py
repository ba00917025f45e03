"""The sweep of the raw bucket: resend uploads that got lost.

Each page of the bucket is compared with the database separately. A resend is recorded and committed
before it is sent, so that concurrent sweeps send nothing twice. After a crash in between, the next
sweep after the lease sends it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import requests
from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from panoptes_network import storage
from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.gone import find_gone_objects, note_gone_objects
from panoptes_network.database.images import record_failure, record_refusal
from panoptes_network.database.models import Image, ImageEvent, ImageFile
from panoptes_network.database.operation_models import Sweep
from panoptes_network.database.refusals import note_gone
from panoptes_network.errors import PermanentError, TransientError
from panoptes_network.events import ImageObject, PipelineImage
from panoptes_network.frames.metadata import Identity, identify
from panoptes_network.ids import CameraTime
from panoptes_network.operations.balance import refused_between
from panoptes_network.operations.history import SERVICE, Stage, last_words
from panoptes_network.operations.lost_uploads import (
    Group,
    Judged,
    Missing,
    Upload,
    companions_among,
    judge,
)
from panoptes_network.operations.message_subject import image_path
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
from panoptes_network.states import FileKind
from panoptes_network.storage import StoredObject
from panoptes_network.web.service_client import post

PAGE_SIZE = 1000

_REFUSALS_AT_ONCE = 20
"""Refused paths looked up between checks of the budget."""

_LOCK = 0x50414E31
"""Class of PostgreSQL's advisory locks; pages are decided one at a time."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """An upload that this sweep has recorded to resend; `event_id` is None in a dry run."""

    lost: Judged
    event_id: int | None


@dataclass
class Decided:
    """The decisions on a page: each object's group, path, and reason of refusal."""

    groups: list[tuple[Group, str, str | None]] = field(default_factory=list)
    claimed: list[Claimed] = field(default_factory=list)
    given_up: list[Upload] = field(default_factory=list)


def sweep_bucket(report: Report, *, from_start: bool) -> None:
    """Continue through the raw bucket from the last sweep's position, until the budget is spent.

    Raises
    ------
    TransientError
        If storage, database, broker or cf-image-received is unavailable.
    """
    bucket = settings().raw_bucket
    start = "" if from_start else run_transaction(lambda session: _position(session, bucket))
    after = start
    for page in storage.pages(bucket, start, PAGE_SIZE):
        stopped_at = _sweep_page(page, after, report)
        if stopped_at is not None:
            _remember(bucket, stopped_at, report)
            return
        after = page[-1].path if page else after
    _close([], after, report)
    _remember(bucket, None, report)


def _sweep_page(page: list[StoredObject], after: str, report: Report) -> str | None:
    """Compare one page with the database; return the name to continue from if it stops early."""
    report.looked_at += len(page)
    decided = run_transaction(partial(_decide, page=page, dry_run=report.dry_run))
    for group, path, reason in decided.groups:
        report.balance.add(group, path, reason)
    for upload in decided.given_up:
        report.add_given_up(upload.name)
    _close(page, after, report)
    for number, one in enumerate(decided.claimed):
        if report.is_spent:
            withdraw(_events(decided.claimed[number:]))
            return one.lost.upload.stored.path
        _send(decided.claimed[number:], report)
    return page[-1].path if page and report.is_spent else None


def _close(page: list[StoredObject], after: str, report: Report) -> None:
    """Count a page's rows without an object; refusals among them no longer stand."""
    names, until = {stored.path for stored in page}, page[-1].path if page else None
    bucket, part = settings().raw_bucket, (after, until)
    look = find_gone_objects if report.dry_run else note_gone_objects
    objects = run_transaction(lambda session: look(session, bucket, names, part, grace()))
    report.balance.add_gone(objects)
    refused = run_transaction(partial(refused_between, part=part))
    _close_refusals(sorted(refused - names), report)


def _close_refusals(refused: list[str], report: Report) -> None:
    """Record which of these refused paths have no object, until the budget is spent."""
    for start in range(0, len(refused), _REFUSALS_AT_ONCE):
        if report.is_spent:
            return
        # Objects uploaded since the page was read are not missing.
        some = refused[start : start + _REFUSALS_AT_ONCE]
        gone = [path for path in some if storage.find_if_there(settings().raw_bucket, path) is None]
        report.balance.add_gone(gone)
        if not report.dry_run:
            run_transaction(partial(note_gone, paths=gone, service=SERVICE))


def _decide(session: Session, page: list[StoredObject], *, dry_run: bool) -> Decided:
    """Classify each object of a page; record resends, and give up objects at their limit."""
    if not dry_run:
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    now, decided = database_now(session), Decided()
    beside = companions_among(page)
    decided.groups += [(Group.COMPANION, stored.path, None) for stored in beside]
    for one in judge(session, [stored for stored in page if stored not in beside]):
        group = one.group
        if one.missing is not None:
            group = _decide_lost(session, one, now, decided, dry_run=dry_run)
        decided.groups.append((group, one.upload.stored.path, one.reason))
    return decided


def _decide_lost(
    session: Session, lost: Judged, now: datetime, decided: Decided, *, dry_run: bool
) -> Group:
    """Decide about an upload that is unknown or incomplete; return its group."""
    waits = Group.WAITING if lost.missing is Missing.ALL else Group.IMAGE
    sent = lost.past.sent.get(_mark(lost), [])
    judgement = verdict(sent, now)
    if not _is_old(lost.upload.stored, now) or judgement is Verdict.WAIT:
        return waits
    if judgement is Verdict.SEND:
        decided.claimed.append(Claimed(lost, None if dry_run else _note(session, lost)))
        return lost.group
    if _may_be_queued(session, lost, sent[-1]):
        return waits
    decided.given_up.append(lost.upload)
    if not dry_run:
        _give_up(session, lost.upload)
    return waits


def _is_old(stored: StoredObject, now: datetime) -> bool:
    return stored.created is None or now - stored.created > grace()


def _mark(lost: Judged) -> str:
    return Stage.UPLOAD.mark(lost.upload.stored.generation)


def _note(session: Session, lost: Judged) -> int:
    what = "no result" if lost.missing is Missing.ALL else "only some of its results"
    event = ImageEvent(
        image_id=lost.upload.image_id,
        bucket_path=lost.upload.stored.path,
        service=SERVICE,
        message_id=_mark(lost),
        state=lost.state,
        reason=f"sent again: the file had {what}",
    )
    session.add(event)
    session.flush()
    return event.event_id


def _may_be_queued(session: Session, lost: Judged, sent_at: datetime) -> bool:
    """Return whether a CR2 may still be queued: until later ones have come through.

    FITS files are posted, not queued.
    """
    if not lost.upload.is_raw:
        return False
    query = select(ImageFile.path).where(
        ImageFile.kind == FileKind.CR2,
        ImageFile.generation > lost.upload.stored.generation,
        ImageFile.updated_at > sent_at,
    )
    return session.scalars(query.limit(1)).first() is None


def _give_up(session: Session, upload: Upload) -> None:
    error = exhausted(last_words(session, upload.image_id, upload.stored.path))
    identity = _identity(session, upload)
    if identity is None:
        record_refusal(session, error, SERVICE, upload.stored.path, stored=upload.stored)
    else:
        record_failure(session, error, SERVICE, identity, upload.stored)


def _identity(session: Session, upload: Upload) -> Identity | None:
    """Return the ids in an upload's path, or else those it is recorded under; None without."""
    path = image_path(upload.stored.path)
    if path is not None:
        return identify(path, {})
    query = select(Image.sequence_id).where(Image.image_id == upload.image_id)
    sequence_id = session.scalar(query)
    if upload.image_id is None or sequence_id is None:
        return None
    image, sequence = CameraTime.parse(upload.image_id), CameraTime.parse(sequence_id)
    return Identity(image, sequence, None, {})


def _send(claimed: list[Claimed], report: Report) -> None:
    """Send the first of these; if the receiver is unavailable, none counts as sent."""
    upload = claimed[0].lost.upload
    try:
        if not report.dry_run:
            _hand_on(claimed[0].lost)
    except PermanentError as error:
        report.add_failed(upload.name, error.message)
    except TransientError as error:
        if _is_away(error):
            withdraw(_events(claimed))
            raise
        if not run_transaction(_others_come_in):
            withdraw(_events(claimed[:1]))
        report.add_failed(upload.name, str(error))
    else:
        report.add_sent(upload.name)


def _hand_on(lost: Judged) -> None:
    stored = lost.upload.stored
    image = ImageObject(bucket_path=stored.path, bucket=stored.bucket, generation=stored.generation)
    if lost.missing is Missing.ALL:
        post(settings().image_received_url, image, behind=1)
    elif lost.upload.is_raw:
        publish(settings().raw_topic, image)
    else:
        # Plate solvers ignore ended images; cf-make-jpg makes the pictures.
        publish(
            settings().pipeline_topic,
            PipelineImage(
                image_id=str(lost.upload.image_id),
                bucket=stored.bucket,
                bucket_path=stored.path,
                generation=stored.generation,
            ),
        )


def _is_away(error: TransientError) -> bool:
    """Return whether the receiver does not respond at all, which says nothing about the file."""
    cause = error.__cause__
    return cause is not None and not isinstance(cause, requests.ReadTimeout)


def _others_come_in(session: Session) -> bool:
    """Return whether files were accepted recently; else the fault is not this file's."""
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
