"""Deleted objects of the raw bucket: noted by the sweep and no longer offered for download."""

from collections.abc import Iterator, Sequence, Set
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, func, select, union
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from panoptes_network.database.models import Image, ImageFile
from panoptes_network.database.operation_models import GoneObject
from panoptes_network.states import FileKind

Path = InstrumentedAttribute[str] | InstrumentedAttribute[str | None]

CHUNK = 1000
"""Paths per statement: PostgreSQL allows at most 65,535 parameters."""


def note_gone_objects(
    session: Session,
    bucket: str,
    names: Set[str],
    part: tuple[str, str | None],
    settled_for: timedelta,
) -> list[str]:
    """Record which objects of a part of a bucket are missing; return their names.

    Objects noted before that exist again are removed from the record. For the parameters, see
    `find_gone_objects`.
    """
    gone = find_gone_objects(session, bucket, names, part, settled_for)
    noted = select(GoneObject.path).where(
        GoneObject.bucket == bucket, lies_in(GoneObject.path, part)
    )
    back = set(session.scalars(noted)) & names
    for paths in _chunks(sorted(back)):
        is_back = (GoneObject.bucket == bucket) & GoneObject.path.in_(paths)
        session.execute(delete(GoneObject).where(is_back))
    for paths in _chunks(gone):
        new = insert(GoneObject).values([{"bucket": bucket, "path": path} for path in paths])
        again = new.on_conflict_do_update(
            index_elements=["bucket", "path"], set_={"noted_at": func.now()}
        )
        session.execute(again)
    return gone


def find_gone_objects(
    session: Session,
    bucket: str,
    names: Set[str],
    part: tuple[str, str | None],
    settled_for: timedelta,
) -> list[str]:
    """Return the names of objects that rows refer to but that are missing in a part of a bucket.

    Parameters
    ----------
    names : set of str
        All objects in this part of the bucket.
    part : (str, str or None)
        See `lies_in`.
    settled_for : timedelta
        Skip rows changed more recently: their object may have been uploaded since.
    """
    is_settled = func.now() - settled_for
    raw = select(Image.bucket_path.label("path")).where(
        Image.bucket == bucket, Image.updated_at < is_settled, lies_in(Image.bucket_path, part)
    )
    cr2 = select(ImageFile.path).where(
        ImageFile.bucket == bucket,
        ImageFile.kind == FileKind.CR2,
        ImageFile.updated_at < is_settled,
        lies_in(ImageFile.path, part),
    )
    return sorted(set(session.scalars(union(raw, cr2))) - names)


def is_gone(table: type[Image] | type[ImageFile]) -> ColumnElement[bool]:
    """Return whether a row's object was found missing after the row's last change."""
    path: Path = Image.bucket_path if table is Image else ImageFile.path
    return exists().where(
        GoneObject.bucket == table.bucket,
        GoneObject.path == path,
        GoneObject.noted_at > table.updated_at,
    )


def lies_in(path: Path, part: tuple[str, str | None]) -> ColumnElement[bool]:
    """Return whether a path is in a part of a bucket, in the bucket's listing order.

    `part` is the name after which it begins and its last name, or None for the rest of the bucket.
    """
    after, until = part
    name = path.collate("C")
    return name > after if until is None else and_(name > after, name <= until)


def _chunks(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    return (paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK))
