"""The sweep of superseded products, which deletes them.

It waits for a lease, as a worker may still be writing one. It deletes exactly the generation that
it checked, and only if no row names the path again. Objects without a record that they were made
for this image or sequence stay, and so do all raw objects.
"""

from collections.abc import Sequence as Rows
from functools import partial

from sqlalchemy import delete, func, or_, select, tuple_
from sqlalchemy.orm import Session

from panoptes_network import storage
from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.light_curve_models import LightCurveSet
from panoptes_network.database.models import Image, ImageFile, Sequence
from panoptes_network.database.operation_models import SupersededObject
from panoptes_network.database.superseded import folder_of
from panoptes_network.operations.report import Report
from panoptes_network.operations.retry_policy import database_now, lease
from panoptes_network.provenance import Origin
from panoptes_network.storage import StoredObject

PAGE_SIZE = 100

Key = tuple[str, str]


def sweep_superseded(report: Report) -> None:
    """Delete the objects superseded at least a lease ago, until the budget is spent.

    Raises
    ------
    TransientError
        If storage or database is unavailable.
    """
    after: Key | None = None
    while not report.is_spent:
        page = run_transaction(partial(_due, after=after))
        for left in page:
            _delete(left, report)
        if not page:
            return
        after = (page[-1].bucket, page[-1].path)


def _due(session: Session, after: Key | None) -> Rows[SupersededObject]:
    query = select(SupersededObject).where(SupersededObject.since < func.now() - lease())
    key = tuple_(SupersededObject.bucket, SupersededObject.path)
    if after is not None:
        query = query.where(key > after)
    return session.scalars(query.order_by(*key).limit(PAGE_SIZE)).all()


def _delete(left: SupersededObject, report: Report) -> None:
    stored = storage.find_if_there(left.bucket, left.path)
    if stored is not None and run_transaction(partial(_is_young, stored=stored)):
        return  # Its row may come later: the next sweep checks again.
    if stored is not None and _may_go(stored, left):
        if not report.dry_run and not storage.delete(stored):
            return  # It was overwritten: the next sweep checks again.
        report.products_deleted += 1
    if not report.dry_run:
        run_transaction(partial(_forget, left=left))


def _is_young(session: Session, stored: StoredObject) -> bool:
    return stored.created is not None and stored.created >= database_now(session) - lease()


def _may_go(stored: StoredObject, left: SupersededObject) -> bool:
    origin = Origin.of(stored)
    made_of = origin.image_id if origin else stored.metadata.get("sequence-id")
    if stored.bucket == settings().raw_bucket or made_of != left.subject:
        return False
    return not run_transaction(partial(_is_in_use, left=left))


def _is_in_use(session: Session, left: SupersededObject) -> bool:
    """Return whether a row names the object, or the image's products are in this folder again."""
    film = select(Sequence.sequence_id).where(
        Sequence.sequence_id == left.subject, Sequence.film_path == left.path
    )
    curves = select(LightCurveSet.sequence_id).where(
        LightCurveSet.sequence_id == left.subject,
        or_(LightCurveSet.parquet_path == left.path, LightCurveSet.fits_path == left.path),
    )
    file = select(ImageFile.path).where(
        ImageFile.bucket == left.bucket, ImageFile.path == left.path
    )
    if any(session.scalar(query) is not None for query in (film, curves, file)):
        return True
    image = session.scalar(select(Image).where(Image.image_id == left.subject))
    if image is None or image.bucket_path is None:
        return False
    folder = folder_of(image.bucket_path, image.image_id, image)
    return image.solved_path == left.path or folder == left.path.rpartition("/")[0]


def _forget(session: Session, left: SupersededObject) -> None:
    """Delete the record, unless the object was superseded again since."""
    session.execute(
        delete(SupersededObject).where(
            SupersededObject.bucket == left.bucket,
            SupersededObject.path == left.path,
            SupersededObject.since == left.since,
        )
    )
